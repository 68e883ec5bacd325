package detect_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

// brisk are the rules about users and networks, with thresholds that small stories reach.
var brisk = func() []detect.Running {
	c, err := rules.Decode(map[string]any{
		"multi-login": map[string]any{"max_sessions": 2}, "new-country": map[string]any{"learn_days": 1, "learn_sessions": 3},
		"new-device": map[string]any{"learn_days": 1, "learn_sessions": 3}, "token-harvest": map[string]any{"users": 2, "window": "30m"},
		"guessing": map[string]any{"tokens": 3, "window": "10m"},
	})
	if err != nil {
		panic(err)
	}
	return c.Running()
}()

func subjects(running []detect.Running, budget *detect.Budget) *detect.Subjects {
	return detect.NewSubjects(detect.Options{Rules: running, Budget: budget, Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 12)})
}

// told is what subject lanes say of sightings: findings merged, commands and notes without repetitions.
type told struct {
	findings []schema.Finding
	commands []string
	notes    []string
}

type listener struct {
	merged map[string]schema.Finding
	all    map[string]bool
	told
}

func (l *listener) hear(t *rapid.T, out *detect.Output) {
	if l.merged == nil {
		l.merged, l.all = map[string]schema.Finding{}, map[string]bool{}
	}
	detect.Merge(l.merged, out.Findings...)
	keep := func(list *[]string, id string, v any) {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if text := id + string(line); !l.all[text] {
			l.all[text] = true
			*list = append(*list, text)
		}
	}
	for _, c := range out.Commands {
		keep(&l.commands, "", c)
	}
	for _, n := range out.Notes {
		keep(&l.notes, n.ID, n)
	}
}

func (l *listener) done() told {
	l.findings = detect.Sorted(l.merged)
	slices.Sort(l.commands)
	slices.Sort(l.notes)
	return l.told
}

func (x told) text(t *rapid.T) string {
	var b strings.Builder
	for i := range x.findings {
		line, err := json.Marshal(x.findings[i])
		if err != nil {
			t.Fatalf("%v", err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String() + strings.Join(x.commands, "\n") + strings.Join(x.notes, "\n")
}

func tell(t *rapid.T, sightings []*schema.Sighting) told {
	fold := subjects(brisk, detect.NewBudget(1<<30))
	var l listener
	var out detect.Output
	for _, e := range sightings {
		out.Reset()
		fold.Fold(e, &out)
		l.hear(t, &out)
	}
	return l.done()
}

var stops = []schema.Geo{
	{Country: "FR", City: "Lyon", Lat: 45.764, Lon: 4.8357, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkResidential},
	{Country: "JP", City: "Tokyo", Lat: 35.6762, Lon: 139.6503, HasPlace: true, AccuracyKM: 10, ASN: 4713, ASOrg: "OCN"},
	{Country: "US", City: "Ashburn", Lat: 39.0438, Lon: -77.4874, HasPlace: true, ASN: 14618, ASOrg: "Amazon.com", Network: schema.NetworkHosting},
	{Country: "BR", City: "Recife", Lat: -8.0476, Lon: -34.877, HasPlace: true, ASN: 28573, ASOrg: "Claro", Network: schema.NetworkMobile},
	{Network: schema.NetworkVPN, Country: "NL", ASN: 9009},
}

var machines = []schema.Agent{
	{Family: "Firefox", OS: "Windows", Major: 140, Class: schema.DeviceDesktop},
	{Family: "Chrome", OS: "Linux", Major: 138, Class: schema.DeviceDesktop},
	{Family: "python-requests", OS: "Linux", Major: 2, Class: schema.DeviceScript},
}

// journey draws events of some users' tokens over hours or days and returns what token lanes tell of them, in event order.
func journey(t *rapid.T) []*schema.Sighting {
	type leg struct {
		gap                              time.Duration
		token, place, host, machine, typ int
	}
	legs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) leg {
		return leg{
			gap:   rapid.SampledFrom([]time.Duration{0, time.Second, 40 * time.Second, 4 * time.Minute, 9 * time.Minute, 35 * time.Minute, 3 * time.Hour, 25 * time.Hour}).Draw(t, "gap"),
			token: rapid.IntRange(0, 8).Draw(t, "token"), place: rapid.IntRange(0, len(stops)-1).Draw(t, "place"), host: rapid.IntRange(0, 1).Draw(t, "host"),
			machine: rapid.IntRange(0, len(machines)-1).Draw(t, "machine"), typ: rapid.IntRange(0, 15).Draw(t, "type"),
		}
	}), 1, 50).Draw(t, "legs")
	tokens := detect.NewTokens(detect.Options{Budget: detect.NewBudget(1 << 30), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 12)})
	var sightings []*schema.Sighting
	var out detect.Output
	at := began
	for i, g := range legs {
		at += int64(g.gap)
		e := &schema.Event{
			ID: fmt.Sprintf("e%02d", i), Offset: int64(i), Time: at, Token: fmt.Sprint("t", g.token), User: fmt.Sprint("u-", g.token%3), Session: fmt.Sprint("s-", g.token%4),
			IP: netip.AddrFrom4([4]byte{198, 51, byte(g.place), byte(g.host)}), Geo: stops[g.place], Agent: machines[g.machine], App: "shop", Partition: int32(g.token),
			Repeat: 1, Outcome: schema.OutcomeAccepted,
		}
		switch g.typ {
		case 0, 1, 2, 3:
			e.Type = schema.SessionStarted
		case 4:
			e.Type = schema.SessionEnded
		case 5:
			e.Type, e.Token = schema.SessionRevoked, ""
			if g.host == 0 {
				e.Session = ""
			}
		case 6, 7:
			e.Outcome, e.Token, e.User, e.Session = schema.OutcomeRejected, fmt.Sprint("x", g.token), "", ""
		}
		out.Reset()
		tokens.Fold(e, &out)
		for k := range out.Sightings {
			if out.Sightings[k].Scope == schema.ScopeApp {
				continue // the census of apps is said in steps
			}
			c := out.Sightings[k]
			c.Offset = int64(len(sightings))
			sightings = append(sightings, &c)
		}
	}
	return sightings
}

