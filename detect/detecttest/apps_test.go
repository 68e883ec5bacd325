package detecttest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

// ledger is a rule that tells all that was counted of an app on each day.
var ledger = detect.Rule{Name: "ledger", Version: 1, Attack: []string{}}

type ledgerJudge struct{}

func (ledgerJudge) Needs() detect.AppNeeds {
	limit := func(d time.Duration) func(string) time.Duration {
		return func(app string) time.Duration {
			if app == "wiki" {
				return 0
			}
			return d
		}
	}
	return detect.AppNeeds{
		Idle: limit(15 * time.Minute), Overage: limit(45 * time.Minute), Renewal: limit(20 * time.Minute), MinBits: 128, Skew: 2 * time.Minute,
		Hosts: func(string) []string { return []string{"*.example.com"} },
		Apps: func(app string) []string {
			if app == "shop" {
				return []string{"mail"}
			}
			return nil
		},
	}
}

const allFacts = int(detect.Strangers) + 6

func (ledgerJudge) Judge(a *detect.App, say func(detect.AppVerdict)) {
	for _, day := range a.Days() {
		all, hours, samples := a.Day(day), []string{}, []string{}
		for f := range detect.AgeClasses { // of a day, at whatever hour
			if n := all.N(detect.Ages + detect.Fact(f)); n != 0 {
				hours = append(hours, fmt.Sprintf("99 %d: %d", int(detect.Ages)+f, n))
			}
		}
		for h := day * 24; h < (day+1)*24; h++ {
			for f := range allFacts {
				if f >= int(detect.Ages) && f < int(detect.Failures) {
					continue
				}
				if n := a.N(h, detect.Fact(f)); n != 0 {
					hours = append(hours, fmt.Sprintf("%02d %d: %d", h-day*24, f, n))
				}
			}
		}
		for f := range allFacts {
			for _, x := range all.Examples(detect.Fact(f)) {
				samples = append(samples, fmt.Sprintf("%d: %+v", f, x))
			}
			samples = append(samples, fmt.Sprintf("%d: %v", f, all.Tokens(detect.Fact(f))))
		}
		say(detect.AppVerdict{
			About: fmt.Sprint(day), Until: day*24 + 23, Confidence: 0.5, Time: day * int64(24*time.Hour),
			Evidence: map[string]any{"hours": hours, "samples": samples, "bits": all.MinBits, "lead": all.MaxLead, "lag": all.MaxLag},
		})
	}
}

var ledgers = []detect.Running{{Rule: &ledger, App: ledgerJudge{}}}

// deed is an event before it is known what comes before it.
type deed struct {
	gap                                            time.Duration
	token, typ, app, place, look, record, id, host int
}

var deeds = rapid.Custom(func(t *rapid.T) deed {
	return deed{
		gap:   rapid.SampledFrom([]time.Duration{0, 400 * time.Millisecond, 20 * time.Second, 90 * time.Second, 4 * time.Minute, 16 * time.Minute, 50 * time.Minute, 3 * time.Hour}).Draw(t, "gap"),
		token: rapid.IntRange(0, 5).Draw(t, "token"), typ: rapid.IntRange(0, 19).Draw(t, "type"), app: rapid.IntRange(0, 3).Draw(t, "app"),
		place: rapid.IntRange(0, 2).Draw(t, "place"), look: rapid.IntRange(0, 15).Draw(t, "look"), record: rapid.IntRange(0, 9).Draw(t, "record"),
		id: rapid.IntRange(0, 9).Draw(t, "id"), host: rapid.IntRange(0, 5).Draw(t, "host"),
	}
})

// business draws events of a few tokens at a few apps around midnight.
func business(t *rapid.T) []*schema.Event {
	at := time.Date(2026, 11, 21, 22, 30, 0, 0, time.UTC)
	var events []*schema.Event
	tokens := []string{"t1", "t2", "t3"}
	for i, d := range rapid.SliceOfN(deeds, 1, 40).Draw(t, "deeds") {
		at = at.Add(d.gap)
		e := &schema.Event{
			ID: fmt.Sprintf("e%d-%02d", d.id, i), Time: at.UnixNano(), Token: tokens[d.token%len(tokens)], Repeat: 1, Outcome: schema.OutcomeAccepted,
			App: []string{"shop", "shop", "mail", "wiki"}[d.app], User: []string{"", "u-1"}[d.id%2], IP: address(d.place), RecordTime: at.UnixNano(),
			Host: []string{"", "", "a.example.com", "B.example.com:443", "a.example.com", "evil.example"}[d.host], Path: "/a?token=1",
		}
		switch d.look {
		case 0:
			e.Scheme = schema.SchemeHTTP
		case 1:
			e.TokenIn = schema.TokenInQuery
		case 2:
			e.TokenBits = 64
		case 3:
			e.TokenBits = 127
		case 4:
			e.RawToken = true
		case 5:
			e.Repeat = 7
		case 6:
			e.App = ""
		}
		switch d.record {
		case 0:
			e.RecordTime -= int64(3 * time.Minute)
		case 1:
			e.RecordTime += int64(time.Hour)
		case 2:
			e.RecordTime, e.Ahead = e.RecordTime-int64(6*time.Minute), true
		}
		switch d.typ {
		case 19, 18:
			e.Type = schema.SessionStarted
		case 17:
			e.Type, e.PreviousToken, e.Token = schema.SessionRotated, e.Token, fmt.Sprint("t", len(tokens)+1)
			tokens = append(tokens, e.Token)
		case 16, 15:
			e.Type, e.Token = schema.LoginFailed, ""
		case 14:
			e.Outcome = schema.OutcomeRejected
		case 13:
			e.Type = schema.SessionEnded
		}
		events = append(events, e)
	}
	return events
}

func TestCountsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := business(t)
		want := detecttest.Found(ledgers, events)
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		mustEqual(t, "shuffled", shuffled, detecttest.Found(ledgers, shuffled), want)
	})
}

func TestCountsOfRepeatedEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := business(t)
		want := detecttest.Found(ledgers, events)
		repeated := slices.Clone(events)
		for range rapid.IntRange(1, 10).Draw(t, "repetitions") {
			i := rapid.IntRange(0, len(repeated)-1).Draw(t, "event")
			repeated = slices.Insert(repeated, rapid.IntRange(i+1, len(repeated)).Draw(t, "again"), repeated[i])
		}
		mustEqual(t, "repeated", repeated, detecttest.Found(ledgers, repeated), want)
	})
}

func TestCountsAfterRestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := business(t)
		want := detecttest.Found(ledgers, events)
		at := rapid.IntRange(0, len(events)).Draw(t, "restart")
		mustEqual(t, fmt.Sprint("restarted before ", at), events, detecttest.FoundAfterRestart(ledgers, events, at), want)
	})
}

// TestCountsOfLanes: it makes no difference over how many lanes tokens are spread, and how far, within the lateness, one is ahead of another.
func TestCountsOfLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := business(t)
		want := detecttest.Found(ledgers, events)
		n := rapid.IntRange(2, 3).Draw(t, "lanes")
		queues := make([][]*schema.Event, n)
		of := func(token string) int { return int(xxh(token)) % n }
		for _, e := range events {
			i := of(e.Token)
			if e.Token == "" {
				i = of(e.ID)
			}
			queues[i] = append(queues[i], e)
		}
		lanes := make([]*detect.Tokens, n)
		for i := range lanes {
			lanes[i] = detecttest.Fold(ledgers)
		}
		subjects := detect.NewSubjects(detect.Options{Rules: ledgers, Budget: detect.NewBudget(1 << 30), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16)})
		merged := map[string]schema.Finding{}
		offsets := make([]int64, n)
		var out detect.Output
		tell := func() {
			sightings := slices.Clone(out.Sightings)
			out.Reset()
			for i := range sightings {
				subjects.Fold(&sightings[i], &out)
				detect.Merge(merged, out.Findings...)
				out.Reset()
			}
		}
		fold := func(i int, e *schema.Event) {
			c := *e
			c.Partition, c.Offset = int32(i), offsets[i]
			offsets[i] += 1 << 12
			lanes[i].Fold(&c, &out)
			for k := range out.Notes { // they are in their lane soon
				to := of(out.Notes[k].Token)
				behind := min(len(queues[to]), rapid.IntRange(0, 1).Draw(t, "behind"))
				if behind == 1 && queues[to][0].Time > e.Time+int64(detect.DefaultLateness) {
					behind = 0
				}
				queues[to] = slices.Insert(slices.Clone(queues[to]), behind, out.Notes[k].Clone())
			}
			tell()
		}
		for {
			first := int64(math.MaxInt64)
			for i := range queues {
				if len(queues[i]) > 0 {
					first = min(first, queues[i][0].Time)
				}
			}
			var busy []int
			for i := range queues {
				if len(queues[i]) > 0 && queues[i][0].Time <= first+int64(detect.DefaultLateness) {
					busy = append(busy, i)
				}
			}
			if len(busy) == 0 {
				break
			}
			i := rapid.SampledFrom(busy).Draw(t, "lane")
			e := queues[i][0]
			queues[i] = queues[i][1:]
			fold(i, e)
		}
		for i := range lanes {
			lanes[i].FinishCounts(&out)
			tell()
		}
		mustEqual(t, fmt.Sprint(n, " lanes"), events, detect.Sorted(merged), want)
	})
}

func xxh(s string) (h uint32) {
	for i := range len(s) {
		h = h*31 + uint32(s[i])
	}
	return h
}

// TestCountsAnotherDay: what is counted a week later under other names is the same.
func TestCountsAnotherDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := business(t)
		days := rapid.IntRange(1, 400).Draw(t, "days")
		var later []*schema.Event
		for _, e := range events {
			c := *e
			c.Time += int64(days) * int64(24*time.Hour)
			c.RecordTime += int64(days) * int64(24*time.Hour)
			later = append(later, &c)
		}
		a, b := detecttest.Found(ledgers, events), detecttest.Found(ledgers, later)
		if len(a) != len(b) {
			t.Fatalf("%d days, later %d", len(a), len(b))
		}
		of := func(all []schema.Finding) (hours []string) {
			for _, f := range all {
				hours = append(hours, fmt.Sprint(f.Subject, f.Evidence["hours"], f.Evidence["bits"], f.Evidence["lead"], f.Evidence["lag"]))
			}
			slices.Sort(hours)
			return hours
		}
		if x, y := of(a), of(b); !slices.Equal(x, y) {
			t.Fatalf("%v\nlater %v", x, y)
		}
	})
}
