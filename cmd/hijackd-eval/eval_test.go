package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

func TestWilson(t *testing.T) {
	for _, tc := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 0, 0, 1}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {5, 10, 0.2366, 0.7634}, {400, 400, 0.9905, 1}, {1, 1000, 0.0002, 0.0056},
	} {
		low, high := wilson(tc.k, tc.n)
		if math.Abs(low-tc.low) > 5e-5 || math.Abs(high-tc.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", tc.k, tc.n, low, high, tc.low, tc.high)
		}
	}
	if got := atMost(0, 1_000_000, 1e4); math.Abs(got-0.03) > 1e-9 {
		t.Errorf("nothing in a million: at most %v per 10 000, want 0.03 (the rule of three)", got)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for q, want := range map[float64]float64{0: 1, 0.5: 5, 0.95: 10, 0.9: 9, 1: 10} {
		if got := quantile(values, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	if !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("the quantile of nothing is a number")
	}
}

func TestLineDiff(t *testing.T) {
	if got := lineDiff("a\nb\nc", "a\nB\nc\nd"); got != "- b\n+ B\n+ d\n" {
		t.Errorf("%q", got)
	}
	if got := lineDiff("a\nb", "a\nb"); got != "" {
		t.Errorf("%q", got)
	}
}

func TestReplaced(t *testing.T) {
	page := "x\n" + quickBegin + "old\n" + quickEnd + "y\n"
	if got, err := replaced(page, quickBegin, quickEnd, "new\n"); err != nil || got != strings.Replace(page, "old", "new", 1) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := replaced("x", quickBegin, quickEnd, "new\n"); err == nil {
		t.Error("a page without marks is taken")
	}
}

// script is a world of given events.
type script []simulate.Event

func (s *script) Next(e *simulate.Event) bool {
	if len(*s) == 0 {
		return false
	}
	*e, *s = (*s)[0], (*s)[1:]
	return true
}

// story is two owners' sessions; the first token is stolen after a minute.
func story() script {
	var s script
	add := func(at time.Duration, id, token, user string, role simulate.Role, n simulate.Nuisances) *simulate.Event {
		e := simulate.Event{Role: role, Nuisances: n}
		e.ID, e.Token, e.User, e.Session, e.App, e.Time, e.Repeat, e.Outcome = id, token, user, "s-"+token, "shop", began.Add(at).UnixNano(), 1, schema.OutcomeAccepted
		s = append(s, e)
		return &s[len(s)-1]
	}
	add(0, "a1", "a", "u-a", simulate.User, 0)
	add(time.Second, "b1", "b", "u-b", simulate.User, simulate.Of(simulate.Tabs))
	for i, id := range []string{"x1", "x2"} {
		e := add(time.Duration(60+i)*time.Second, id, "a", "u-a", simulate.Attacker, 0)
		e.Attack, e.Incident = simulate.StolenCookie, 1
	}
	return s
}

func finding(id, rule, token string, at time.Duration, decision schema.Decision) schema.Finding {
	return schema.Finding{
		ID: id, Rule: rule, Severity: schema.High, Confidence: 0.9, Conclusive: decision == schema.RevokeSession, Scope: schema.ScopeToken, Subject: token,
		Token: token, Session: "s-" + token, Time: began.Add(at), EventID: "e", Events: []string{"e"},
	}
}

// judgedStory is the story with findings made up, as if some rules had found them.
func judgedStory(t *testing.T, found ...schema.Finding) *outcome {
	t.Helper()
	o, err := judged(t.Context(), 1, new(story()))
	if err != nil {
		t.Fatal(err)
	}
	o.findings = found
	for _, f := range found {
		o.emitted[f.ID] = emission{f.Time.UnixNano(), 4}
	}
	return o
}

// stolen is the story's attack: the thief shows the owner's device.
var stolen = variant{simulate.StolenCookie, true}

func TestScoreOfAnAttackThatIsFound(t *testing.T) {
	s := judgedStory(t, finding("f1", "parallel-use", "a", 61*time.Second, schema.RevokeSession)).score([]string{"parallel-use", "impossible-travel"})
	r := s.kinds[stolen]
	if r.incidents != 1 || r.found != 1 || r.revoked != 1 || r.would != 1 || s.alerts != 0 || s.revocations != 0 {
		t.Errorf("%+v, %d false alerts, %d false revocations", r, s.alerts, s.revocations)
	}
	if !slices.Equal(r.seconds, []float64{1}) || !slices.Equal(r.requests, []float64{2}) {
		t.Errorf("found after %v s, %v requests", r.seconds, r.requests)
	}
	if c := s.rules["parallel-use"]; c.incidents != 1 || c.alone != 1 {
		t.Errorf("%+v", c)
	}
	if w := s.without["parallel-use"][stolen]; w.found != 0 || w.would != 0 {
		t.Errorf("without the rule: %+v", w)
	}
	if w := s.without["impossible-travel"][stolen]; w.found != 1 {
		t.Errorf("without another rule: %+v", w)
	}
	if s.benign != 1 || s.nuisances[simulate.Tabs].sessions != 1 {
		t.Errorf("%d benign sessions, %+v", s.benign, s.nuisances)
	}
}

func TestScoreOfMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		finding             schema.Finding
		alerts, revocations int
	}{
		"about somebody else":         {finding("f1", "parallel-use", "b", 61*time.Second, schema.RevokeSession), 1, 1},
		"before the thief came":       {finding("f1", "parallel-use", "a", 59*time.Second, schema.RevokeSession), 1, 1},
		"not enough for a revocation": {finding("f1", "parallel-use", "b", 61*time.Second, schema.Alert), 1, 0},
	} {
		s := judgedStory(t, tc.finding).score(nil)
		if r := s.kinds[stolen]; r.found != 0 || s.alerts != tc.alerts || s.revocations != tc.revocations {
			t.Errorf("%s: %d found, %d false alerts, %d false revocations", name, r.found, s.alerts, s.revocations)
		}
	}
	low := finding("f1", "network-change", "a", 61*time.Second, schema.Alert)
	low.Severity = schema.Low
	if s := judgedStory(t, low).score(nil); s.kinds[stolen].found != 0 || s.alerts != 0 {
		t.Error("a low finding counts as a detection")
	}
}

