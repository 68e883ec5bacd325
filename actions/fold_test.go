package actions

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	"pgregory.net/rapid"
)

var at0 = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func limited(t testing.TB, perMinute, perHour int) *Fold {
	t.Helper()
	c := Defaults()
	c.Mode, c.Limits.RevokesPerMinute, c.Limits.RevokesPerHour, c.Limits.RevokesPerUserPerHour = Enforce, perMinute, perHour, 1_000_000
	p, err := NewPolicy(c, map[string]Mode{"parallel-use": Enforce})
	if err != nil {
		t.Fatal(err)
	}
	return NewFold(p)
}

func decide(f *Fold, at time.Time, token, tenant string) *schema.Action {
	x := conclusive(token)
	x.Tenant, x.ID = tenant, schema.FindingID(tenant, x.Rule, x.Scope, token, 0, "a|b")
	return f.Finding(at, x).Actions[0]
}

func delivered(a *schema.Action) *schema.Action {
	c := *a
	c.State = schema.ActionDelivered
	return &c
}

func TestLimitIsSpentByTheUndeliveredAndTheRecentlyDelivered(t *testing.T) {
	f := limited(t, 2, 3)
	first, second := decide(f, at0, "a", ""), decide(f, at0, "b", "")
	if first.State != schema.ActionPending || second.State != schema.ActionPending {
		t.Fatal("the limit bound too early")
	}
	if a := decide(f, at0.Add(30*time.Minute), "c", ""); a.State != schema.ActionHeld {
		t.Error("what is authorised half an hour ago and not delivered does not count")
	}
	f.Settle(at0.Add(31*time.Minute), delivered(first))
	f.Settle(at0.Add(31*time.Minute), delivered(second))
	if a := decide(f, at0.Add(31*time.Minute+30*time.Second), "d", ""); a.State != schema.ActionHeld {
		t.Error("what was delivered half a minute ago does not count")
	}
	third := decide(f, at0.Add(33*time.Minute), "e", "")
	if third.State != schema.ActionPending {
		t.Error("what was delivered two minutes ago still counts against the minute")
	}
	f.Settle(at0.Add(33*time.Minute), delivered(third))
	if a := decide(f, at0.Add(50*time.Minute), "f", ""); a.State != schema.ActionHeld {
		t.Error("the hour's limit does not bind")
	}
	if a := decide(f, at0.Add(50*time.Minute), "f", "other tenant"); a.State != schema.ActionPending {
		t.Error("one tenant spends another's limit")
	}
	if a := decide(f, at0.Add(92*time.Minute), "g", ""); a.State != schema.ActionPending {
		t.Error("the hour does not end")
	}
}

func TestLimitOfZeroHoldsEverything(t *testing.T) {
	if a := decide(limited(t, 0, 600), at0, "a", ""); a.State != schema.ActionHeld {
		t.Error(a.State)
	}
}

func TestCommandsNameWhatIsHeld(t *testing.T) {
	f := limited(t, 0, 0)
	a := decide(f, at0, "a", "t")
	cmd := func(v schema.Verb, tenant string, ids ...string) (as []*schema.Action) {
		for _, r := range f.carry(f.order(&schema.Command{ID: "cmd_1", Verb: v, Tenant: tenant, Actions: ids, By: "ana", Why: "a drill"}, 1, at0, nil)) {
			as = append(as, r.Action)
		}
		return as
	}
	if got := cmd(schema.Release, "t", a.ID); got != nil {
		t.Error("released before it was durably held")
	}
	f.Settle(at0, a)
	if got := cmd(schema.Release, "other", a.ID); got != nil {
		t.Error("released by another tenant")
	}
	if got := cmd("explode", "t", a.ID); got != nil {
		t.Error("an unknown verb did something")
	}
	got := cmd(schema.Release, "t", "act_unknown", a.ID, a.ID)
	if len(got) != 1 || got[0].State != schema.ActionReleased || !got[0].Released {
		t.Fatalf("%+v", got)
	}
	f.Settle(at0, got[0])
	if got := cmd(schema.Discard, "t", a.ID); got != nil {
		t.Error("discarded after its release")
	}
	if b := decide(f, at0, "b", "t"); b.State != schema.ActionHeld {
		t.Error("a release raised the limit")
	}
}

