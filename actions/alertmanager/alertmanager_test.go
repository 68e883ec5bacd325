package alertmanager

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

var now = time.Date(2026, 11, 21, 10, 0, 5, 0, time.UTC)

func finding() *schema.Finding {
	return &schema.Finding{
		ID: "fnd_1", Rule: "impossible-travel", Severity: schema.High, Decision: schema.RevokeSession, Tenant: "acme",
		Token: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA", User: "u-7", Session: "canary-session", App: "shop", Time: now.Add(-2 * time.Second),
		Summary: "Paris → Tokyo, 9 672 km in 4 min", From: &schema.End{IP: netip.MustParseAddr("192.0.2.1")},
	}
}

// server speaks the documented answers of POST /api/v2/alerts.
func server(t *testing.T, status int) (*Alertmanager, *[]alert, *http.Header) {
	t.Helper()
	var got []alert
	header := new(http.Header)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/base/api/v2/status" {
			return
		}
		var list []alert
		if r.Method != http.MethodPost || r.URL.Path != "/base/api/v2/alerts" || r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&list) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		got, *header = append(got, list...), r.Header
		w.WriteHeader(status)
		if status != 200 {
			_, _ = io.WriteString(w, `"canary"`)
		}
	}))
	t.Cleanup(s.Close)
	cfg := Defaults()
	cfg.URL, cfg.AllowPrivate = strings.Replace(s.URL, "http://", "http://ann:canary@", 1)+"/base/", true
	m, err := New(cfg, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, &got, header
}

