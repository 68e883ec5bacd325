package actions

import (
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// weak is a finding about the token h1:k1:a of the user u-1 that is not conclusive.
func weak(rule string, minute int, signals ...schema.Weight) schema.Finding {
	doubt := 1.0
	for _, s := range signals {
		doubt *= 1 - s.P
	}
	f := schema.Finding{
		Rule: rule, Severity: schema.Medium, Confidence: min(0.99, cents(1-doubt)), Scope: schema.ScopeToken, Subject: "h1:k1:a", Token: "h1:k1:a",
		User: "u-1", Time: at0.Add(time.Duration(minute) * time.Minute), Signals: signals, Summary: rule,
	}
	f.ID = schema.FindingID("", rule, f.Scope, f.Token, 0, "x")
	return f
}

func signalOf(kind schema.SignalKind, p float64) schema.Weight {
	return schema.Weight{Signal: kind, P: p}
}

// about changes a finding and names it anew.
func about(f schema.Finding, change func(*schema.Finding)) schema.Finding {
	change(&f)
	if f.Scope == schema.ScopeToken {
		f.Subject = f.Token
	}
	f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, f.Epoch, "x")
	return f
}

// modesOfTests are those of the rules that risk is tested with.
var modesOfTests = map[string]Mode{
	"parallel-use": Enforce, "impossible-travel": Enforce, "device-change": Warn, "beacon": Warn, "network-change": Shadow, "new-device": Shadow,
}

func policyOf(t testing.TB, ceiling Mode, change func(*Config)) *Policy {
	t.Helper()
	c := Defaults()
	c.Mode = ceiling
	if change != nil {
		change(&c)
	}
	p, err := NewPolicy(c, modesOfTests)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRisk(t *testing.T) {
	const distance, network, device, behaviour, outcome = schema.SignalDistance, schema.SignalNetwork, schema.SignalDevice, schema.SignalBehaviour, schema.SignalOutcome
	parallel := weak("parallel-use", 0, signalOf(behaviour, 0.8))
	change := weak("device-change", 0, signalOf(device, 0.7))
	other := func(f *schema.Finding) { f.Token = "h1:k1:b" }
	for name, c := range map[string]struct {
		findings        []schema.Finding // the last one is looked at
		risk            float64
		decision, would schema.Decision
	}{
		"one weak finding": {[]schema.Finding{parallel}, 0.8, schema.Alert, schema.Alert},
		"two independent signals": { // 1 − 0.2 × 0.3
			[]schema.Finding{change, parallel}, 0.94, schema.RevokeSession, schema.RevokeSession},
		"a rule in alert is a witness and no more": {
			[]schema.Finding{parallel, change}, 0.94, schema.Alert, schema.RevokeSession},
		"the second witness comes after the first": { // 1 − 0.2 × (1 − 0.69)
			[]schema.Finding{after(1, change), parallel}, 0.94, schema.RevokeSession, schema.RevokeSession},
		"the second witness comes too late": {[]schema.Finding{after(60, change), parallel}, 0.8, schema.Alert, schema.Alert},
		"an hour apart": { // 1 − 0.6 × 0.3
			[]schema.Finding{parallel, after(60, change)}, 0.82, schema.Alert, schema.Alert},
		"beyond the horizon": {[]schema.Finding{weak("parallel-use", 0, signalOf(behaviour, 0.99)), after(8*60, change)}, 0.7, schema.Alert, schema.Alert},
		"one kind from two rules": {
			[]schema.Finding{parallel, weak("beacon", 1, signalOf(behaviour, 0.8))}, 0.8, schema.Alert, schema.Alert},
		"two kinds from one rule": {
			[]schema.Finding{weak("parallel-use", 0, signalOf(behaviour, 0.8), signalOf(device, 0.8))}, 0.96, schema.Alert, schema.Alert},
		"distance and network are one cause": {
			[]schema.Finding{weak("impossible-travel", 0, signalOf(distance, 0.8)), weak("parallel-use", 0, signalOf(network, 0.8))}, 0.96, schema.Alert, schema.Alert},
		"behaviour and outcome are one cause": {
			[]schema.Finding{weak("parallel-use", 0, signalOf(outcome, 0.8)), weak("beacon", 0, signalOf(behaviour, 0.8))}, 0.96, schema.Alert, schema.Alert},
		"below the floor": { // 1 − 0.05 × 0.71
			[]schema.Finding{weak("parallel-use", 0, signalOf(behaviour, 0.95)), weak("device-change", 0, signalOf(device, 0.29))}, 0.96, schema.Alert, schema.Alert},
		"only rules in alert": {
			[]schema.Finding{weak("beacon", 0, signalOf(behaviour, 0.8)), change}, 0.94, schema.Alert, schema.RevokeSession},
		"the second one in shadow": {
			[]schema.Finding{parallel, weak("new-device", 0, signalOf(device, 0.7))}, 0.94, schema.Observe, schema.RevokeSession},
		"the first one in shadow": {
			[]schema.Finding{weak("network-change", 0, signalOf(network, 0.8)), weak("parallel-use", 0, signalOf(behaviour, 0.7))}, 0.94, schema.Alert, schema.RevokeSession},
		"shadow raises no risk in force": { // in force 1 − 0.4 × 0.5 = 0.80
			[]schema.Finding{weak("network-change", 0, signalOf(network, 0.8)), weak("parallel-use", 0, signalOf(behaviour, 0.6)), weak("device-change", 0, signalOf(device, 0.5))},
			0.96, schema.Alert, schema.RevokeSession},
		"what is weaker itself adds nothing": { // the two are told of by the second; this one is neither
			[]schema.Finding{parallel, change, weak("beacon", 1, signalOf(network, 0.1))}, 0.94, schema.Alert, schema.Alert},
		"another session of the user": { // 1 − (1 − 0.4) × 0.3
			[]schema.Finding{about(parallel, other), change}, 0.82, schema.Alert, schema.Alert},
		"another session of the user, strongly: no witness": { // 1 − (1 − 0.48) × (1 − 0.85)
			[]schema.Finding{about(weak("device-change", 0, signalOf(device, 0.95)), other), weak("parallel-use", 0, signalOf(behaviour, 0.85))}, 0.92, schema.Alert, schema.Alert},
		"another life of the token": {
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.Epoch = 1 }), change}, 0.82, schema.Alert, schema.Alert},
		"another user": {
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.Token, f.User = "h1:k1:b", "u-2" }), change}, 0.7, schema.Alert, schema.Alert},
		"another tenant": {
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.Tenant = "t" }), change}, 0.7, schema.Alert, schema.Alert},
		"without history": {
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.WithoutHistory = true }), change}, 0.7, schema.Alert, schema.Alert},
		"to one without history": {
			[]schema.Finding{parallel, about(change, func(f *schema.Finding) { f.WithoutHistory = true })}, 0.7, schema.Alert, schema.Alert},
		"withdrawn": {
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.Confidence, f.Informed = 0, 1 }), change}, 0.7, schema.Alert, schema.Alert},
		"without signals": { // its confidence adds up, and is independent of nothing
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.Signals = nil }), change}, 0.94, schema.Alert, schema.Alert},
		"conclusive": {
			[]schema.Finding{about(parallel, func(f *schema.Finding) { f.Conclusive = true })}, 0.8, schema.RevokeSession, schema.RevokeSession},
		"about the user": { // no token is named
			[]schema.Finding{parallel, about(change, func(f *schema.Finding) { f.Scope, f.Subject, f.Token = schema.ScopeUser, "u-1", "" })}, 0.94, schema.Alert, schema.Alert},
	} {
		t.Run(name, func(t *testing.T) {
			want := c.findings[len(c.findings)-1]
			for _, f := range DecideAll(policyOf(t, Enforce, nil), c.findings, nil) {
				if f.ID == want.ID && (f.Risk != c.risk || f.Decision != c.decision || f.Would != c.would) {
					t.Errorf("risk %v, decision %s, would %s; want %v, %s, %s\n%q", f.Risk, f.Decision, f.Would, c.risk, c.decision, c.would, f.Evidence["because"])
				}
			}
			for _, ceiling := range []Mode{Off, Shadow, Warn} {
				for _, f := range DecideAll(policyOf(t, ceiling, nil), c.findings, nil) {
					if f.ID == want.ID && (f.Decision == schema.RevokeSession || f.Would != c.would || f.Risk != c.risk) {
						t.Errorf("under %s: %s, would %s, risk %v", ceiling, f.Decision, f.Would, f.Risk)
					}
				}
			}
		})
	}
}