// The decisions and the ids of the actions do not depend on the order in which versions arrive, and each life has one action.
func TestOrderOfVersionsMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fs []*schema.Finding
		for i := range rapid.IntRange(1, 12).Draw(t, "n") {
			f := conclusive(fmt.Sprint("h1:k1:", rapid.IntRange(0, 2).Draw(t, "token")))
			f.Epoch = rapid.IntRange(0, 1).Draw(t, "epoch")
			f.ID = schema.FindingID("", f.Rule, f.Scope, f.Token, f.Epoch, "a|b")
			f.Conclusive = rapid.Bool().Draw(t, "conclusive")
			f.Confidence = float64(rapid.IntRange(1, 9).Draw(t, "confidence")) / 10
			f.Time, f.EventID = at0.Add(time.Duration(i)*time.Second), fmt.Sprint("e-", i)
			fs = append(fs, f)
		}
		outcome := func(fs []*schema.Finding) (ids map[string]int, last map[string]schema.Finding) {
			c := Defaults()
			c.Mode = Enforce
			p, err := NewPolicy(c, map[string]Mode{"parallel-use": Enforce})
			if err != nil {
				t.Fatal(err)
			}
			fold := NewFold(p)
			ids, last = map[string]int{}, map[string]schema.Finding{}
			for _, f := range fs {
				o := fold.Finding(at0, f)
				for _, x := range o.Findings {
					last[x.ID] = x
				}
				for _, a := range o.Actions {
					ids[a.ID]++
				}
			}
			return ids, last
		}
		ids, last := outcome(fs)
		seed := rapid.Uint64().Draw(t, "seed")
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(fs), func(i, j int) { fs[i], fs[j] = fs[j], fs[i] })
		ids2, last2 := outcome(fs)
		if fmt.Sprint(ids) != fmt.Sprint(ids2) {
			t.Fatalf("actions %v, shuffled %v", ids, ids2)
		}
		for id, n := range ids {
			if n != 1 {
				t.Fatalf("%s was decided %d times", id, n)
			}
		}
		for id, f := range last {
			g := last2[id]
			if f.Compare(&g) != 0 || f.Decision != g.Decision || f.Would != g.Would {
				t.Fatalf("%s: %+v, shuffled %+v", id, f, g)
			}
		}
	})
}

