package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// errEmbedded is why another process can't ask the embedded engine.
var errEmbedded = errors.New("clickhouse.dsn is not set: the embedded engine answers the daemon alone")

// openServer connects to the ClickHouse server within seconds, or says why not.
func openServer(ctx context.Context, cfg *Config) (*store.DB, error) {
	if cfg.ClickHouse.DSN == "" {
		return nil, errEmbedded
	}
	db, err := store.Open(cfg.store(), enrich.ParseAgent)
	if err != nil {
		return nil, usageError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := db.Ping(ctx); err != nil {
		_ = db.Close() // nothing was read
		return nil, err
	}
	return db, nil
}

// warn tells of what the command goes on without.
func (p *process) warn(format string, args ...any) {
	_, _ = fmt.Fprintf(p.stderr, "warning: "+format+"\n", args...)
}

// person reports whether somebody sits at standard input.
func (p *process) person() bool {
	f, ok := p.stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ask puts a question on a terminal and returns the answer.
func (p *process) ask(question string) string {
	_, _ = fmt.Fprint(p.stderr, question+" ")
	line, _ := bufio.NewReader(p.stdin).ReadString('\n') // no answer is an empty one
	return strings.TrimSpace(line)
}

// errNotAgreed ends a command that nobody agreed to.
var errNotAgreed = errors.New("nothing was ordered")

// agree has a person say yes, unless --yes did.
func (p *process) agree(yes bool, question string) error {
	switch {
	case yes:
		return nil
	case !p.person():
		return usageError{errors.New("nobody can be asked here: --yes is needed")}
	case strings.EqualFold(p.ask(question+" [y/N]"), "y"):
		return nil
	}
	return errNotAgreed
}

// table writes rows in columns. Every cell is made safe to show.
func (p *process) table(rows [][]string) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = string(schema.CleanText(cell, 200))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t ")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// span is a length of time in a flag: Go's forms, and days (30d) and weeks (2w).
type span time.Duration

// UnmarshalText reads it. It is longer than nothing and at most ten years.
func (s *span) UnmarshalText(text []byte) error {
	d, err := parseSpan(string(text))
	if err != nil || d <= 0 || d > 10*365*24*time.Hour {
		return errors.New("not a length of time such as 90m, 12h, 30d or 2w")
	}
	*s = span(d)
	return nil
}

func parseSpan(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if count, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(count, 10, 16)
			return time.Duration(n) * length, err // #nosec G115 -- 16 bits
		}
	}
	return time.ParseDuration(text)
}

// when writes a time for people.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