// TestATargetWhoWasNotAttackedIsWronged: a finding about a thief's network must not take others' sessions with it.
func TestATargetWhoWasNotAttackedIsWronged(t *testing.T) {
	f := finding("f1", "token-harvest", "", 61*time.Second, schema.RevokeSession)
	f.Targets = []schema.Target{{Token: "a", User: "u-a"}, {Token: "b", User: "u-b"}}
	s := judgedStory(t, f).score(nil)
	if r := s.kinds[stolen]; r.would != 1 || s.revocations != 1 || s.alerts != 0 {
		t.Errorf("%+v, %d false revocations, %d false alerts", r, s.revocations, s.alerts)
	}
}

func TestAttackersAreAlikeOrNot(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*simulate.Event)
		alike  bool
	}{
		"nothing":           {func(*simulate.Event) {}, true},
		"a newer version":   {func(e *simulate.Event) { e.Agent.Major = 9 }, true},
		"another network":   {func(e *simulate.Event) { e.Geo.ASN = 7 }, true},
		"another browser":   {func(e *simulate.Event) { e.Agent.Family = "curl" }, false},
		"another handshake": {func(e *simulate.Event) { e.JA4 = "t13" }, false},
	} {
		s := story()
		tc.change(&s[2])
		o, err := judged(t.Context(), 1, &s)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.truth.alike(o.truth.incidents[1]); got != tc.alike {
			t.Errorf("%s changes: alike %v", name, got)
		}
	}
}

func TestViolations(t *testing.T) {
	s := newScore()
	for _, k := range simulate.AllAttacks() {
		*at(s.kinds, variant{k, false}) = recall{incidents: 100, found: 100}
	}
	s.benign = 20_000
	if v := s.violations(); v != nil {
		t.Errorf("a perfect run violates %v", v)
	}
	s.revocations, s.alerts = 1, 3
	s.kinds[variant{simulate.Tor, false}].found = 98
	s.kinds[variant{simulate.Hosting, false}] = &recall{}
	s.kinds[variant{simulate.UACopy, true}] = &recall{incidents: 100} // no bound
	if v := s.violations(); len(v) != 4 {
		t.Errorf("%v", v)
	}
}

// TestOneSeedOneScore: the quick run is held against the page, so nothing in it may depend on the order of maps or of goroutines.
func TestOneSeedOneScore(t *testing.T) {
	size := size{Seeds: 2, Sessions: 300, Duration: 6 * time.Hour, Attacks: 1}
	var pages []string
	for _, workers := range []int{1, 2} {
		s, err := evaluate(t.Context(), t.Output(), size, workers)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, s.full()+s.quick())
	}
	if pages[0] != pages[1] {
		t.Errorf("two runs differ:\n%s", lineDiff(pages[0], pages[1]))
	}
	for _, part := range []string{"### Attacks", "`stolen-cookie`", "### Each rule left out", "all benign sessions"} {
		if !strings.Contains(pages[0], part) {
			t.Errorf("the page has no %q", part)
		}
	}
}
