package detecttest_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

// What token rules find must be a function of the set of events: here over stories hours long, with lulls in which older uses are
// dropped, rows of uses at regular intervals, keys, elevations, authentications and sensitive requests. No token lives twice in them.

// chapter is one use, or a row of them, before it is known what comes before it.
type chapter struct {
	gap, period                      time.Duration
	row, jitter                      int
	token, geo, agent, key, user     int
	app, typ, auth                   int
	rejected, unbound, sens, homeToo bool
}

var chapters = rapid.Custom(func(t *rapid.T) chapter {
	n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	c := chapter{
		gap: rapid.SampledFrom([]time.Duration{0, time.Second, 20 * time.Second, time.Minute, 4 * time.Minute, 16 * time.Minute, time.Hour}).Draw(t, "gap"),
		row: 1, token: n("token", 5), geo: n("place", len(geos)-1), agent: n("agent", len(agents)-1), key: n("key", 9), user: n("user", 5), app: n("app", 2),
		typ: n("type", 24), auth: n("auth", 11), rejected: n("rejected", 9) == 9, unbound: n("unbound", 24) == 24, sens: n("sensitive", 3) == 3,
	}
	if n("in a row", 3) == 3 {
		c.row, c.jitter, c.homeToo = 4+n("row", 6), n("jitter", 12), n("home", 1) == 1
		c.period = rapid.SampledFrom([]time.Duration{2 * time.Second, 30 * time.Second, 100 * time.Second, 10 * time.Minute, 29 * time.Minute}).Draw(t, "period")
	}
	return c
})

// hours draws events of few tokens, in event order but for the uses beside a row.
func hours(t *rapid.T) []*schema.Event {
	at := detecttest.Start
	var events []*schema.Event
	tokens, ended := []string{"t1"}, map[string]bool{}
	for _, c := range rapid.SliceOfN(chapters, 1, 16).Draw(t, "chapters") {
		at = at.Add(c.gap)
		token, began := tokens[c.token%len(tokens)], at
		for i := range c.row {
			if i > 0 {
				at = at.Add(c.period + c.period*time.Duration(c.jitter*(i%2))/100)
			}
			e := &schema.Event{
				ID: fmt.Sprintf("e%03d", len(events)), Time: at.UnixNano(), Repeat: 1, Outcome: schema.OutcomeAccepted, Token: token,
				IP: address(c.geo * 10), Geo: geos[c.geo], Agent: agents[c.agent], Sensitive: c.sens,
				CNF: []string{"", "", "", "", "", "", "", "", "key-1", "key-2"}[c.key], User: []string{"", "", "u-1", "u-1", "u-1", "u-2"}[c.user], App: []string{"", "shop", "mail"}[c.app],
			}
			if c.auth > 7 {
				e.AuthTime = began.Add(-[]time.Duration{-time.Minute, time.Minute, 20 * time.Minute, 3 * time.Hour}[c.auth-8]).UnixNano()
			}
			if c.unbound {
				e.Binding = schema.BindingFailed
			}
			if c.rejected {
				e.Outcome = schema.OutcomeRejected
			}
			if i == 0 {
				turn(e, c.typ, &tokens, ended)
				token = e.Token
			}
			events = append(events, e)
			if c.homeToo {
				h := e.Clone()
				h.ID, h.Time, h.IP, h.Geo, h.Agent = fmt.Sprintf("h%03d", len(events)), e.Time+int64(i*i)*int64(700*time.Millisecond), address(0), geos[0], agents[0]
				h.Type, h.PreviousToken = schema.SessionUsed, ""
				events = append(events, h)
			}
		}
	}
	slices.SortStableFunc(events, func(a, b *schema.Event) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	for i, e := range events {
		e.Offset = int64(i)
	}
	return events
}

func turn(e *schema.Event, typ int, tokens *[]string, ended map[string]bool) {
	switch typ {
	case 24, 23:
		if !ended[e.Token] {
			e.Type = schema.SessionStarted
		}
	case 22:
		e.Type, ended[e.Token] = schema.SessionEnded, true
	case 21:
		e.Type, ended[e.Token] = schema.SessionRevoked, true
	case 20:
		e.Type, e.PreviousToken, e.Token = schema.SessionRotated, e.Token, fmt.Sprint("t", len(*tokens)+1)
		*tokens = append(*tokens, e.Token)
	case 19, 18:
		e.Type = schema.SessionElevated
	case 17:
		e.Type = schema.SessionReauthenticated
	case 16:
		e.Type, e.IP, e.Geo = schema.SessionReauthenticated, netip.Addr{}, schema.Geo{}
	}
}

// onTokens folds events by the token rules alone, with the state lost and loaded again before the event at the position, if there is one.
func onTokens(events []*schema.Event, restart int) found {
	merged, spans := map[string]schema.Finding{}, map[string]*span{}
	fold := detecttest.Fold(running)
	history := map[schema.Key][]*schema.Event{}
	var out detect.Output
	for i, e := range events {
		if i == restart {
			fold = detecttest.Fold(running)
			for k, rows := range history {
				fold.Load(k, rows, true)
			}
		}
		waiting := []*schema.Event{e}
		for len(waiting) > 0 {
			out.Reset()
			fold.Fold(waiting[0], &out)
			k := fold.Key(waiting[0])
			history[k] = append(history[k], waiting[0])
			waiting = waiting[1:]
			detect.Merge(merged, out.Findings...)
			for i := range out.Findings {
				grow(spans, &out.Findings[i])
			}
			for i := range out.Notes {
				waiting = append(waiting, out.Notes[i].Clone())
			}
		}
	}
	return found{detect.Sorted(merged), spans}
}

// found are findings, and how far apart their versions were.
type found struct {
	findings []schema.Finding
	spans    map[string]*span
}

type span struct {
	first, last time.Time
	revised     bool
}

func grow(spans map[string]*span, f *schema.Finding) {
	s := spans[f.ID]
	if s == nil {
		s = &span{first: f.Time, last: f.Time}
		spans[f.ID] = s
	}
	if f.Time.Before(s.first) {
		s.first = f.Time
	}
	if f.Time.After(s.last) {
		s.last = f.Time
	}
	s.revised = s.revised || f.Informed > 1
}

// lost reports whether a stronger version of a finding was taken back when a weaker one was too old to be made again. What is found
// then depends on whether the stronger one was ever made: the fold remembers one version of each finding.
func (f *found) lost(id string) bool {
	s := f.spans[id]
	return s != nil && s.revised && s.last.Sub(s.first) > 5*time.Minute
}

func mustFind(t *rapid.T, how string, events []*schema.Event, got, want found) {
	if beyond(want.findings) || beyond(got.findings) {
		return
	}
	lost := func(f schema.Finding) bool { return got.lost(f.ID) || want.lost(f.ID) }
	mustEqual(t, how, events, slices.DeleteFunc(got.findings, lost), slices.DeleteFunc(want.findings, lost))
}

const never = -1

func TestTokenRulesBearAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := hours(t)
		want := onTokens(events, never)
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		got := onTokens(shuffled, never)
		mustFind(t, "shuffled", shuffled, got, want)
	})
}