func TestAFindingIsAnAlert(t *testing.T) {
	m, got, header := server(t, 200)
	m.cfg.GeneratorURL = "https://console.example.com/"
	a := &actions.Alert{ID: "fnd_1", Finding: finding(), Action: &schema.Action{Action: schema.RevokeSession, State: schema.ActionDelivered}}
	if res := m.Alert(t.Context(), a); res != (actions.Result{Class: actions.Done, Detail: "200"}) {
		t.Fatalf("%+v", res)
	}
	b, err := json.Marshal((*got)[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"labels":{"alertname":"SessionHijacking","finding":"fnd_1","rule":"impossible-travel","severity":"high","tenant":"acme"},` +
		`"annotations":{"action":"revoke_session: delivered","app":"shop","decision":"revoke_session","summary":"impossible-travel: Paris → Tokyo, 9 672 km in 4 min",` +
		`"token":"h1:k1:AAAAAAAAAAAAAAAAAAAAAA","user":"u-7"},"startsAt":"2026-11-21T10:00:03Z","endsAt":"2026-11-21T11:00:05Z","generatorURL":"https://console.example.com/"}`
	if string(b) != want {
		t.Errorf("alert\n%s\nwant\n%s", b, want)
	}
	if user, password, ok := (&http.Request{Header: *header}).BasicAuth(); !ok || user != "ann" || password != "canary" {
		t.Error("the URL's user and password are not presented")
	}
}

func TestLabelsAreTheIdentityAndNameNobody(t *testing.T) {
	cfg := Defaults()
	first := render(&cfg, &actions.Alert{ID: "fnd_1", Finding: finding()}, now)
	later := render(&cfg, &actions.Alert{ID: "fnd_1/2", Finding: finding(), Action: &schema.Action{}}, now.Add(time.Minute))
	other := finding()
	other.ID = "fnd_2"
	if !maps.Equal(first.Labels, later.Labels) || maps.Equal(first.Labels, render(&cfg, &actions.Alert{Finding: other}, now).Labels) {
		t.Error("one finding is two alerts, or two are one")
	}
	for _, v := range slices.Collect(maps.Values(first.Labels)) {
		for _, personal := range []string{"u-7", "192.0.2.1", "h1:", "canary"} {
			if strings.Contains(v, personal) {
				t.Errorf("label %q", v)
			}
		}
	}
	if b, err := json.Marshal(first); err != nil || strings.Contains(string(b), "canary-session") {
		t.Errorf("a session id leaves: %s, %v", b, err)
	}
	ahead := finding()
	ahead.Time = now.Add(time.Minute)
	if r := render(&cfg, &actions.Alert{Finding: ahead}, now); !r.StartsAt.Equal(now) {
		t.Errorf("an alert of the future: %v", r.StartsAt)
	}
}

func TestOtherMessages(t *testing.T) {
	m, got, _ := server(t, 200)
	m.Alert(t.Context(), &actions.Alert{ID: "pag_1", Page: "12 revocations are held\u202e"})
	m.Alert(t.Context(), &actions.Alert{ID: "stm_1", Storm: &actions.Storm{Count: 300}})
	for i, want := range []struct{ name, summary string }{
		{"HijackdPage", "12 revocations are held\ufffd"}, {"SessionHijackingStorm", "300 incidents came faster than people can read"},
	} {
		if r := (*got)[i]; r.Labels["alertname"] != want.name || r.Annotations["summary"] != want.summary || !r.EndsAt.Equal(now.Add(time.Hour)) {
			t.Errorf("%+v", r)
		}
	}
	weak := finding()
	weak.Severity = schema.Low
	for detail, a := range map[string]*actions.Alert{"below severity": {ID: "fnd_2", Finding: weak}, "no digests": {ID: "dig_1", Digest: &actions.Digest{}}} {
		if res := m.Alert(t.Context(), a); res != (actions.Result{Class: actions.Done, Detail: detail}) || len(*got) != 2 {
			t.Errorf("%s: %+v, %d sent", a.ID, res, len(*got))
		}
	}
}

func TestATestAlertsNobody(t *testing.T) {
	m, got, _ := server(t, 500)
	if res := m.Test(t.Context()); res.Class != actions.Done || len(*got) > 0 {
		t.Errorf("%+v, %d sent", res, len(*got))
	}
	m.cfg.URL = "http://canary:canary@127.0.0.1:1"
	if res := m.Test(t.Context()); res.Class != actions.Again || strings.Contains(res.Detail, "canary") {
		t.Errorf("%+v", res)
	}
}

func TestAnswers(t *testing.T) {
	for status, want := range map[int]actions.Class{200: actions.Done, 400: actions.Refused, 401: actions.Refused, 429: actions.Again, 500: actions.Again, 503: actions.Again} {
		m, _, _ := server(t, status)
		if res := m.Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding()}); res.Class != want {
			t.Errorf("%d: %+v", status, res)
		}
	}
}

func TestConfigurationMistakes(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"actions.alertmanager.url: ":           func(c *Config) { c.URL = "http://canary:canary@x" },
		"actions.alertmanager.generator_url: ": func(c *Config) { c.GeneratorURL = "canary" },
		"actions.alertmanager.severity: ":      func(c *Config) { c.Least = "canary" },
		"actions.alertmanager.fires: ":         func(c *Config) { c.Fires = time.Second },
		"actions.alertmanager.timeout: ":       func(c *Config) { c.Timeout = time.Hour },
		"actions.alertmanager.ca_file: ":       func(c *Config) { c.CA = "canary" },
		"actions.alertmanager: url":            func(c *Config) { c.URL = "" },
	} {
		cfg := Defaults()
		cfg.URL = "https://alertmanager.example.com"
		change(&cfg)
		if _, err := New(cfg, time.Now); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s%v", want, err)
		}
	}
}

func TestNothingSecretIsShown(t *testing.T) {
	m, _, _ := server(t, 400)
	for _, url := range []string{m.cfg.URL, "http://canary:canary@127.0.0.1:1", "https://canary.invalid"} {
		m.cfg.URL = url
		if shown := fmt.Sprintf("%v %v %+v %#v", m.Alert(t.Context(), &actions.Alert{ID: "canary", Finding: finding()}), m, m, m); strings.Contains(shown, "canary") {
			t.Error(shown)
		}
	}
}