func FuzzReadSignal(f *testing.F) {
	f.Add([]byte(`{"finding":{"id":"fnd_1","token":"h1:k1:a","conclusive":true}}`))
	f.Add([]byte(`{"command":{"verb":"release","actions":["act_1"]}}`))
	f.Add([]byte(`{"command":{"id":"cmd_1","verb":"again","targets":[{"token":"h1:k1:a"},{"token":"raw"}],"by":"ana","why":"no effect"}}`))
	f.Add([]byte(`{"command":{"id":"cmd_1","verb":"allow","allow":{"user":"u-1","network":"192.0.2.0/24","expires":"2027-11-21T10:00:00Z"},"by":"ana","why":"it was me"}}`))
	f.Add([]byte(`{"command":{"id":"cmd_1","verb":"kill","by":"ana","why":"a drill"}}`))
	f.Add([]byte(`{"command":{"verb":"pool","network":"192.0.2.0/24","at":"2026-11-21T10:00:00Z"}}`))
	f.Add([]byte(`{"command":{"verb":"census","app":"shop","count":7,"at":"2026-11-21T10:00:00Z"}}`))
	f.Add([]byte(`{"finding":{"id":"fnd_1","rule":"parallel-use","token":"h1:k1:a","user":"u-1","confidence":0.8,"signals":[{"signal":"device","p":0.7}],` +
		`"targets":[{"token":"h1:k1:b"},{"token":"h1:k1:a","user":"u-1"}],"from":{"ip":"192.0.2.1"},"to":{"ip":"198.51.100.7"},"time":"2026-11-21T10:00:00Z"}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"finding":{},"command":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSignal(&schema.Record{Value: b})
		if (s == nil) == (err == nil) {
			t.Fatal(s, err)
		}
		if s == nil {
			return
		}
		fold := limited(t, 1, 1)
		beside := between("192.0.2.1", "198.51.100.7", signalOf(schema.SignalBehaviour, 0.8))
		fold.Finding(at0, &beside)
		if c := s.Command; c != nil {
			o := fold.order(c, 0, at0, func(*entry) bool { return true })
			for _, r := range fold.carry(o) {
				if _, err := r.entry(); err != nil {
					t.Fatal(err)
				}
			}
			o.audit()
			fold.Pool(at0, c)
			fold.Census(c.Tenant, c.App, c.At, c.Count)
			return
		}
		for _, x := range fold.Finding(at0, s.Finding).Findings {
			if !(x.Risk >= 0 && x.Risk <= 0.99) {
				t.Fatalf("risk %v", x.Risk)
			}
			if _, err := json.Marshal(x); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add([]byte(`{"office":{"generation":1,"start":2,"by":3},"opening":1}`))
	f.Add([]byte(`{"action":{"action_id":"act_1","state":1}}`))
	f.Add([]byte(`{"action":{"action_id":"act_1","state":77}}`))
	f.Add([]byte(`{"alert":{"id":"fnd_1"},"state":6}`))
	f.Add([]byte(`{"action":{"action_id":"act_1","action":"revoke_user","subject":"u-1","epoch":"2","state":6}}`))
	f.Add([]byte(`{"command":{"command":{"id":"cmd_1","verb":"release"},"answers":[{"about":"act_1","state":3}]}}`))
	f.Add([]byte(`{"allow":{"id":"alw_1","network":"192.0.2.0/24","n":1}}`))
	f.Add([]byte(`{"switch":{"on":true,"n":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readRecord(b)
		if err != nil {
			return
		}
		j := journal{fold: limited(t, 1, 1)}
		if e := j.admit(0, at0, r); e != nil {
			_ = e.state.String()
			e.compact()
		}
	})
}

func TestLimitAsAShareOfActiveTokens(t *testing.T) {
	hour := at0.Truncate(time.Hour)
	for name, c := range map[string]struct {
		tell func(f *Fold)
		want int // revocations that go out
	}{
		"unknown":            {func(*Fold) {}, 600},
		"one in a hundred":   {func(f *Fold) { f.Census("", "shop", hour, 2050) }, 20},
		"never below ten":    {func(f *Fold) { f.Census("", "shop", hour, 0) }, 10},
		"the hour's limit":   {func(f *Fold) { f.Census("", "shop", hour, 1_000_000) }, 600},
		"several apps":       {func(f *Fold) { f.Census("", "shop", hour, 2000); f.Census("", "bank", hour.Add(-time.Hour), 1000) }, 30},
		"another tenant":     {func(f *Fold) { f.Census("t", "shop", hour, 2000) }, 600},
		"hours ago":          {func(f *Fold) { f.Census("", "shop", hour.Add(-4*time.Hour), 2000) }, 600},
		"the latest hour":    {func(f *Fold) { f.Census("", "shop", hour, 3000); f.Census("", "shop", hour.Add(-time.Hour), 2000) }, 30},
		"the greatest count": {func(f *Fold) { f.Census("", "shop", hour, 3000); f.Census("", "shop", hour, 2000) }, 30},
	} {
		t.Run(name, func(t *testing.T) {
			f := limited(t, 1000, 600)
			c.tell(f)
			out := 0
			for i := range 700 {
				if decide(f, at0, fmt.Sprint(i), "").State == schema.ActionPending {
					out++
				}
			}
			if out != c.want {
				t.Errorf("%d go out, want %d", out, c.want)
			}
		})
	}
}

// Apps are names that events bring: a flood of them is bounded.
func TestCensusIsBounded(t *testing.T) {
	f := limited(t, 1, 1)
	for i := range 2 * appsMost {
		f.Census("", fmt.Sprint("app-", i), at0.Add(time.Duration(i)*time.Second), 1)
	}
	if n, known := f.active("", at0); n != appsMost || !known {
		t.Errorf("%d apps are counted", n)
	}
}
