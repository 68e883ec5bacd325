package main

import (
	"bufio"
	"fmt"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
)

type simulateCommand struct {
	Seed     uint64        `default:"1" help:"The same seed gives the same events."`
	Sessions int           `default:"300" help:"Sessions live at once."`
	Duration time.Duration `default:"10m" help:"Event time from the first to the last event."`
	Pace     time.Duration `default:"10s" help:"Mean time between two uses of a session."`
	Attacks  []string      `default:"${attacks}" help:"Attacks to mix in (${attacks}), or none."`
	Start    time.Time     `default:"2026-01-01T00:00:00Z" placeholder:"TIME" help:"Time of the first event, RFC 3339 (default: ${default})."`
	Geo      bool          `default:"true" negatable:"" help:"Give each event its place, as a CDN would (default: true)."`
}

func (c simulateCommand) Run(p *process) error {
	cfg := simulate.Config{Seed: c.Seed, Sessions: c.Sessions, Start: c.Start, Duration: c.Duration, Pace: c.Pace}
	for _, a := range c.Attacks {
		if a != "none" {
			cfg.Attacks = append(cfg.Attacks, simulate.Attack(a))
		}
	}
	if c.Duration <= 0 {
		return usageError{fmt.Errorf("--duration must be positive")}
	}
	g, err := simulate.New(cfg)
	if err != nil {
		return usageError{err}
	}
	out := bufio.NewWriterSize(p.stdout, 1<<16)
	var e simulate.Event
	var line []byte
	for g.Next(&e) {
		line = append(e.AppendJSON(line[:0], c.Geo), '\n')
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
	}
	return out.Flush()
}

// attackNames lists the kinds of attack for the help.
func attackNames() string {
	var names []string
	for _, a := range simulate.Attacks() {
		names = append(names, string(a))
	}
	return strings.Join(names, ",")
}
