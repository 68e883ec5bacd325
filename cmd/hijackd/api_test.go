package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/caep"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

const (
	apiToken   = "canary-api-token-0123456789"
	hijackdIss = "https://hijackd.example.com/"
	hijackdAud = "https://receiver.example.com/"
)

// kafkaTopics makes a broker with topics of four partitions.
func kafkaTopics(t *testing.T) (*broker.Client, *topics) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "session-events", "session-revocations"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := broker.New(broker.Config{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, &topics{source: "session-events", events: "session-events", revocations: "session-revocations", eventPartitions: 4, revokedPartitions: 4,
		placed: broker.Placements[1]}
}

// ecKey is a private key in PEM.
func ecKey(t *testing.T) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

// transmitter pushes to a URL as hijackd itself does.
func transmitter(t *testing.T, push, key string) *caep.Transmitter {
	t.Helper()
	cfg := caep.Defaults()
	cfg.URL, cfg.Issuer, cfg.Audience, cfg.Key, cfg.UserIssuer, cfg.AllowPrivate = push, hijackdIss, hijackdAud, key, "https://idp.example.com/", true
	tr, err := caep.New(cfg, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func jwksOf(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Body.String()
}

// serve is an API over a broker of its own, all of it configured, and what it logs.
func serve(t *testing.T, jwks, key string) (*httptest.Server, *broker.Client, *topics, *bytes.Buffer, *prometheus.Registry) {
	t.Helper()
	cfg, _, err := parseConfig("f", nil, []string{
		"HIJACKD_API_TOKEN=" + apiToken + "\n", "HIJACKD_API_CAEP_ISSUER=" + hijackdIss, "HIJACKD_API_CAEP_AUDIENCE=" + hijackdAud, "HIJACKD_API_CAEP_JWKS=" + jwks,
		"HIJACKD_API_BACKCHANNEL_ISSUER=x", "HIJACKD_API_BACKCHANNEL_AUDIENCE=x", "HIJACKD_API_BACKCHANNEL_JWKS=" + jwks,
		"HIJACKD_ACTIONS_CAEP_URL=https://idp.example.com/", "HIJACKD_ACTIONS_CAEP_ISSUER=" + hijackdIss, "HIJACKD_ACTIONS_CAEP_AUDIENCE=x",
		"HIJACKD_ACTIONS_CAEP_USER_ISSUER=x", "HIJACKD_ACTIONS_CAEP_KEY=" + key,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, tops := kafkaTopics(t)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	later := func(f func(context.Context) error) { t.Cleanup(func() { _ = f(context.Background()) }) }
	places, err := destinations(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h, err := apiRoutes(cfg, apiParts{client: client, publisher: &publisher{client: client, topics: tops}, store: new(storedList), registry: registry, outlets: places,
		log: slog.New(slog.NewTextHandler(&log, nil))}, later)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s, client, tops, &log, registry
}

// TestWhatWePushWeTake sends hijackd's own events to its own receiver, and reads them on the topic.
func TestWhatWePushWeTake(t *testing.T) {
	key := ecKey(t)
	s, client, tops, _, registry := serve(t, jwksOf(transmitter(t, "https://x.example.com/", key)), key)
	tr := transmitter(t, s.URL+"/v1/events", key)
	a := &schema.Action{ID: "act_1", Action: schema.RevokeSession, Session: "sid-1", User: "u-7", Reason: "impossible-travel", DecidedAt: time.Now().Add(-time.Second)}
	for range 2 {
		if res := tr.Revoke(t.Context(), a); res != (actions.Result{Class: actions.Done, Detail: "202"}) {
			t.Fatalf("%+v", res)
		}
	}
	events := readEvents(t, client, tops)
	if len(events) != 2 || events[0].ID != events[1].ID || events[0].Session != "sid-1" || events[0].User != "u-7" ||
		events[0].Type != schema.SessionRevoked || events[0].Time != a.DecidedAt.Truncate(time.Second).UnixNano() {
		t.Errorf("%+v", events)
	}
	stranger := transmitter(t, s.URL+"/v1/events", ecKey(t))
	if res := stranger.Revoke(t.Context(), a); res.Class != actions.Again || res.Detail != "400 invalid_key" {
		t.Errorf("%+v", res)
	}
	if n := countedRequests(t, registry, "events", "202"); n != 2 {
		t.Errorf("%v requests counted", n)
	}
	if got := jwksOf(tr); get(t, s.URL+"/.well-known/jwks.json", "") != got {
		t.Error("the keys are not served")
	}
}

// countedRequests is how often a route was answered with a status.
func countedRequests(t *testing.T, r prometheus.Gatherer, route, status string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "hijackd_api_requests_total" && labels["route"] == route && labels["status"] == status {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func get(t *testing.T, url, bearer string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// readEvents decodes what is on the event topic, and checks where it is.
func readEvents(t *testing.T, client *broker.Client, tops *topics) (events []schema.Event) {
	t.Helper()
	pepper, err := fingerprint.NewKey("k1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for p := range int32(4) {
		d := decode.New(pepper.Hasher(), p)
		if _, err := client.Scan(t.Context(), tops.source, p, 0, func(b *broker.Batch) error {
			for i := range b.Records {
				r := &b.Records[i]
				if tops.placed.Of(r.Key, 4) != p {
					t.Errorf("key %q lies in partition %d", r.Key, p)
				}
				var e schema.Event
				if reject := d.Decode(r, &e); reject != nil {
					t.Errorf("%+v", reject)
				}
				events = append(events, *e.Clone())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return events
}

// TestReceivedReachesTheSessionsAndUsersLanes follows an event without a token: onto the topic, through decoding and a token lane's fold.
func TestReceivedReachesTheSessionsAndUsersLanes(t *testing.T) {
	client, tops := kafkaTopics(t)
	p := &publisher{client: client, topics: tops}
	for _, e := range []schema.Event{
		{ID: "set_1", Time: 1795255190e9, Type: schema.SessionRevoked, Tenant: "acme", Session: "sid-1", User: "u-7", Repeat: 1, Outcome: schema.OutcomeAccepted},
		{ID: "set_2", Time: 1795255190e9, Type: schema.SessionRevoked, User: "u-8", Repeat: 1, Outcome: schema.OutcomeAccepted},
	} {
		if err := p.Received(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	if _, keyed, err := client.Observe(t.Context(), tops.source, 4, keyIsToken(mustKey(t))); err != nil || !keyed {
		t.Errorf("the topic no longer counts as keyed by token: %v", err)
	}
	fold := detect.NewTokens(detect.Options{Rules: rules.Default().Running(), Lateness: 10 * time.Minute, Budget: detect.NewBudget(64 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 10)})
	var out detect.Output
	for _, e := range readEvents(t, client, tops) {
		e.Ahead = false // the broker's clock is ahead of, or behind, the example
		fold.Fold(&e, &out)
	}
	told := map[schema.Scope]string{}
	for _, g := range out.Sightings {
		if g.Kind == schema.SightingDismiss {
			told[g.Scope] = g.Tenant + "/" + g.Subject
		}
	}
	if len(told) != 2 || told[schema.ScopeSession] != "acme/sid-1" || told[schema.ScopeUser] != "/u-8" {
		t.Errorf("told %v", told)
	}
}

func mustKey(t *testing.T) *fingerprint.Key {
	t.Helper()
	k, err := fingerprint.NewKey("k1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNothingIsServedThatIsNotConfigured(t *testing.T) {
	cfg, _, err := parseConfig("f", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := apiRoutes(cfg, apiParts{registry: prometheus.NewRegistry(), log: slog.New(slog.DiscardHandler)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/v1/events", nil), httptest.NewRequest(http.MethodPost, "/v1/backchannel-logout", nil),
		httptest.NewRequest(http.MethodGet, "/v1/tokens/id:x", nil), httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil),
	} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", r.URL, w.Code)
		}
	}
	if err := startAPI(t.Context(), cfg, apiParts{}, nil); err != nil {
		t.Errorf("without an address: %v", err)
	}
}

func TestAHandlerThatPanicsSaysNothing(t *testing.T) {
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_api_requests_total"}, []string{"route", "status"})
	registry.MustRegister(requests)
	a := &api{requests: requests, log: slog.New(slog.NewTextHandler(&log, nil)), mux: http.NewServeMux()}
	a.handle("GET /", "r", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("canary") }))
	w := httptest.NewRecorder()
	a.mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String()+log.String(), "canary") || countedRequests(t, registry, "r", "500") != 1 {
		t.Errorf("%d %s %s", w.Code, w.Body, &log)
	}
}

// TestTheAPIRepeatsNoSecret asks with raw tokens and canaries in every place, and looks at answers and log.
func TestTheAPIRepeatsNoSecret(t *testing.T) {
	key := ecKey(t)
	s, _, _, log, _ := serve(t, jwksOf(transmitter(t, "https://x.example.com/", key)), key)
	var said strings.Builder
	for _, path := range []string{"canary-raw-token", "eyJhbGciOiJIUzI1NiJ9.canary.canary", "h1:k1:canary", url.PathEscape("a/canary"), "id:", "sha256:canary"} {
		for _, bearer := range []string{apiToken, "canary-wrong", ""} {
			said.WriteString(get(t, s.URL+"/v1/tokens/"+path, bearer))
		}
	}
	said.WriteString(get(t, s.URL+"/v1/tokens/id:x?tenant=canary&tenant=canary", apiToken))
	for path, contentType := range map[string]string{"/v1/events": "application/secevent+jwt", "/v1/backchannel-logout": "application/x-www-form-urlencoded"} {
		resp, err := http.Post(s.URL+path, contentType, strings.NewReader("logout_token=canary.canary.canary"))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		said.WriteString(b.String())
	}
	if all := said.String() + log.String(); strings.Contains(all, "canary") || said.Len() == 0 {
		t.Error(all)
	}
}

func TestAPIConfigurationMistakes(t *testing.T) {
	jwks := jwksOf(transmitter(t, "https://x.example.com/", ecKey(t)))
	full := map[string]string{"API_CAEP_ISSUER": "i", "API_CAEP_AUDIENCE": "a", "API_CAEP_JWKS": jwks}
	for want, change := range map[string]map[string]string{
		"api.token_file: ":                     {"API_TOKEN": "canary"},
		"api.caep.audience: ":                  {"API_CAEP_AUDIENCE": ""},
		"api.caep.jwks_url: ":                  {"API_CAEP_JWKS": ""},
		"api.caep.jwks_url: exactly one":       {"API_CAEP_JWKS_URL": "https://canary:canary@x/"},
		"api.caep.jwks_file: ":                 {"API_CAEP_JWKS": "canary"},
		"api.caep.tenant: ":                    {"API_CAEP_TENANT": strings.Repeat("x", 257)},
		"api.caep.issuer: ":                    {"API_CAEP_ISSUER": ""},
		"api.backchannel.issuer: ":             {"API_BACKCHANNEL_AUDIENCE": "a"},
		"api.backchannel.jwks_url: http ":      {"API_BACKCHANNEL_ISSUER": "i", "API_BACKCHANNEL_AUDIENCE": "a", "API_BACKCHANNEL_JWKS_URL": "http://canary:canary@x/"},
		"actions.caep.key_file: ":              {"ACTIONS_CAEP_URL": "https://canary:canary@x/", "ACTIONS_CAEP_ISSUER": "i", "ACTIONS_CAEP_AUDIENCE": "a", "ACTIONS_CAEP_USER_ISSUER": "i", "ACTIONS_CAEP_KEY": "canary"},
		"actions.pagerduty.routing_key_file: ": {"ACTIONS_PAGERDUTY_ROUTING_KEY": "canary canary"},
		"actions.alertmanager.url: ":           {"ACTIONS_ALERTMANAGER_URL": "http://canary:canary@x/"},
	} {
		var environ []string
		for k, v := range full {
			if _, changed := change[k]; !changed {
				environ = append(environ, "HIJACKD_"+k+"="+v)
			}
		}
		for k, v := range change {
			if v != "" {
				environ = append(environ, "HIJACKD_"+k+"="+v)
			}
		}
		_, _, err := parseConfig("f", nil, environ)
		path, text, _ := strings.Cut(want, ": ")
		named := err != nil && (strings.Contains(err.Error(), path+": "+text) || strings.Contains(err.Error(), variableOf(strings.TrimSuffix(path, "_file"))+": "+text))
		if !named || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", want, err)
		}
	}
	environ := make([]string, 0, len(full))
	for k, v := range full {
		environ = append(environ, "HIJACKD_"+k+"="+v)
	}
	cfg, _, err := parseConfig("f", nil, environ)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(cfg); err != nil || strings.Contains(string(b), `"kty"`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestAnAPIThatListensNowhereIsNoted(t *testing.T) {
	for environ, want := range map[string]int{"HIJACKD_API_TOKEN=0123456789012345678901": 1, "HIJACKD_API_ALLOW_PRIVATE=true": 0} {
		_, warnings, err := parseConfig("f", nil, []string{environ})
		if err != nil || len(warnings) != want {
			t.Errorf("%s: %v, %v", environ, warnings, err)
		}
	}
}
