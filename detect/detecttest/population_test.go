package detecttest_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/detect/simulate/population"
	"github.com/hijackd/hijackd/schema"
)

// people is some hours of simulated traffic with every kind of attack, in order of time.
func people(t *testing.T, seed uint64, start time.Time) []*schema.Event {
	t.Helper()
	w, err := population.New(population.Config{Seed: seed, Sessions: 150, Start: start, Duration: 8 * time.Hour, Attacks: simulate.AllAttacks()})
	if err != nil {
		t.Fatal(err)
	}
	var events []*schema.Event
	for e := (simulate.Event{}); w.Next(&e); {
		events = append(events, e.Event.Clone())
	}
	if len(events) < 3000 {
		t.Fatalf("only %d events", len(events))
	}
	return events
}

var monday = time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)

// asTold is what findings say, a line each, in an order of their own.
func asTold(t *testing.T, found []schema.Finding) []string {
	t.Helper()
	var lines []string
	for i := range found {
		line, err := json.Marshal(&found[i])
		if err != nil {
			t.Fatalf("%s: %v", found[i].Rule, err)
		}
		lines = append(lines, string(line))
	}
	slices.Sort(lines)
	return lines
}

var (
	made  = regexp.MustCompile(`\b(fnd|hjk|sgt)_[\w-]+`)
	dates = regexp.MustCompile(`\b[12]\d{3}-\d{2}-\d{2}`)
)

// edited changes each line, leaving out ids that are made of what was changed.
func edited(lines []string, change func(string) string) []string {
	var all []string
	for _, line := range lines {
		all = append(all, change(made.ReplaceAllString(line, "$1")))
	}
	slices.Sort(all)
	return all
}

func same(line string) string { return line }

func mustTellTheSame(t *testing.T, how string, got, want []string) {
	t.Helper()
	shown := 0
	differ := func(what string, a, b []string) {
		for _, line := range a {
			if _, found := slices.BinarySearch(b, line); !found && shown < 4 {
				shown++
				t.Errorf("%s: %s: %s", how, what, line)
			}
		}
	}
	differ("found too much", got, want)
	differ("not found", want, got)
	if shown == 0 && len(got) != len(want) {
		t.Errorf("%s: %d findings, want %d", how, len(got), len(want))
	}
}

// TestPopulationIsJudgedTheSame: whatever befalls a stream on its way, all folds together find the same in it.
func TestPopulationIsJudgedTheSame(t *testing.T) {
	for seed := range uint64(2) {
		events := people(t, seed+1, monday)
		want := asTold(t, detecttest.Found(running, events))
		if len(want) < 50 {
			t.Fatalf("only %d findings", len(want))
		}
		r := rand.New(rand.NewPCG(seed, 5))
		for range 2 {
			shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), r)
			mustTellTheSame(t, "shuffled", asTold(t, detecttest.Found(running, shuffled)), want)
		}
		var twice []*schema.Event
		for i, e := range events {
			twice = append(twice, e, events[max(0, i-r.IntN(50))])
		}
		mustTellTheSame(t, "with duplicates", asTold(t, detecttest.Found(running, twice)), want)
		for _, most := range []int{1, 7, 40} {
			mustTellTheSame(t, fmt.Sprintf("in batches of up to %d", most), asTold(t, detecttest.FoundInBatches(running, events, most, r)), want)
		}
		for range 3 {
			at := r.IntN(len(events))
			mustTellTheSame(t, fmt.Sprintf("restarted before event %d", at), asTold(t, detecttest.FoundAfterRestart(running, events, at)), want)
		}
	}
}

// TestTheWeekMakesNoDifference: hours of the day and days of the week may matter, calendar weeks don't.
func TestTheWeekMakesNoDifference(t *testing.T) {
	events := people(t, 3, monday)
	want := edited(asTold(t, detecttest.Found(running, events)), same)
	for _, weeks := range []int{-3, 1, 60} {
		shift := time.Duration(weeks) * 7 * 24 * time.Hour
		var moved []*schema.Event
		for _, e := range events {
			c := e.Clone()
			for _, at := range []*int64{&c.Time, &c.RecordTime, &c.AuthTime, &c.ExpiresAt} {
				if *at != 0 {
					*at += int64(shift)
				}
			}
			moved = append(moved, c)
		}
		got := edited(asTold(t, detecttest.Found(running, moved)), func(line string) string {
			return dates.ReplaceAllStringFunc(line, func(date string) string {
				at, err := time.Parse(time.DateOnly, date)
				if err != nil {
					return date
				}
				return at.Add(-shift).Format(time.DateOnly)
			})
		})
		mustTellTheSame(t, fmt.Sprintf("%d weeks later", weeks), got, want)
	}
}

// TestNamesMakeNoDifference: users and tokens called by other names, in another order, are found to do the same.
func TestNamesOfPeopleMakeNoDifference(t *testing.T) {
	events := people(t, 4, monday)
	want := edited(asTold(t, detecttest.Found(running, events)), same)
	back := map[string]string{}
	other := func(kind, name string) string {
		if name == "" {
			return ""
		}
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		alias := fmt.Sprintf("%s%016x", kind, h.Sum64())
		back[alias] = name
		return alias
	}
	var renamed []*schema.Event
	for _, e := range events {
		c := e.Clone()
		c.User, c.Token, c.PreviousToken = other("user-", c.User), other("h1:k1:tok-", c.Token), other("h1:k1:tok-", c.PreviousToken)
		renamed = append(renamed, c)
	}
	var pairs []string
	for alias, name := range back {
		pairs = append(pairs, alias, name)
	}
	again := strings.NewReplacer(pairs...)
	got := edited(asTold(t, detecttest.Found(running, renamed)), again.Replace)
	mustTellTheSame(t, "renamed", got, want)
}