// late returns the sightings in another order, none later than the lateness.
func late(sightings []*schema.Sighting, seed uint64) []*schema.Sighting {
	r := rand.New(rand.NewPCG(seed, 7))
	at := map[*schema.Sighting]int64{}
	for _, e := range sightings {
		at[e] = e.Time + r.Int64N(int64(detect.DefaultLateness))
	}
	shuffled := slices.Clone(sightings)
	slices.SortStableFunc(shuffled, func(a, b *schema.Sighting) int {
		switch {
		case at[a] < at[b]:
			return -1
		case at[a] > at[b]:
			return 1
		}
		return 0
	})
	return shuffled
}

func mustTell(t *rapid.T, how string, sightings []*schema.Sighting, got, want told) {
	a, b := got.text(t), want.text(t)
	if a == b {
		return
	}
	for _, e := range sightings {
		t.Logf("%s %-8s %s:%s %s %s %v %s started=%v apart=%v new=%v", time.Unix(0, e.Time).UTC().Format("02 15:04:05"), e.Kind, e.Scope, e.Subject, e.Token, e.EventID, e.IP, e.Agent, e.Started, e.Apart, e.NewDevice)
	}
	t.Fatalf("%s:\n%s\nwant:\n%s", how, a, b)
}

func TestSubjectsOrderMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sightings := journey(t)
		shuffled := late(sightings, rapid.Uint64().Draw(t, "seed"))
		mustTell(t, "shuffled", shuffled, tell(t, shuffled), tell(t, sightings))
	})
}

func TestSubjectsDuplicatesMakeNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sightings := journey(t)
		var twice []*schema.Sighting
		for i, e := range sightings {
			again := sightings[rapid.IntRange(max(0, i-9), i).Draw(t, "again")]
			if twice = append(twice, e); again.Time > e.Time-int64(detect.DefaultLateness) { // a lane repeats what it said since its last commit
				twice = append(twice, again)
			}
		}
		mustTell(t, "with duplicates", twice, tell(t, twice), tell(t, sightings))
	})
}

func TestSubjectsRestartMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sightings := late(journey(t), rapid.Uint64().Draw(t, "seed"))
		if len(sightings) == 0 {
			return
		}
		want := tell(t, sightings)
		at := rapid.IntRange(0, len(sightings)-1).Draw(t, "restart")
		again := rapid.IntRange(0, at).Draw(t, "from") // what was published before the crash is published again
		before, after := subjects(brisk, detect.NewBudget(1<<30)), subjects(brisk, detect.NewBudget(1<<30))
		rows := map[schema.Key][]*schema.Sighting{}
		var l listener
		var out detect.Output
		for i, e := range sightings[:at] {
			out.Reset()
			before.Fold(e, &out)
			l.hear(t, &out)
			if i < again {
				rows[after.Key(e)] = append(rows[after.Key(e)], e)
			}
		}
		for _, e := range sightings[again:] {
			if k := after.Key(e); !after.Has(k) {
				after.Load(k, rows[k], true)
			}
			out.Reset()
			after.Fold(e, &out)
			l.hear(t, &out)
		}
		mustTell(t, fmt.Sprintf("restarted at %d, from %d", at, again), sightings, l.done(), want)
	})
}

// TestSubjectsNamesMakeNoDifference: other names of users, tokens and sessions give the same findings about those.
func TestSubjectsNamesMakeNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sightings := journey(t)
		var renamed []*schema.Sighting
		for _, e := range sightings {
			c := *e
			for _, name := range []*string{&c.Token, &c.User, &c.Session} {
				if *name != "" {
					*name = "other-" + *name
				}
			}
			if c.Scope != schema.ScopeNetwork {
				c.Subject = "other-" + c.Subject
			}
			c.Tenant = "acme"
			renamed = append(renamed, &c)
		}
		a, b := tell(t, sightings), tell(t, renamed)
		if len(a.findings) != len(b.findings) || len(a.notes) != len(b.notes) || len(a.commands) != len(b.commands) {
			t.Fatalf("%d findings, %d notes; renamed %d, %d", len(a.findings), len(a.notes), len(b.findings), len(b.notes))
		}
		shape := func(all []schema.Finding) (shapes []string) {
			for _, f := range all {
				shapes = append(shapes, fmt.Sprint(f.Rule, strings.TrimPrefix(f.Subject, "other-"), strings.TrimPrefix(f.Token, "other-"), f.Time, f.Confidence, f.Conclusive, f.Severity, f.Events, len(f.Targets)))
			}
			slices.Sort(shapes)
			return shapes
		}
		if x, y := shape(a.findings), shape(b.findings); !slices.Equal(x, y) {
			t.Fatalf("%v\nrenamed %v", x, y)
		}
	})
}

// TestSubjectsTimeMakesNoDifference: rules know no clock. Days, hours and windows lie on a grid, so the shift is by whole days.
func TestSubjectsTimeMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sightings := journey(t)
		shift := time.Duration(rapid.IntRange(-3000, 3000).Draw(t, "days")) * 24 * time.Hour
		var moved []*schema.Sighting
		for _, e := range sightings {
			c := *e
			c.Time += int64(shift)
			moved = append(moved, &c)
		}
		shape := func(all []schema.Finding, by time.Duration) (shapes []string) {
			for _, f := range all {
				shapes = append(shapes, fmt.Sprint(f.Rule, f.Subject, f.Token, f.Time.Add(by), f.FirstSeen.Add(by), f.Confidence, f.Conclusive, f.Severity, f.Events, f.Targets))
			}
			slices.Sort(shapes)
			return shapes
		}
		a, b := tell(t, sightings), tell(t, moved)
		if x, y := shape(a.findings, shift), shape(b.findings, 0); !slices.Equal(x, y) {
			t.Fatalf("%v\nshifted %v", x, y)
		}
	})
}
