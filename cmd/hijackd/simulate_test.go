package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/detect/simulate/population"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/schema"
)

func TestSimulatedPopulationIsValid(t *testing.T) {
	labels := filepath.Join(t.TempDir(), "labels.ndjson")
	flags := []string{"simulate", "--users=300", "--duration=24h", "--start=2026-11-16T00:00:00Z", "--attacks=all", "--late=0.01", "--repeats=0.01", "--hard"}
	events := invoke(t, "", nil, append(slices.Clone(flags), "--labels", labels)...)
	if events.code != 0 || events.stderr != "" {
		t.Fatalf("exit %d: %s", events.code, events.stderr)
	}
	lines := strings.Count(events.stdout, "\n")
	if got := invoke(t, events.stdout, nil, "validate", "-"); got.code != 0 || lines < 30_000 || !strings.Contains(got.stdout, grouped(lines)+" valid, 0 rejected") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	plain := invoke(t, "", nil, append(slices.Clone(flags), "--no-label", "--no-geo")...)
	if got := invoke(t, plain.stdout, nil, "validate", "-"); got.code != 0 || strings.Contains(got.stdout, "note:") || strings.Count(plain.stdout, "\n") != lines {
		t.Errorf("without labels: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	checkLabels(t, labels, events.stdout)
}

// checkLabels holds the file of labels to what the events' own labels say.
func checkLabels(t *testing.T, path, events string) {
	t.Helper()
	hostile, total := map[string]int{}, 0
	for line := range strings.Lines(events) {
		var e struct {
			ID    string
			Label struct{ Session, Role, Incident string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		total++
		if e.Label.Role == "attacker" {
			hostile[e.Label.Incident]++
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var l struct {
			Incident, Kind string
			Tokens         []string
			First          time.Time
			FirstID        string `json:"first_id"`
			Totals         *simulatedTotals
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		switch {
		case l.Totals != nil:
			if l.Totals.Events != total || l.Totals.Users != 300 || l.Totals.BenignSessions < 300 || l.Totals.Nuisances["commute"] == 0 {
				t.Errorf("%s, but %d events", line, total)
			}
		case hostile[l.Incident] == 0 || len(l.Tokens) == 0 || l.First.IsZero() || !strings.Contains(events, `{"id":"`+l.FirstID+`"`):
			t.Errorf("%d events by the attacker of %s", hostile[l.Incident], line)
		default:
			kinds[l.Kind] = true
			delete(hostile, l.Incident)
		}
	}
	if len(kinds) != len(simulate.AllAttacks()) || len(hostile) > 0 {
		t.Errorf("kinds %v, not in the file %v", kinds, hostile)
	}
}

// TestSimulatedAgentsAreTheParsers: whoever takes events from Go gets the agent that the daemon would make of their user agent.
func TestSimulatedAgentsAreTheParsers(t *testing.T) {
	w, err := population.New(population.Config{Seed: 1, Users: 1000, Start: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC), Duration: 30 * time.Hour, Attacks: simulate.AllAttacks(), Each: 3})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]schema.Agent{}
	for e := (simulate.Event{}); w.Next(&e); {
		seen[e.UserAgent] = e.Agent
	}
	for text, agent := range seen {
		if want := enrich.ParseAgent(text); agent != want {
			t.Errorf("%s is %#v, the parser says %#v", text, agent, want)
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d user agents", len(seen))
	}
}

func TestSimulateChoosesTheWorld(t *testing.T) {
	for name, tc := range map[string]struct {
		flags []string
		want  outcome
	}{
		"small":                       {[]string{"--sessions=20"}, outcome{0, `"app":"shop","session"`, ""}},
		"an hour":                     {[]string{"--sessions=50", "--duration=1h", "--attacks=none"}, outcome{0, `"tenant":"`, ""}},
		"users":                       {[]string{"--users=30", "--attacks=none"}, outcome{0, `"tenant":"`, ""}},
		"a kind that small has not":   {[]string{"--sessions=50", "--attacks=guessing"}, outcome{0, `"tenant":"`, ""}},
		"labels of the small one":     {[]string{"--labels=x"}, outcome{2, "", "are of a population"}},
		"an unknown kind":             {[]string{"--users=3", "--attacks=x"}, outcome{2, "", `--attacks: unknown kind "x"`}},
		"a share over 1":              {[]string{"--users=3", "--late=2"}, outcome{2, "", "shares: from 0 to 1"}},
		"labels that can't be opened": {[]string{"--users=3", "--attacks=none", "--labels=" + t.TempDir()}, outcome{1, "", "write labels: "}},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, "", nil, append([]string{"simulate"}, tc.flags...)...)
			if got.code != tc.want.code || !matches(got.stderr, tc.want.stderr) || tc.want.stdout != "" && !strings.Contains(got.stdout, tc.want.stdout) {
				t.Errorf("exit %d, stderr %q, %d bytes of events", got.code, got.stderr, len(got.stdout))
			}
		})
	}
}
