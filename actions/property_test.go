package actions

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	"pgregory.net/rapid"
)

// drawn makes versions of findings about a few tokens of a few users, some about a network with several targets. Where monotone is
// set, later versions of a finding only ever say more: of such a set no action is ever regretted.
func drawn(t *rapid.T, monotone bool) (fs []schema.Finding) {
	for n := range rapid.IntRange(1, 10).Draw(t, "findings") {
		f := schema.Finding{
			Rule: rapid.SampledFrom(slices.Sorted(maps.Keys(modesOfTests))).Draw(t, "rule"), Scope: schema.ScopeToken, Severity: schema.Medium,
			Token: fmt.Sprint("h1:k1:", rapid.IntRange(0, 2).Draw(t, "token")), Epoch: rapid.IntRange(0, 1).Draw(t, "epoch"),
			User: rapid.SampledFrom([]string{"", "u-1", "u-2"}).Draw(t, "user"), Events: []string{"e"},
			Time: at0.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "minute")) * time.Minute),
			From: &schema.End{IP: netip.MustParseAddr("192.0.2.1")}, To: &schema.End{IP: netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.1", "198.51.100.7"}).Draw(t, "to"))},
		}
		f.Subject = f.Token
		if rapid.IntRange(0, 4).Draw(t, "network") == 0 {
			f.Scope, f.Subject, f.Token, f.User, f.Epoch = schema.ScopeNetwork, "192.0.2.0/32", "", "", 0
		}
		f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, f.Epoch, fmt.Sprint(n))
		for i := range rapid.IntRange(1, 3).Draw(t, "versions") {
			v := f
			v.EventID = fmt.Sprint("e-", i)
			var doubt = 1.0
			for _, k := range kinds {
				if rapid.IntRange(0, 2).Draw(t, "signal") == 0 {
					p := float64(rapid.IntRange(1, 9).Draw(t, "p")) / 10
					doubt *= 1 - p
					v.Signals = append(v.Signals, schema.Weight{Signal: k, P: p})
				}
			}
			if v.Scope == schema.ScopeNetwork {
				for token := range rapid.IntRange(1, 3).Draw(t, "targets") {
					v.Targets = append(v.Targets, schema.Target{Token: fmt.Sprint("h1:k1:", token), User: fmt.Sprint("u-", token)})
				}
			}
			v.Confidence = min(0.99, cents(1-doubt))
			if v.Conclusive = rapid.IntRange(0, 5).Draw(t, "conclusive") == 0; !monotone {
				v.WithoutHistory, v.Informed = rapid.IntRange(0, 5).Draw(t, "history") == 0, rapid.IntRange(0, 1).Draw(t, "informed")
				v.Time = v.Time.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "later")) * time.Minute)
			} else if i > 0 {
				break
			}
			fs = append(fs, v)
		}
	}
	return fs
}

func shuffled[T any](t *rapid.T, xs []T) []T {
	ys := slices.Clone(xs)
	rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1)).Shuffle(len(ys), func(i, j int) { ys[i], ys[j] = ys[j], ys[i] })
	return ys
}

// told is what came out of a fold: the last word on each finding, and every action.
type told struct {
	findings map[string]schema.Finding
	actions  map[string]int
}

func (o *told) add(out Outcome) {
	for _, x := range out.Findings {
		o.findings[x.ID] = x
	}
	for _, a := range out.Actions {
		o.actions[a.ID]++
	}
}

func (o *told) compare(t *rapid.T, want []schema.Finding) {
	t.Helper()
	for _, w := range want {
		if g := o.findings[w.ID]; g.Compare(&w) != 0 || g.Decision != w.Decision || g.Would != w.Would || g.Suppressed != w.Suppressed || g.Risk != w.Risk ||
			fmt.Sprint(g.Evidence["because"]) != fmt.Sprint(w.Evidence["because"]) {
			t.Fatalf("%s %s at %s: %s, would %s, risk %v, %q; decided at once: %s, would %s, risk %v, %q",
				w.Rule, w.ID, w.Time, g.Decision, g.Would, g.Risk, g.Evidence["because"], w.Decision, w.Would, w.Risk, w.Evidence["because"])
		}
	}
	if len(o.findings) != len(want) {
		t.Fatalf("%d findings told, %d decided at once", len(o.findings), len(want))
	}
}