func after(minute int, f schema.Finding) schema.Finding {
	f.Time = at0.Add(time.Duration(minute) * time.Minute)
	return f
}

// The lines are what somebody with a pocket calculator needs.
func TestRiskIsExplained(t *testing.T) {
	first := weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.8), signalOf(schema.SignalNetwork, 0.2))
	elsewhere := about(weak("impossible-travel", 12, signalOf(schema.SignalDistance, 0.6)), func(f *schema.Finding) { f.Token = "h1:k1:b" })
	last := weak("device-change", 30, signalOf(schema.SignalDevice, 0.9))
	ds := DecideAll(policyOf(t, Enforce, nil), []schema.Finding{last, first, elsewhere}, nil)
	if _, ok := DecideAll(policyOf(t, Enforce, nil), []schema.Finding{first}, nil)[0].Evidence["because"]; ok {
		t.Error("a finding alone explains itself twice")
	}
	want := []string{
		"device 0.90, this finding",
		"behaviour 0.57 = 0.8 × 2^(−1800 s / 3600 s), parallel-use " + first.ID,
		"network 0.14 = 0.2 × 2^(−1800 s / 3600 s), parallel-use " + first.ID,
		"distance 0.24 = 0.6 × 2^(−1080 s / 3600 s) × 0.5 for another session of the user, impossible-travel " + elsewhere.ID,
		"risk 0.97 = 1 − (1 − 0.90) × (1 − 0.57) × (1 − 0.14) × (1 − 0.24), at most 0.99",
		"device (device-change) and behaviour (parallel-use) are independent, and the risk is at least 0.90",
	}
	if got, _ := ds[2].Evidence["because"].([]string); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// An action says what its risk is made of.
func TestActionTellsWhatItsRiskIsMadeOf(t *testing.T) {
	f := NewFold(policyOf(t, Enforce, nil))
	first, last := weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.8)), weak("device-change", 0, signalOf(schema.SignalDevice, 0.7))
	shadow := weak("network-change", 0, signalOf(schema.SignalNetwork, 0.8))
	f.Finding(at0, &first)
	f.Finding(at0, &shadow)
	out := f.Finding(at0, &last)
	if len(out.Actions) != 1 {
		t.Fatalf("%d actions", len(out.Actions))
	}
	a := out.Actions[0]
	if a.Risk != 0.94 || a.Reason != "parallel-use" || len(a.Findings) != 2 || a.Findings[0].ID != first.ID || a.Findings[1].ID != last.ID {
		t.Errorf("risk %v, reason %s, findings %+v", a.Risk, a.Reason, a.Findings)
	}
	if i := slices.IndexFunc(out.Findings, func(f schema.Finding) bool { return f.ID == last.ID }); out.Findings[i].Risk != 0.99 {
		t.Errorf("the finding's risk counts every rule: %v", out.Findings[i].Risk)
	}
}