func TestTokenRulesBearRestartsAndDuplicates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := hours(t)
		want := onTokens(events, never)
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		var twice []*schema.Event
		newest := shuffled[0].Time
		for i, e := range shuffled {
			twice = append(twice, e)
			newest = max(newest, e.Time)
			if again := shuffled[rapid.IntRange(max(0, i-20), i).Draw(t, "again")]; newest-again.Time < int64(detect.DefaultLateness) {
				twice = append(twice, again)
			}
		}
		got := onTokens(twice, rapid.IntRange(0, len(twice)-1).Draw(t, "restart"))
		mustFind(t, "restarted, with duplicates", twice, got, want)
	})
}

// TestNamesMakeNoDifference: other names of users, tokens and apps, another day: the same is found. Names keep their order, for ids
// decide between events of one instant.
func TestNamesMakeNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := hours(t)
		shift := time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "windows")) * 5 * time.Minute
		var others []*schema.Event
		for _, e := range events {
			o := e.Clone()
			o.Time += int64(shift)
			if o.AuthTime != 0 {
				o.AuthTime += int64(shift)
			}
			for _, s := range []*string{&o.User, &o.Token, &o.PreviousToken, &o.App} {
				if *s != "" {
					*s = "other-" + *s
				}
			}
			others = append(others, o)
		}
		isNote := func(id string) bool { return strings.HasPrefix(id, "hjk_") } // named by a digest
		shape := func(found []schema.Finding, shift time.Duration) (all []string) {
			for _, f := range found {
				if f.Evidence["class"] != "sentenced" {
					all = append(all, fmt.Sprintln(f.Rule, strings.TrimPrefix(f.Token, "other-"), strings.TrimPrefix(f.User, "other-"), f.Time.Add(-shift), f.Confidence, f.Conclusive, slices.DeleteFunc(f.Events, isNote)))
				}
			}
			slices.Sort(all)
			return all
		}
		a, b := shape(onTokens(events, never).findings, 0), shape(onTokens(others, never).findings, shift)
		if !slices.Equal(a, b) {
			t.Fatalf("found %v, under other names %v", a, b)
		}
	})
}
