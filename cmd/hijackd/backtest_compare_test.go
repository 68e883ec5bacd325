package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

func backtestDifferences(t *testing.T, events string, flags ...string) []difference {
	t.Helper()
	got := invoke(t, events, nil, append([]string{"backtest", "--from=-"}, flags...)...)
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	var all []difference
	for line := range strings.Lines(got.stdout) {
		var d difference
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, d)
	}
	return all
}

func TestCompareShowsWhatAConfigurationChanges(t *testing.T) {
	events := simulated(t)
	other := write(t, "other.yaml", "rules: {impossible-travel: {mode: off}, parallel-use: {mode: alert}}\n")
	one, two := backtestFindings(t, events), backtestFindings(t, events, "-c", other)
	var gone []string
	for _, f := range one {
		if !slices.ContainsFunc(two, func(o schema.Finding) bool { return o.ID == f.ID }) {
			gone = append(gone, f.ID)
		}
	}
	if len(gone) == 0 {
		t.Fatal("the other configuration changes nothing")
	}
	for _, reversed := range []bool{false, true} {
		flags, change := []string{"--compare", other}, disappears
		if reversed {
			flags, change = []string{"-c", other, "--compare", write(t, "empty.yaml", "")}, appears
		}
		var ids, sessions, users []string
		for _, d := range backtestDifferences(t, events, flags...) {
			if d.Change != change {
				t.Errorf("%s %s %s", d.What, d.ID, d.Change)
			}
			switch d.What {
			case "finding":
				ids = append(ids, d.ID)
			case "revocation":
				sessions = append(sessions, d.Revocation.Token)
			case "user":
				users = append(users, d.User)
			}
		}
		if !slices.Equal(ids, gone) || len(sessions) < 2 || len(users) < 2 {
			t.Errorf("%s: findings %v, want %v; sessions %v, users %v", change, ids, gone, sessions, users)
		}
	}
}

func TestCompareShowsWhatChanges(t *testing.T) {
	other := write(t, "other.yaml", "policy: {mode: enforce}\nrules: {parallel-use: {mode: alert}}\n")
	for _, d := range backtestDifferences(t, simulated(t), "-c", write(t, "c.yaml", "policy: {mode: enforce}\n"), "--compare", other) {
		if d.What != "finding" || d.Finding.Rule != "parallel-use" {
			continue
		}
		if d.Change != changes || !slices.Equal(d.Fields, []string{"decision"}) || d.From.Decision != schema.RevokeSession || d.Finding.Decision != schema.Alert {
			t.Errorf("%s %v: from %s to %s", d.Change, d.Fields, d.From.Decision, d.Finding.Decision)
		}
		return
	}
	t.Error("no finding of parallel-use changes")
}

func TestCompareReport(t *testing.T) {
	events := simulated(t)
	other := write(t, "other.yaml", "rules: {impossible-travel: {mode: off}}\n")
	got := invoke(t, events, nil, "backtest", "--from=-", "--format=text", "--compare", other)
	for _, part := range []string{"other.yaml:", "1 finding disappears\n", "impossible-travel", "with policy.mode: enforce"} {
		if got.code != 0 || !strings.Contains(got.stdout, part) {
			t.Errorf("no %q in\n%s%s", part, got.stdout, got.stderr)
		}
	}
	got = invoke(t, events, nil, "backtest", "--from=-", "--format=text", "-c", other, "--compare", other)
	if !strings.Contains(got.stdout, "Nothing appears, disappears or changes.") {
		t.Errorf("a configuration differs from itself:\n%s", got.stdout)
	}
}

// TestTargetsAreRevokedToo: a finding about a network asks for several sessions, two findings for one session are one revocation.
func TestTargetsAreRevokedToo(t *testing.T) {
	findings := []schema.Finding{
		{Rule: "token-harvest", Scope: schema.ScopeNetwork, Decision: schema.RevokeSession, Targets: []schema.Target{{Token: "t1", User: "u1"}, {Token: "t2"}}},
		{Rule: "parallel-use", Token: "t2", User: "u2", Decision: schema.RevokeSession},
		{Rule: "parallel-use", Token: "t3", User: "u3", Decision: schema.Alert},
	}
	rs := revocations(findings)
	if len(rs) != 2 || rs[0].Token != "t1" || rs[1].Token != "t2" || rs[1].Rule != "token-harvest" {
		t.Errorf("%+v", rs)
	}
	if users := affected(rs); !slices.Equal(users, [][2]string{{"", "u1"}, {"", "u2"}}) {
		t.Errorf("affected: %v", users)
	}
}
