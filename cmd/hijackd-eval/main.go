// Command hijackd-eval measures detection on simulated traffic whose truth is known: it judges labelled worlds with all folds and rules
// of hijackd and writes what came out to docs/evaluation.md. It is for developers, by way of make eval, and no part of the product.
//
// It claims nothing about anybody's real traffic: the simulator's people, networks and thieves are all it knows.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hijackd-eval:", err)
		os.Exit(1)
	}
}

// size is how much is simulated.
type size struct {
	Seeds    int
	Sessions int // per seed
	Duration time.Duration
	Calm     time.Duration // of Duration, before the first attack: rules about apps begin after a day
	Attacks  int           // of each kind and seed
}

var (
	fullSize  = size{Seeds: 20, Sessions: 40_000, Duration: 60 * time.Hour, Calm: 25 * time.Hour, Attacks: 20}
	quickSize = size{Seeds: 2, Sessions: 10_000, Duration: 48 * time.Hour, Calm: 25 * time.Hour, Attacks: 10}
)

func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("hijackd-eval", flag.ContinueOnError)
	flags.SetOutput(log)
	quick := flags.Bool("quick", false, "the small run: print its differences from the page, fail if a bound is violated")
	write := flags.Bool("write", false, "write the result to the page")
	page := flags.String("page", "docs/evaluation.md", "the page")
	losses := flags.String("losses", "", "file to write false alarms and missed attacks to, as JSON lines")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "seeds judged at once")
	seeds := flags.Int("seeds", 0, "number of seeds, from 1 on")
	sessions := flags.Int("sessions", 0, "sessions per seed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	size := fullSize
	if *quick {
		size = quickSize
	}
	if *seeds > 0 {
		size.Seeds = *seeds
	}
	if *sessions > 0 {
		size.Sessions = *sessions
	}
	s, err := evaluate(ctx, log, size, *workers)
	if err != nil {
		return err
	}
	if err := s.writeLosses(*losses); err != nil {
		return err
	}
	_, _ = fmt.Fprint(log, s.worst())
	begin, end, part := fullBegin, fullEnd, s.full()
	if *quick {
		begin, end, part = quickBegin, quickEnd, s.quick()
	}
	old, err := os.ReadFile(*page)
	if err != nil {
		return err
	}
	now, err := replaced(string(old), begin, end, part)
	if err != nil {
		return err
	}
	if diff := lineDiff(string(old), now); diff != "" {
		_, _ = fmt.Fprintf(out, "what changes in %s:\n%s", *page, diff)
	} else {
		_, _ = fmt.Fprintf(out, "nothing changes in %s\n", *page)
	}
	if *write {
		if err := os.WriteFile(*page, []byte(now), 0o644); err != nil { // #nosec G306 -- documentation
			return err
		}
	}
	if v := s.violations(); *quick && v != nil {
		return errors.New(strings.Join(v, "; "))
	}
	return nil
}

// writeLosses writes what went wrong, a mistake a line.
func (s *score) writeLosses(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	for i := range s.lost {
		if err := enc.Encode(&s.lost[i]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
