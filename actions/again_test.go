package actions

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// A finding that came before another one of an earlier time is decided on again, told again, and acted upon.
func TestLateFindingChangesALaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := NewResponse(policyOf(t, Enforce, nil), LaneDefaults(), m.deps())
		if _, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		late, early := weak("device-change", 0, signalOf(schema.SignalDevice, 0.7)), weak("parallel-use", 1, signalOf(schema.SignalBehaviour, 0.8))
		process(t, r, &early)
		process(t, r, &late)
		process(t, r, &early, &late) // as after a crash: nothing new
		run(t, r, time.Minute)
		var said []schema.Decision
		for _, f := range m.announced {
			if f.ID == early.ID {
				said = append(said, f.Decision)
			}
		}
		if !slices.Equal(said, []schema.Decision{schema.Alert, schema.RevokeSession}) || len(m.announced) != 3 || len(m.findings) != 3 {
			t.Errorf("said %v; %d told, %d archived", said, len(m.announced), len(m.findings))
		}
		if want := schema.ActionID("", "h1:k1:a", "revoke_session", "0"); !slices.Equal(m.calls, []string{want}) {
			t.Errorf("calls %v", m.calls)
		}
		var messages []string
		for _, a := range m.alerts {
			messages = append(messages, a.ID)
		}
		if !slices.Contains(messages, early.ID) || !slices.Contains(messages, early.ID+"/revoked") || len(messages) != 3 {
			t.Errorf("messages %v: nobody is told of the revocation", messages)
		}
		abandon(r)
	})
}

// A finding about a network revokes each token that it names, once, whatever else names it.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		p, err := NewPolicy(Config{Mode: Enforce, Limits: Defaults().Limits, NeverRevoke: NeverRevoke{Users: []string{"ceo"}}}, modesOfTests)
		if err != nil {
			t.Fatal(err)
		}
		r := NewResponse(p, LaneDefaults(), m.deps())
		if _, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		network := about(weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.9)), func(f *schema.Finding) {
			f.Scope, f.Subject, f.Token, f.User, f.Conclusive = schema.ScopeNetwork, "198.51.100.7/32", "", "", true
		})
		first, second := network, network
		first.Targets = []schema.Target{{Token: "h1:k1:a", User: "u-1", Session: "s-1", Epoch: 3, Partition: 5}, {Token: "h1:k1:b", User: "u-2"}}
		second.Targets, second.Informed = append(slices.Clone(first.Targets), schema.Target{Token: "h1:k1:c"}, schema.Target{Token: "h1:k1:d", User: "ceo"}), 1
		own := about(weak("impossible-travel", 0, signalOf(schema.SignalDistance, 0.9)), func(f *schema.Finding) { f.Token, f.Conclusive = "h1:k1:b", true })
		process(t, r, &first, &own)
		process(t, r, &second, &first)
		run(t, r, time.Minute)
		var want []string
		for _, target := range second.Targets[:3] {
			want = append(want, schema.ActionID("", target.Token, "revoke_session", itoa(target.Epoch)))
		}
		if !slices.Equal(slices.Sorted(slices.Values(m.calls)), slices.Sorted(slices.Values(want))) {
			t.Errorf("calls %v, want %v", m.calls, want)
		}
		a := m.actions[0]
		if a.Session != "s-1" || a.User != "u-1" || a.Partition != 5 || a.Epoch != "3" || a.Reason != "parallel-use" || a.Subject != "h1:k1:a" {
			t.Errorf("%+v", a)
		}
		if n := len(m.alerts); n != 2 || m.alerts[0].Action == nil {
			t.Errorf("%d messages, the first about %+v", n, m.alerts[0].Action)
		}
		abandon(r)
	})
}

func TestOneFindingRevokesSoManyAndNoMore(t *testing.T) {
	x := weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.9))
	x.Conclusive = true
	for i := range 2 * targetsMost {
		x.Targets = append(x.Targets, schema.Target{Token: "h1:k1:" + itoa(i)})
	}
	if n := len(NewFold(policyOf(t, Enforce, nil)).Finding(at0, &x).Actions); n != targetsMost {
		t.Errorf("%d actions", n)
	}
}

// Under another policy a finding that comes again is decided on again, with what was known before.
func TestPolicyChangeKeepsWhatIsKnown(t *testing.T) {
	fold := NewFold(policyOf(t, Shadow, nil))
	first, second := weak("device-change", 0, signalOf(schema.SignalDevice, 0.7)), weak("parallel-use", 1, signalOf(schema.SignalBehaviour, 0.8))
	fold.Finding(at0, &first)
	if out := fold.Finding(at0, &second); len(out.Actions) > 0 || out.Findings[0].Would != schema.RevokeSession {
		t.Errorf("%+v", out)
	}
	fold.setPolicy(policyOf(t, Enforce, nil))
	out := fold.Finding(at0, &second)
	if len(out.Findings) != 1 || out.Findings[0].Decision != schema.RevokeSession || len(out.Actions) != 1 {
		t.Errorf("%+v", out)
	}
	if out := fold.Finding(at0, &second); len(out.Findings) > 0 {
		t.Errorf("told again: %+v", out)
	}
}

// Floods of findings are bounded: in all, of one user, and in full.
func TestRecentFindingsAreBounded(t *testing.T) {
	fold := NewFold(policyOf(t, Enforce, nil))
	fold.recent.most = 500
	var last *schema.Finding
	for i := range 2000 {
		x := about(weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.8)), func(f *schema.Finding) { f.Token = "h1:k1:" + itoa(i) })
		x.Time = at0.Add(time.Duration(i) * time.Second)
		fold.decide(x.Time, &x)
		last = &x
	}
	m := &fold.recent
	if len(m.findings) > 501 || len(m.arrived) > 501 || len(m.whole) > 501 || len(m.about) > 502 {
		t.Errorf("%d findings, %d arrived, %d whole, about %d", len(m.findings), len(m.arrived), len(m.whole), len(m.about))
	}
	user := m.about[subject{user: "u-1"}]
	if len(user) != perSubject || user[perSubject-1].finding != last {
		t.Errorf("%d of one user", len(user))
	}
	m.forget(at0.Add(24 * time.Hour))
	if len(m.findings)+len(m.about)+len(m.arrived)+len(m.whole) != 0 {
		t.Errorf("%d findings, about %d, after a day", len(m.findings), len(m.about))
	}
}

// What is no longer kept in full still counts, and is not told again in part.
func TestSlimFindingsCount(t *testing.T) {
	fold := NewFold(policyOf(t, Enforce, nil))
	first := weak("device-change", 1, signalOf(schema.SignalDevice, 0.7))
	first.Evidence = map[string]any{"seconds": 1.0}
	fold.Finding(at0, &first)
	later := at0.Add(wholeFor + time.Minute)
	before := weak("beacon", 0, signalOf(schema.SignalBehaviour, 0.8))
	if out := fold.Finding(later, &before); len(out.Findings) != 1 || out.Findings[0].ID != before.ID {
		t.Errorf("%+v", out.Findings)
	}
	after := weak("impossible-travel", 2, signalOf(schema.SignalDistance, 0.7))
	if out := fold.Finding(later, &after); len(out.Actions) != 1 {
		t.Errorf("%+v", out.Findings)
	}
	if out := fold.Finding(later, &first); len(out.Findings) != 0 {
		t.Errorf("a repetition: %+v", out.Findings)
	}
}
