package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/detect/simulate/population"
	"github.com/hijackd/hijackd/schema"
)

// simulated is ten minutes of traffic with one attack of each kind.
func simulated(t *testing.T) string {
	t.Helper()
	got := invoke(t, "", nil, "simulate", "--sessions=60", "--seed=11")
	if got.code != 0 {
		t.Fatal(got.stderr)
	}
	return got.stdout
}

func backtestFindings(t *testing.T, events string, flags ...string) []schema.Finding {
	t.Helper()
	got := invoke(t, events, nil, append([]string{"backtest", "--from=-"}, flags...)...)
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	var all []schema.Finding
	for line := range strings.Lines(got.stdout) {
		var f schema.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, f)
	}
	return all
}

func TestBacktestFindsTheAttacksAndNothingElse(t *testing.T) {
	events := simulated(t)
	victims := map[string]string{}
	for line := range strings.Lines(events) {
		var e struct {
			User  string
			Label struct{ Session string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Label.Session != "benign" {
			victims[e.User] = e.Label.Session
		}
	}
	wanted := map[string]string{"stolen-cookie": "impossible-travel", "parallel-proxy": "parallel-use", "replay-ended": "revoked-replay", "replay-rotated": "revoked-replay"}
	for _, f := range backtestFindings(t, events) {
		attack := victims[f.User]
		if attack == "" {
			t.Errorf("nobody attacked %s: %s, %s", f.User, f.Rule, f.Summary)
		}
		if f.Rule == wanted[attack] && f.Conclusive && f.Would == schema.RevokeSession {
			delete(wanted, attack)
		}
		if f.Decision != schema.Observe {
			t.Errorf("%s of %s: decision %s", f.Rule, attack, f.Decision)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("not found: %v", wanted)
	}
}

func TestBacktestDoesNotDependOnTheOrderOfLines(t *testing.T) {
	events := simulated(t)
	ordered := invoke(t, events, nil, "backtest", "--from=-")
	lines := strings.SplitAfter(events, "\n")
	for seed := range uint64(5) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		shuffled := invoke(t, strings.Join(lines, ""), nil, "backtest", "--from=-")
		if shuffled.code != 0 || shuffled.stdout != ordered.stdout {
			t.Fatalf("shuffle %d gives\n%s\nin order it is\n%s", seed, shuffled.stdout, ordered.stdout)
		}
	}
}

func TestBacktestPrintsOneLinePerIDInOrder(t *testing.T) {
	ids, last := map[string]bool{}, schema.Finding{}
	for _, f := range backtestFindings(t, simulated(t)) {
		if ids[f.ID] || f.Time.Before(last.Time) || f.Time.Equal(last.Time) && f.ID < last.ID {
			t.Errorf("%s at %s comes after %s at %s", f.ID, f.Time, last.ID, last.Time)
		}
		ids[f.ID], last = true, f
	}
	if len(ids) < 4 {
		t.Errorf("%d findings", len(ids))
	}
}

func TestBacktestObeysTheConfiguration(t *testing.T) {
	events := simulated(t)
	config := write(t, "c.yaml", "policy: {mode: enforce}\nrules: {parallel-use: {mode: alert}, revoked-replay: {mode: off}}\n")
	found := backtestFindings(t, events, "-c", config)
	enforced := map[string]bool{} // tokens with a finding of a rule at enforce: theirs may count together
	for _, f := range found {
		enforced[f.Token] = enforced[f.Token] || f.Rule == "impossible-travel"
	}
	for _, f := range found {
		switch {
		case f.Rule == "impossible-travel" && f.Decision != schema.RevokeSession,
			f.Rule == "parallel-use" && !enforced[f.Token] && f.Decision != schema.Alert,
			f.Rule == "revoked-replay", f.Severity == schema.High && f.Would != schema.RevokeSession:
			t.Errorf("%s: decision %s, would %s", f.Rule, f.Decision, f.Would)
		}
	}
	if all := backtestFindings(t, events, "-c", write(t, "d.yaml", "policy: {mode: off}\n")); len(all) != 0 {
		t.Errorf("policy.mode off finds %d", len(all))
	}
}

func TestBacktestWindow(t *testing.T) {
	events := simulated(t)
	whole := backtestFindings(t, events)
	n := slices.IndexFunc(whole, func(f schema.Finding) bool { return f.Time.After(whole[0].Time) })
	first := backtestFindings(t, events, "--until", whole[n].Time.Format("2006-01-02T15:04:05.999999999Z07:00"))
	if !slices.EqualFunc(first, whole[:n], func(a, b schema.Finding) bool { return a.ID == b.ID }) {
		t.Errorf("until the second time there are %d findings, not %d", len(first), n)
	}
	if rest := backtestFindings(t, events, "--since=2026-01-01T01:00:00Z"); len(rest) != 0 {
		t.Errorf("after the last event there are %d findings", len(rest))
	}
}

// TestStoredNotesAreLeftOut: history holds the notes that the daemon wrote to itself, which are made again.
func TestStoredNotesAreLeftOut(t *testing.T) {
	judge := func(events []*schema.Event) string {
		cfg, _, err := Load("", nil)
		if err != nil {
			t.Fatal(err)
		}
		one, err := newTrial("", cfg)
		if err != nil {
			t.Fatal(err)
		}
		in := newInput([]*trial{one}, time.Time{}, time.Time{})
		for i, e := range events {
			c := e.Clone()
			c.Offset = int64(i)
			in.judge(c, false)
		}
		var out strings.Builder
		if err := writeLines(&out, one.verdict().findings); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	w, err := population.New(population.Config{Seed: 1, Sessions: 100, Start: time.Unix(1772424000, 0), Duration: 6 * time.Hour, Attacks: simulate.AllAttacks()})
	if err != nil {
		t.Fatal(err)
	}
	tokens := detect.NewTokens(detect.Options{
		Rules: rules.Default().Running(), Budget: detect.NewBudget(1 << 30), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16),
	})
	var events, stored []*schema.Event
	for e := (simulate.Event{}); w.Next(&e); {
		events = append(events, e.Event.Clone())
		for waiting := events[len(events)-1:]; len(waiting) > 0; waiting = waiting[1:] {
			stored = append(stored, waiting[0])
			var out detect.Output
			tokens.Fold(waiting[0], &out)
			for i := range out.Notes {
				waiting = append(slices.Clip(waiting), out.Notes[i].Clone())
			}
		}
	}
	notes := len(stored) - len(events)
	if got, want := judge(stored), judge(events); got != want || notes == 0 || want == "" {
		t.Errorf("with %d notes:\n%s\nwithout:\n%s", notes, got, want)
	}
}

func TestBacktestInputs(t *testing.T) {
	const good = `{"id":"a","time":"2026-01-01T00:00:00Z","token":"id:a","ip":"192.0.2.1"}` + "\n"
	const old = `{"id":"b","time":"2025-12-31T23:00:00Z","token":"id:a","ip":"192.0.2.1"}` + "\n"
	file := write(t, "events.ndjson", good)
	for name, tc := range map[string]struct {
		args  []string
		stdin string
		want  outcome
	}{
		"nothing found":       {[]string{"--from=-"}, good, outcome{0, "", ""}},
		"a file":              {[]string{"--from", file}, "", outcome{0, "", ""}},
		"text":                {[]string{"--from=-", "--format=text"}, good, outcome{0, "1 event judged, from 2026-01-01 00:00:00Z to 2026-01-01 00:00:00Z: 1 token of 0 users, 0.2 MB of state\n0 findings\n", ""}},
		"a bad line":          {[]string{"--from=-"}, "hunter2\n" + good, outcome{0, "", "line 1: bad-json: no JSON, or something after it\n1 bad line left out\n"}},
		"no usable line":      {[]string{"--from=-"}, "hunter2\n", outcome{2, "", "hijackd: no line is an event\n"}},
		"no line":             {[]string{"--from=-"}, "", outcome{2, "", "hijackd: no line is an event\n"}},
		"late":                {[]string{"--from=-"}, good + old, outcome{0, "", "judged on arrival, being more than 10m late: 1 event\n"}},
		"no such file":        {[]string{"--from=testdata/none"}, "", outcome{2, "", "hijackd: testdata/none: no such file or directory\n"}},
		"no source":           {nil, "", outcome{2, "", "missing flags: --from"}},
		"unknown format":      {[]string{"--from=-", "--format=xml"}, good, outcome{2, "", "--format must be one of"}},
		"no other":            {[]string{"--from=-", "--compare=testdata/none.yaml"}, good, outcome{2, "", "testdata/none.yaml"}},
		"a bad other":         {[]string{"--from=-", "--compare", write(t, "o.yaml", "y: 1\n")}, good, outcome{2, "", "o.yaml:1: y: unknown key"}},
		"no difference":       {[]string{"--from=-", "--compare", write(t, "same.yaml", "")}, good, outcome{0, "", ""}},
		"backwards":           {[]string{"--from=-", "--since=2026-01-02T00:00:00Z", "--until=2026-01-01T00:00:00Z"}, good, outcome{2, "", "--since is not before --until"}},
		"a bad database":      {[]string{"--from=-", "-c", "testdata/bad-geoip.yaml"}, good, outcome{2, "", "testdata/contract.yaml"}},
		"a bad configuration": {[]string{"--from=-", "-c", write(t, "c.yaml", "x: 1\n")}, good, outcome{2, "", "c.yaml:1: x: unknown key"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, tc.stdin, nil, append([]string{"backtest"}, tc.args...)...)
			if got.code != tc.want.code || !matches(got.stdout, tc.want.stdout) || !matches(got.stderr, tc.want.stderr) || strings.Contains(got.stdout+got.stderr, "hunter2") {
				t.Errorf("got %d, want %d\nstdout: %q, want %q\nstderr: %q, want %q", got.code, tc.want.code, got.stdout, tc.want.stdout, got.stderr, tc.want.stderr)
			}
		})
	}
}

func TestBacktestNeverShowsARawToken(t *testing.T) {
	const canary = "canary-raw-token-4711"
	var events strings.Builder
	for i, ip := range []string{`"198.18.0.1","geo":{"city":"Paris","country":"FR","lat":48.9,"lon":2.4}`, `"198.19.32.1","geo":{"city":"Tokyo","country":"JP","lat":35.7,"lon":139.7}`} {
		events.WriteString(`{"id":"` + string(rune('a'+i)) + `","time":"2026-01-01T00:00:0` + string(rune('0'+i)) + `Z","token":"` + canary + `","ip":` + ip + "}\n")
	}
	for _, format := range []string{"jsonl", "text"} {
		got := invoke(t, events.String(), nil, "backtest", "--from=-", "--format", format)
		if got.code != 0 || !strings.Contains(got.stdout, "impossible-travel") || strings.Contains(got.stdout+got.stderr, canary) {
			t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
}

func TestMigratePrintsWithoutAServer(t *testing.T) {
	got := invoke(t, "", []string{"HIJACKD_CLICKHOUSE_DSN=clickhouse://127.0.0.1:1/x"}, "migrate", "print")
	if got.code != 0 || !strings.Contains(got.stdout, "CREATE TABLE") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := invoke(t, "", nil, "migrate", "sideways"); got.code != 2 {
		t.Errorf("migrate sideways: exit %d", got.code)
	}
}
