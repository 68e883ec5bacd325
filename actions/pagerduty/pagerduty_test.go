package pagerduty

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

const routingKey = "canary0routing0key00000000000000"

func finding() *schema.Finding {
	return &schema.Finding{
		ID: "fnd_1", Rule: "impossible-travel", Severity: schema.High, Confidence: 0.95, Decision: schema.RevokeSession, Scope: schema.ScopeToken,
		Tenant: "acme", Token: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA", User: "u-7", Session: "canary-session", App: "shop",
		Time: time.Date(2026, 11, 21, 10, 0, 2, 900e6, time.UTC), Summary: "Paris → Tokyo, 9 672 km in 4 min", Attack: []string{"T1539"},
		From: &schema.End{City: "Paris", Country: "FR", UA: "Firefox on Windows", IP: netip.MustParseAddr("192.0.2.1")}, To: &schema.End{City: "Tokyo", Country: "JP"},
	}
}

// enqueue speaks the documented answers of POST /v2/enqueue.
func enqueue(t *testing.T, status int) (*PagerDuty, *[]event) {
	t.Helper()
	var got []event
	answers := map[int]string{
		202: `{"status":"success","message":"Event processed","dedup_key":"fnd_1"}`,
		400: `{"status":"invalid event","message":"Event object is invalid","errors":["canary"]}`,
		429: `{"status":"throttle exceeded","message":"Requests for this service are arriving too quickly.  Please retry later."}`,
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e event
		if r.Method != http.MethodPost || r.URL.Path != "/v2/enqueue" || r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&e) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		got = append(got, e)
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "30")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answers[status])
	}))
	t.Cleanup(s.Close)
	cfg := Defaults()
	cfg.RoutingKey, cfg.URL, cfg.AllowPrivate = routingKey, s.URL, true
	p, err := New(cfg, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, &got
}