// merged is the strongest version of each finding.
func merged(fs []schema.Finding) (ms []schema.Finding) {
	by := map[string]schema.Finding{}
	for _, f := range fs {
		if old, ok := by[f.ID]; !ok || f.Compare(&old) > 0 {
			by[f.ID] = f
		}
	}
	return slices.Collect(maps.Values(by))
}

// action is the id of a life's revocation.
func (s subject) action() string {
	return schema.ActionID(s.tenant, s.token, string(schema.RevokeSession), fmt.Sprint(s.epoch))
}

// Whatever the order in which versions arrive, however often, and wherever the lane starts again: the last word on each finding is
// what a backtest says, and no life of a token has two actions.
func TestDecisionsAreAFunctionOfTheSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		monotone := rapid.Bool().Draw(t, "monotone")
		fs := drawn(t, monotone)
		c := Defaults()
		c.Mode = Enforce
		p, err := NewPolicy(c, modesOfTests)
		if err != nil {
			t.Fatal(err)
		}
		want := DecideAll(p, merged(fs), nil)
		arriving := shuffled(t, append(slices.Clone(fs), fs[:len(fs)/3]...)) // some twice
		got := told{map[string]schema.Finding{}, map[string]int{}}
		fold := NewFold(p)
		crash := rapid.IntRange(0, len(arriving)).Draw(t, "crash")
		committed := rapid.IntRange(0, crash).Draw(t, "committed")
		for i := range arriving[:crash] {
			got.add(fold.Finding(at0, &arriving[i]))
		}
		entries := fold.entries // are in the log
		fold = NewFold(p)
		fold.entries = entries
		for i := range arriving {
			if i < committed {
				fold.Remember(at0, &arriving[i])
			} else {
				got.add(fold.Finding(at0, &arriving[i]))
			}
		}
		got.compare(t, want)
		for id, n := range got.actions {
			if n != 1 {
				t.Fatalf("%s was decided %d times", id, n)
			}
		}
		finds, lives := asked(merged(fs), modesOfTests)
		for i := range want {
			if (want[i].Decision == schema.RevokeSession) != finds[want[i].ID] {
				t.Fatalf("%s: %s", want[i].ID, want[i].Decision)
			}
		}
		for s := range lives {
			if got.actions[s.action()] == 0 {
				t.Fatalf("%v is not revoked", s)
			}
		}
		if monotone && len(got.actions) != len(lives) {
			t.Fatalf("%d actions, %d asked for", len(got.actions), len(lives))
		}
	})
}

// A backtest's input has an order of its own, which makes no difference.
func TestDecideAllIsAFunctionOfTheSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Defaults()
		c.Mode = Enforce
		p, err := NewPolicy(c, modesOfTests)
		if err != nil {
			t.Fatal(err)
		}
		fs := merged(drawn(t, false))
		before := fmt.Sprint(fs)
		var cs []schema.Command
		for i := range rapid.IntRange(0, 3).Draw(t, "pools") {
			cs = append(cs, schema.Command{Verb: schema.Pool, Network: []string{"192.0.2.1/32", "192.0.2.0/24", "198.51.100.7"}[i],
				At: at0.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "since")) * time.Minute)})
		}
		a, b := DecideAll(p, fs, cs), DecideAll(p, shuffled(t, fs), shuffled(t, append(slices.Clone(cs), cs...)))
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%v\nshuffled\n%v", a, b)
		}
		if fmt.Sprint(fs) != before {
			t.Fatal("the findings were changed")
		}
		// The lane comes to the same, whenever the pools are learned.
		type signal struct {
			f *schema.Finding
			c *schema.Command
		}
		var ss []signal
		for i := range fs {
			ss = append(ss, signal{f: &fs[i]})
		}
		for i := range cs {
			ss = append(ss, signal{c: &cs[i]})
		}
		fold, got := NewFold(p), told{map[string]schema.Finding{}, map[string]int{}}
		for _, s := range shuffled(t, ss) {
			if s.f != nil {
				got.add(fold.Finding(at0, s.f))
			} else {
				got.add(fold.Pool(at0, s.c))
			}
		}
		got.compare(t, a)
	})
}
