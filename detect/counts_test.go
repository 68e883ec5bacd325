package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// watcher is a rule that has lanes look for all there is.
type watcher struct{ AppNeeds }

func (w watcher) Needs() AppNeeds            { return w.AppNeeds }
func (watcher) Judge(*App, func(AppVerdict)) {}

func options(needs AppNeeds) Options {
	return Options{
		Rules: []Running{{Rule: &Rule{Name: "watcher"}, App: watcher{needs}}}, Lateness: DefaultLateness, Budget: NewBudget(1 << 30), Keyer: schema.NewKeyer(),
		Symbols: NewSymbols(1 << 16),
	}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).UnixNano()

// BenchmarkCount is what counting adds to an event whose token goes on as before.
func BenchmarkCount(b *testing.B) {
	for _, apps := range []int{0, 1, 20} { // 0 for the loop without counting
		b.Run(fmt.Sprint(apps, " apps"), func(b *testing.B) {
			t := NewTokens(options(AppNeeds{MinBits: 128, Skew: 5 * time.Minute}))
			counting := apps > 0
			apps := max(1, apps)
			names := make([]string, apps)
			for i := range names {
				names[i] = fmt.Sprintf("service-%02d-%c", i, 'a'+i)
			}
			e := &schema.Event{Time: noon, RecordTime: noon, Token: "t", Scheme: schema.SchemeHTTPS, TokenIn: schema.TokenInCookie, Repeat: 1, Outcome: schema.OutcomeAccepted}
			s := session{flags: sessionHasUse, born: uint32(noon / 1e9), active: uint32(noon/hour) << 8, newest: noon}
			u := use{}
			var out Output
			b.ReportAllocs()
			for i := range b.N {
				e.App = names[i%apps]
				e.Offset++
				e.Time += 100_000 // ten thousand events a second
				e.RecordTime = e.Time
				h := uint32(e.Time / hour)
				if s.active>>8 != h { // the token is counted in this hour
					s.active = h << 8
				}
				before := s
				s.newest = e.Time
				if counting {
					t.count(&s, &before, e, &u, &out)
				}
				if len(out.Sightings) > 64 {
					out.Reset()
				}
			}
		})
	}
}

// told is what of an app's counts is told by the sightings.
func told(t *testing.T, sightings []schema.Sighting, app string) (c Counted) {
	t.Helper()
	latest := map[versionKey]*openVersion{}
	for i := range sightings {
		g := &sightings[i]
		if g.Kind != schema.SightingCounts || g.Subject != app {
			continue
		}
		v, counted, ok := decodeCounts(g.Counts)
		if !ok {
			t.Fatalf("not readable: %s", g.Counts)
		}
		k := versionKey{g.Lane, v.Stretch, g.Time / hour}
		if old := latest[k]; old == nil || v.Seq > old.seq {
			latest[k] = &openVersion{v.Seq, counted}
		}
	}
	for _, v := range latest {
		c.add(v.Counted)
	}
	return c
}

func event(i int, app string) *schema.Event {
	return &schema.Event{
		ID: fmt.Sprint("e", i), Time: noon + int64(i)*int64(time.Second), Offset: int64(i), Token: fmt.Sprint("t", i%7), App: app, Repeat: 1, Outcome: schema.OutcomeAccepted,
	}
}

// TestManyAppsAreCountedAsOne: beyond the apps that are told apart in a stretch, nothing is lost but their names.
func TestManyAppsAreCountedAsOne(t *testing.T) {
	fold := NewTokens(options(AppNeeds{}))
	var out Output
	const n = 1000
	for i := range n {
		fold.Fold(event(i, fmt.Sprint("app", i)), &out)
	}
	fold.FinishCounts(&out)
	total, names := int64(0), map[string]bool{}
	for _, g := range out.Sightings {
		names[g.Subject] = true
	}
	for name := range names {
		c := told(t, out.Sightings, name)
		total += c.N(Accepted)
	}
	other := told(t, out.Sightings, OtherApps)
	if total != n || len(names) != maxCountedApps+1 || other.N(Accepted) != n-maxCountedApps {
		t.Errorf("%d events of %d apps, %d of other apps", total, len(names), other.N(Accepted))
	}
}

// TestCountersAreBounded: event times all over the years, and a run of stretches, leave no more counters than allowed, and give their memory back.
func TestCountersAreBounded(t *testing.T) {
	o := options(AppNeeds{Skew: time.Minute})
	fold := NewTokens(o)
	var out Output
	for i := range 30_000 {
		e := event(i, fmt.Sprint("app", i%40))
		e.Time, e.Offset, e.Type, e.Token = int64(i)*hour/10, int64(i)*64, schema.LoginFailed, ""
		fold.Fold(e, &out)
		if len(fold.counts.open) > maxCounters {
			t.Fatalf("%d counters", len(fold.counts.open))
		}
		for _, hours := range fold.counts.apps {
			for app, n := range hours {
				if n > maxCountedHours {
					t.Fatalf("%d hours of %s", n, app.app)
				}
			}
		}
		out.Reset()
	}
	if len(fold.counts.apps) > openStretches+1 {
		t.Errorf("%d stretches", len(fold.counts.apps))
	}
	fold.Close()
	if used := o.Budget.Used(); used != 0 {
		t.Errorf("%d bytes are not given back", used)
	}
}

