package engine

import (
	"bytes"
	"log/slog"
	"sync"
)

// maxLine bounds what is kept of a line, in bytes.
const maxLine = 4096

// lines logs what is written to it line by line, and keeps the last one.
type lines struct {
	log *slog.Logger

	mu      sync.Mutex
	pending []byte
	latest  string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		rest = after
		l.pending = append(l.pending, line[:min(len(line), maxLine-len(l.pending))]...)
		if ended {
			l.flush()
		}
	}
	return len(p), nil
}

func (l *lines) flush() {
	if len(l.pending) > 0 {
		l.latest = string(l.pending)
		l.log.Warn("embedded engine", slog.String("says", l.latest))
		l.pending = l.pending[:0]
	}
}

// last is the last line, complete or not; to be called when the writer has ended.
func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return l.latest
}
