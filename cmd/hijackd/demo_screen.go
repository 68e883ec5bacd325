package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen writes the demo's lines. On a terminal the status line stays below them; elsewhere it is left out.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	colour   bool
	began    time.Time
	below    string // the status line as it stands
}

func newScreen(p *process) *screen {
	s := &screen{out: p.stdout, began: time.Now()}
	if f, ok := p.stdout.(*os.File); ok {
		info, err := f.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	s.colour = s.terminal
	for _, e := range p.environ {
		if v, ok := strings.CutPrefix(e, "NO_COLOR="); ok && v != "" || e == "TERM=dumb" {
			s.colour = false
		}
	}
	return s
}

// screenWidth is the most columns of a line.
const screenWidth = 100

// Colours of the tags, as ANSI codes.
const (
	red    = "31;1"
	green  = "32;1"
	yellow = "33;1"
	blue   = "34;1"
	grey   = "90"
)

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// line writes a line of the log: the time, a tag and text, its further lines indented under the first.
func (s *screen) line(code, tag, first string, more ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", s.paint(grey, fmt.Sprintf("%6.1fs", time.Since(s.began).Seconds())), s.paint(code, fmt.Sprintf("%-8s", tag)), first)
	for _, m := range more {
		b.WriteString(m + "\n")
	}
	s.print(b.String())
}

// margin is the indentation under a line's text.
const margin = "                 "

// print writes text above the status line.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.below != "" {
		text = "\r\x1b[K" + text + s.below
	}
	_, _ = io.WriteString(s.out, text)
}

// status replaces the status line; an empty text removes it.
func (s *screen) status(text string) {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.out, "\r\x1b[K"+text)
	s.below = text
}

// Write takes the daemon's log.
func (s *screen) Write(b []byte) (int, error) {
	s.print(s.paint(grey, strings.TrimRight(string(b), "\n")) + "\n")
	return len(b), nil
}
