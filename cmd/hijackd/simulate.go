package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/detect/simulate/population"
)

type simulateCommand struct {
	Seed     uint64        `default:"1" help:"The same seed gives the same events."`
	Sessions int           `default:"300" help:"Up to an hour: sessions live at once. From an hour on: benign logins in the whole duration, about."`
	Users    int           `placeholder:"N" help:"People, instead of --sessions; also for less than an hour."`
	Duration time.Duration `default:"10m" help:"Event time from the first to the last event."`
	Pace     time.Duration `default:"10s" help:"Mean time between two uses of a session, where --sessions are live at once."`
	Attacks  []string      `default:"${attacks}" help:"Kinds of attack to mix in (${attacks}), all, or none."`
	Each     int           `default:"1" help:"Attacks of each kind, in a population."`
	Start    time.Time     `default:"2026-01-01T00:00:00Z" placeholder:"TIME" help:"Time of the first event, RFC 3339 (default: ${default})."`
	Geo      bool          `default:"true" negatable:"" help:"Give each event its place, as a CDN would (default: true)."`
	Label    bool          `default:"true" negatable:"" help:"Give each event its label, which hijackd ignores (default: true)."`
	Labels   string        `placeholder:"FILE" help:"Write one line for each attack to this file, and one with totals."`
	Late     float64       `default:"0.002" placeholder:"SHARE" help:"Share of a population's events that arrive minutes late (default: ${default})."`
	Repeats  float64       `default:"0.0005" placeholder:"SHARE" help:"Share of a population's events that arrive twice (default: ${default})."`
	Shuffle  bool          `help:"Let every event of a population arrive up to 9 min late."`
	Hard     bool          `help:"Add what looks like an attack to any rule: roaming through the carrier at home, misplaced gateways, shared accounts."`
}

// Run writes the small world or a population (docs/simulate.md says which is which).
func (c simulateCommand) Run(p *process) error {
	if c.Duration <= 0 {
		return usageError{errors.New("--duration must be positive")}
	}
	kinds, err := c.kinds()
	if err != nil {
		return usageError{err}
	}
	if c.Users == 0 && c.Duration < time.Hour && c.small(kinds) {
		return c.runSmall(p, kinds)
	}
	w, err := population.New(population.Config{Seed: c.Seed, Users: c.Users, Sessions: c.Sessions, Start: c.Start, Duration: c.Duration, Attacks: kinds, Each: c.Each,
		Late: c.Late, Repeats: c.Repeats, Shuffle: c.Shuffle, Hard: c.Hard})
	if err != nil {
		return usageError{err}
	}
	var totals simulatedTotals
	if err := c.write(p.stdout, w.Next, &totals); err != nil {
		return err
	}
	if missed := w.Missed(); len(missed) > 0 {
		_, _ = fmt.Fprintf(p.stderr, "no victim was found for %s: %s\n", counted(len(missed), "attack"), missed)
	}
	totals.Users, totals.BenignSessions = w.Users(), w.Sessions()
	return c.writeLabels(w.Incidents(), totals)
}

func (c simulateCommand) runSmall(p *process, kinds []simulate.Attack) error {
	if c.Labels != "" || c.Shuffle || c.Hard {
		return usageError{errors.New("--labels, --shuffle and --hard are of a population: --users, or --duration of an hour or more")}
	}
	g, err := simulate.New(simulate.Config{Seed: c.Seed, Sessions: c.Sessions, Start: c.Start, Duration: c.Duration, Pace: c.Pace, Attacks: kinds})
	if err != nil {
		return usageError{err}
	}
	return c.write(p.stdout, g.Next, new(simulatedTotals))
}

// kinds reads --attacks.
func (c simulateCommand) kinds() (kinds []simulate.Attack, err error) {
	for _, a := range c.Attacks {
		switch k := simulate.Attack(a); {
		case a == "all":
			kinds = append(kinds, simulate.AllAttacks()...)
		case a == "none":
		case !k.Known():
			return nil, fmt.Errorf("--attacks: unknown kind %q", a)
		default:
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
}

// small reports whether the small world has all of the kinds.
func (simulateCommand) small(kinds []simulate.Attack) bool {
	for _, k := range kinds {
		if !k.Simple() {
			return false
		}
	}
	return true
}

// simulatedTotals is the last line of --labels.
type simulatedTotals struct {
	Users          int            `json:"users"`
	BenignSessions int            `json:"benign_sessions"`
	Events         int            `json:"events"`
	AttackerEvents int            `json:"attacker_events"`
	Nuisances      map[string]int `json:"nuisances"` // events
}

func (c simulateCommand) write(to io.Writer, next func(*simulate.Event) bool, totals *simulatedTotals) error {
	out := bufio.NewWriterSize(to, 1<<18)
	var e simulate.Event
	var line []byte
	var nuisances [64]int
	for next(&e) {
		if c.Label {
			line = e.AppendJSON(line[:0], c.Geo)
		} else {
			line = e.AppendUnlabelled(line[:0], c.Geo)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		totals.Events++
		if e.Role == simulate.Attacker {
			totals.AttackerEvents++
		}
		for n := range e.Nuisances.All() {
			nuisances[n]++
		}
	}
	totals.Nuisances = map[string]int{}
	for _, n := range simulate.AllNuisances() {
		totals.Nuisances[n.String()] = nuisances[n]
	}
	return out.Flush()
}

// writeLabels writes one line for each attack, and the totals.
func (c simulateCommand) writeLabels(incidents []population.Incident, totals simulatedTotals) (err error) {
	if c.Labels == "" {
		return nil
	}
	f, err := os.Create(c.Labels)
	if err != nil {
		return fmt.Errorf("write labels: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := json.NewEncoder(f)
	for i := range incidents {
		if err := out.Encode(&incidents[i]); err != nil {
			return fmt.Errorf("write labels: %w", err)
		}
	}
	return out.Encode(struct {
		Totals simulatedTotals `json:"totals"`
	}{totals})
}

// attackNames lists the kinds of attack of the small world for the help.
func attackNames() string {
	var names []string
	for _, a := range simulate.Attacks() {
		names = append(names, string(a))
	}
	return strings.Join(names, ",")
}