// TestWhenCountsAreTold: at once is never; soon, where many logins or the first of a fact's examples are new; else within five minutes, and when a stretch ends.
func TestWhenCountsAreTold(t *testing.T) {
	fold := NewTokens(options(AppNeeds{}))
	var out Output
	i := 0
	run := func(n int, with func(*schema.Event)) int {
		out.Reset()
		for range n {
			e := event(i, "shop")
			with(e)
			fold.Fold(e, &out)
			i++
		}
		return len(slices.DeleteFunc(out.Sightings, func(g schema.Sighting) bool { return g.Kind != schema.SightingCounts }))
	}
	plain := func(*schema.Event) {}
	if got := run(50, plain); got > 1 {
		t.Errorf("told %d times in 50 s", got)
	}
	if got := run(650, plain); got < 1 || got > 3 {
		t.Errorf("told %d times in 650 s", got)
	}
	if got := run(12, func(e *schema.Event) { e.Scheme = schema.SchemeHTTP }); got != 1 {
		t.Errorf("cleartext was told %d times within 12 s", got)
	}
	if got := run(25, func(e *schema.Event) { e.Type, e.Token = schema.LoginFailed, "" }); got < 1 {
		t.Errorf("failed logins were told %d times within 25 s", got)
	}
	if got := run(1, func(e *schema.Event) { e.Offset += stretchSize }); got != 1 {
		t.Errorf("the end of a stretch was told %d times", got)
	}
	out.Reset()
	fold.FlushCounts(&out)
	fold.FlushCounts(&out)
	if len(out.Sightings) != 1 {
		t.Errorf("flushed twice: %d versions", len(out.Sightings))
	}
}

// TestExamplesShowNoQuery: what is told of a request leaves out its query and whatever an attacker wrote to confuse people.
func TestExamplesShowNoQuery(t *testing.T) {
	fold := NewTokens(options(AppNeeds{}))
	var out Output
	e := event(1, "shop")
	e.Scheme, e.Path, e.Host = schema.SchemeHTTP, "/a\u202ekcatta?token=secret", strings.Repeat("h", 4000)
	fold.Fold(e, &out)
	fold.FlushCounts(&out)
	text := ""
	for _, g := range out.Sightings {
		text += g.Counts
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "\u202e") || len(text) > 2000 {
		t.Errorf("told: %s", text)
	}
}

func TestHosts(t *testing.T) {
	names := []string{"shop.example.com", "*.cdn.example.com"}
	for host, want := range map[string]bool{
		"shop.example.com": true, "SHOP.example.com:443": true, "shop.example.com.": true, "a.cdn.example.com": true, "a.b.cdn.example.com": true,
		"cdn.example.com": false, "xcdn.example.com": false, "shop.example.com.evil.example": false, "evil-shop.example.com": false, "": false, "[2001:db8::1]:443": false,
	} {
		if got := matchesHost(names, host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// FuzzVersion: whatever a version says, taking it over neither fails nor makes counts that run over.
func FuzzVersion(f *testing.F) {
	c := Counted{MinBits: 64}
	c.n[Accepted] = 12
	c.show(Cleartext, Example{Time: 1, ID: "e", Token: "t"})
	c.sample(Unissued, "t", 1)
	f.Add(c.encode(3, 4, 5), noon)
	f.Add(`{"stretch":1,"seq":9223372036854775807,"n":{"accepted":9223372036854775807,"age7":-9223372036854775808}}`, int64(-1))
	f.Fuzz(func(t *testing.T, text string, at int64) {
		a := &App{hours: map[int64]*appHour{}, sums: map[int64]*daySum{}, lanes: map[int32]*appLane{}, open: map[versionKey]*openVersion{}, found: map[string]*appFound{}}
		for lane := range int32(3) {
			a.enter(&schema.Sighting{Subject: "shop", Counts: text, Time: at, Lane: lane})
		}
		for _, day := range a.Days() {
			d := a.Day(day)
			for i := range facts {
				sum := int64(0)
				for h := day * hoursPerDay; h < (day+1)*hoursPerDay; h++ {
					if x := a.hours[h]; x != nil {
						sum += x.n[i]
					}
				}
				if d.N(i) != max(0, sum) || d.N(i) > 3*maxCount || d.N(i) != a.InDay(day, i) {
					t.Fatalf("fact %d: %d, kept as %d and %d", i, sum, d.N(i), a.InDay(day, i))
				}
			}
		}
		v, counted, ok := decodeCounts(text)
		if !ok {
			return
		}
		_, again, ok := decodeCounts(counted.encode(v.Stretch, v.Seq, v.At))
		if !ok || counted.encode(1, 1, 1) != again.encode(1, 1, 1) {
			t.Fatal("a version changes when it is written and read again")
		}
	})
}