func TestAFindingTriggersAnAlert(t *testing.T) {
	p, got := enqueue(t, 202)
	res := p.Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding(), Action: &schema.Action{Action: schema.RevokeSession, State: schema.ActionDelivered}})
	if res != (actions.Result{Class: actions.Done, Detail: "202"}) {
		t.Fatalf("%+v", res)
	}
	b, err := json.Marshal((*got)[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"routing_key":"` + routingKey + `","event_action":"trigger","dedup_key":"fnd_1","client":"hijackd","payload":{` +
		`"summary":"impossible-travel: Paris → Tokyo, 9 672 km in 4 min","source":"shop","severity":"error","timestamp":"2026-11-21T10:00:02.9Z",` +
		`"component":"shop","class":"impossible-travel","custom_details":{"action":"revoke_session: delivered","attack":"T1539","confidence":0.95,` +
		`"decision":"revoke_session","finding":"fnd_1","from":"Paris, FR, Firefox on Windows, 192.0.2.1","rule":"impossible-travel","scope":"token",` +
		`"tenant":"acme","to":"Tokyo, JP","token":"h1:k1:AAAAAAAAAAAAAAAAAAAAAA","user":"u-7"}}}`
	if string(b) != want {
		t.Errorf("event\n%s\nwant\n%s", b, want)
	}
	p.Alert(t.Context(), &actions.Alert{ID: "fnd_1/2", Finding: finding()})
	if (*got)[1].DedupKey != "fnd_1" {
		t.Errorf("what comes later about a finding is another alert: %s", (*got)[1].DedupKey)
	}
}

func TestOtherMessages(t *testing.T) {
	p, got := enqueue(t, 202)
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	p.Alert(t.Context(), &actions.Alert{ID: "pag_1", Page: "12 revocations are held"})
	p.Alert(t.Context(), &actions.Alert{ID: "stm_1", Storm: &actions.Storm{From: at, Until: at.Add(time.Minute), Count: 300}})
	for i, want := range []struct{ key, summary, severity string }{
		{"pag_1", "12 revocations are held", "error"}, {"stm_1", "300 incidents between 10:00 UTC and 10:01 UTC", "critical"},
	} {
		if e := (*got)[i]; e.DedupKey != want.key || e.Payload.Summary != want.summary || e.Payload.Severity != want.severity || e.Payload.Source == "" {
			t.Errorf("%+v", e)
		}
	}
	weak := finding()
	weak.Severity = schema.Medium
	for _, a := range []*actions.Alert{{ID: "fnd_2", Finding: weak}, {ID: "dig_1", Digest: &actions.Digest{}}} {
		if res := p.Alert(t.Context(), a); res.Class != actions.Done || len(*got) != 2 {
			t.Errorf("%s: %+v, %d sent", a.ID, res, len(*got))
		}
	}
	if res := p.Alert(t.Context(), &actions.Alert{Finding: weak}); res.Detail != "below severity" {
		t.Errorf("%+v", res)
	}
}

func TestLimits(t *testing.T) {
	f := finding()
	hostile := strings.Repeat("\u202e€<script>\x00", 1000)
	f.Summary, f.User, f.App, f.From.UA = hostile, hostile, hostile, hostile
	e := trigger(routingKey, &actions.Alert{ID: hostile, Finding: f})
	b, err := json.Marshal(e)
	if err != nil || len(b) > 16<<10 || utf8.RuneCountInString(e.Payload.Summary) > maxSummary || strings.ContainsAny(string(b), "\u202e\x00") {
		t.Errorf("%d bytes, summary of %d characters, %v", len(b), utf8.RuneCountInString(e.Payload.Summary), err)
	}
	if e := trigger(routingKey, &actions.Alert{ID: hostile, Page: "x"}); len(e.DedupKey) > maxDedupKey {
		t.Errorf("key of %d", len(e.DedupKey))
	}
}

func TestAnswers(t *testing.T) {
	for status, want := range map[int]actions.Class{202: actions.Done, 400: actions.Refused, 403: actions.Refused, 429: actions.Again, 500: actions.Again, 503: actions.Again} {
		p, _ := enqueue(t, status)
		res := p.Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding()})
		if res.Class != want || status == 429 && res.RetryAfter != 30*time.Second {
			t.Errorf("%d: %+v", status, res)
		}
	}
}

func TestConfigurationMistakes(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"actions.pagerduty.routing_key_file: ": func(c *Config) { c.RoutingKey = "canary canary" },
		"actions.pagerduty.url: ":              func(c *Config) { c.URL = "http://canary:canary@x" },
		"actions.pagerduty.severity: ":         func(c *Config) { c.Least = "canary" },
		"actions.pagerduty.timeout: ":          func(c *Config) { c.Timeout = time.Hour },
		"actions.pagerduty.ca_file: ":          func(c *Config) { c.CA = "canary" },
		"actions.pagerduty: the routing key":   func(c *Config) { c.RoutingKey = "" },
	} {
		cfg := Defaults()
		cfg.RoutingKey = routingKey
		change(&cfg)
		if _, err := New(cfg, time.Now); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s%v", want, err)
		}
	}
}

func TestNothingSecretIsShown(t *testing.T) {
	p, _ := enqueue(t, 400)
	for _, url := range []string{p.cfg.URL, "http://canary:canary@127.0.0.1:1", "https://canary.invalid"} {
		p.cfg.URL = url
		if shown := fmt.Sprintf("%v %v %+v %#v", p.Alert(t.Context(), &actions.Alert{ID: "canary", Finding: finding()}), p, p, p); strings.Contains(shown, "canary") {
			t.Error(shown)
		}
	}
	b, err := json.Marshal(trigger(routingKey, &actions.Alert{ID: "x", Finding: finding()}))
	if err != nil || strings.Contains(string(b), "canary-session") {
		t.Errorf("a session id leaves: %s, %v", b, err)
	}
}
