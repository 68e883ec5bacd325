package revoke

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

func action() *schema.Action {
	return &schema.Action{
		ID: "act_1", Action: schema.RevokeSession, Token: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA", Subject: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA",
		Session: "sid-1", User: "u-7", Reason: "impossible-travel", Risk: 0.97, Mode: "enforce",
		DecidedAt: time.Date(2026, 11, 21, 10, 0, 3, 120e6, time.UTC),
		Findings: []schema.Finding{{
			ID: "fnd_1", Rule: "impossible-travel", Severity: schema.High, Confidence: 0.95,
			Time: time.Date(2026, 11, 21, 10, 0, 2, 900e6, time.UTC), Summary: "Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)",
		}},
	}
}

func to(t *testing.T, url string, change ...func(*Config)) *Webhook {
	t.Helper()
	cfg := Defaults()
	cfg.URL, cfg.Secret, cfg.AllowPrivate = url, newSecret+"\n"+oldSecret+"\n", true
	for _, c := range change {
		c(&cfg)
	}
	ss, err := LoadSecrets(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(cfg, ss, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestMessageIsTheContractsAndVerifies(t *testing.T) {
	var body []byte
	var header http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	if res := to(t, s.URL).Revoke(t.Context(), action()); res != (actions.Result{Class: actions.Done, Detail: "204"}) {
		t.Fatalf("%+v", res)
	}
	for _, secret := range []string{oldSecret, newSecret} {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(body, header); err != nil {
			t.Errorf("the official library refuses the message: %v", err)
		}
		if err := wh.Verify(append(bytes.Clone(body), ' '), header); err == nil {
			t.Error("the official library takes a changed message")
		}
	}
	if header.Get("webhook-id") != "act_1" || header.Get("Idempotency-Key") != "act_1" {
		t.Errorf("ids: %v", header)
	}
	want := `{"type":"session.revoke","timestamp":"2026-11-21T10:00:03.12Z","data":{"action_id":"act_1","action":"revoke_session","tenant":"",` +
		`"token":"h1:k1:AAAAAAAAAAAAAAAAAAAAAA","session":"sid-1","user":"u-7","reason":"impossible-travel","risk":0.97,"mode":"enforce",` +
		`"findings":[{"id":"fnd_1","rule":"impossible-travel","severity":"high","confidence":0.95,"time":"2026-11-21T10:00:02.9Z",` +
		`"summary":"Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)"}]}}`
	if string(body) != want {
		t.Errorf("body\n%s\nwant\n%s", body, want)
	}
}

func TestBodyStaysUnder20kB(t *testing.T) {
	a := action()
	for range 400 {
		f := a.Findings[0]
		f.Summary = strings.Repeat("\u202e<€", 300)
		a.Findings = append(a.Findings, f)
	}
	b, err := body(a)
	if err != nil || len(b) >= maxBody {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	var m struct {
		Data struct{ Findings []json.RawMessage }
	}
	if err := json.Unmarshal(b, &m); err != nil || len(m.Data.Findings) < 5 {
		t.Errorf("%d findings left, %v", len(m.Data.Findings), err)
	}
}

func TestAnswers(t *testing.T) {
	var followed atomic.Bool
	mux := http.NewServeMux()
	for _, status := range []int{200, 201, 202, 204, 299, 400, 401, 404, 408, 409, 410, 425, 429, 500, 502, 503, 504} {
		mux.HandleFunc(fmt.Sprintf("/%d", status), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	mux.HandleFunc("/seconds", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	mux.HandleFunc("/date", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	for path, want := range map[string]actions.Class{
		"/200": actions.Done, "/201": actions.Done, "/202": actions.Done, "/204": actions.Done, "/299": actions.Done,
		"/400": actions.Refused, "/401": actions.Refused, "/404": actions.Refused, "/409": actions.Refused, "/410": actions.Refused,
		"/408": actions.Again, "/425": actions.Again, "/429": actions.Again,
		"/500": actions.Again, "/502": actions.Again, "/503": actions.Again, "/504": actions.Again,
		"/redirect": actions.Refused, "/seconds": actions.Again, "/date": actions.Again,
	} {
		res := to(t, s.URL+path).Revoke(t.Context(), action())
		if res.Class != want {
			t.Errorf("%s: %+v, want class %d", path, res, want)
		}
		switch path {
		case "/seconds":
			if res.RetryAfter != 17*time.Second {
				t.Errorf("Retry-After in seconds: %s", res.RetryAfter)
			}
		case "/date":
			if res.RetryAfter < 59*time.Minute || res.RetryAfter > time.Hour {
				t.Errorf("Retry-After as a date: %s", res.RetryAfter)
			}
		}
	}
	if followed.Load() {
		t.Error("the redirect was followed")
	}
}

func TestEndlessBodyIsCapped(t *testing.T) {
	sent := make(chan int, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n, chunk := 0, make([]byte, 4096)
		for {
			m, err := w.Write(chunk)
			if n += m; err != nil {
				sent <- n
				return
			}
		}
	}))
	defer s.Close()
	if res := to(t, s.URL).Revoke(t.Context(), action()); res.Class != actions.Done {
		t.Errorf("%+v", res)
	}
	if n := <-sent; n > 32<<20 { // what the kernel's buffers take is not read by us, but is counted as sent
		t.Errorf("the endless body went on for %d bytes", n)
	}
}

func TestSlowHeadersTimeOut(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	res := to(t, s.URL, func(c *Config) { c.Timeout = 100 * time.Millisecond }).Revoke(t.Context(), action())
	if res != (actions.Result{Class: actions.Again, Detail: "timeout"}) {
		t.Errorf("%+v", res)
	}
}

// A connection that breaks before the receiver acts and one that breaks after look the same: both are tried again under one id.
func TestResetBeforeAndAfterTheEffect(t *testing.T) {
	for _, read := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if read {
					_, _ = http.ReadRequest(bufio.NewReader(c))
				}
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			}
		}()
		res := to(t, "http://"+l.Addr().String()).Revoke(t.Context(), action())
		if res.Class != actions.Again {
			t.Errorf("read %v: %+v", read, res)
		}
		_ = l.Close()
	}
}

func TestRefusesPrivateAddressesUnlessAllowed(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was reached") }))
	defer s.Close()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
		w := to(t, "https://"+net.JoinHostPort(host, port), func(c *Config) { c.AllowPrivate = false })
		if res := w.Revoke(t.Context(), action()); res.Class != actions.Again || !strings.Contains(res.Detail, "not allowed") {
			t.Errorf("%s: %+v", host, res)
		}
	}
}

func TestIgnoresProxiesOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	if w := to(t, "http://127.0.0.1:1"); w.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy is consulted")
	}
}

func TestNoSecretInAnyErrorOrLog(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://canary-user:canary-pass@example.invalid/canary-query", http.StatusFound)
	}))
	defer s.Close()
	bare := strings.TrimPrefix(s.URL, "http://")
	urls := []string{
		"http://canary-user:canary-pass@" + bare + "/?canary-query", "https://canary-user:canary-pass@" + bare,
		"http://canary-user:canary-pass@127.0.0.1:1", "http://canary-user:canary-pass@no-such-host.invalid",
		"http://canary-user:canary-pass@169.254.169.254/", "http://canary-user:canary-pass@[::1%25canary-query]:1/",
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, u := range urls {
		w := to(t, u, func(c *Config) { c.Timeout = time.Second })
		res := w.Revoke(t.Context(), action())
		if res.Class == actions.Done {
			t.Errorf("%+v", res)
		}
		log.Info("result", slog.Any("result", res), slog.Any("secrets", w.secrets))
		log.Info("configuration", slog.Any("config", w.cfg), slog.Any("client", w.cfg.outbound()))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			fmt.Fprintf(&out, strings.Repeat(verb+" ", 4), w, w.cfg, w.cfg.outbound(), w.secrets)
		}
	}
	for _, u := range append(urls, "ftp://canary-user:canary-pass@h", "http://canary-user:canary-pass@h:port", ":canary-pass", "http://") {
		err := (&Config{URL: u}).Validate()
		if err == nil {
			t.Errorf("%q without secret and time-out is valid", u)
		}
		fmt.Fprintln(&out, err)
	}
	for _, secret := range []string{"canary-secret", "whsec_canary-secret", "whsec_Y2FuYXJ5", newSecret + " " + oldSecret + " " + newSecret, ""} {
		_, err := ParseSecrets(secret)
		if err == nil {
			t.Errorf("%q is taken for a secret", secret)
		}
		fmt.Fprintln(&out, err)
	}
	raw, _ := base64.StdEncoding.DecodeString(newSecret[6:])
	for _, canary := range []string{"canary", newSecret[6:], oldSecret[6:], fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprintf("%d", raw), "[]")} {
		if strings.Contains(out.String(), canary) {
			t.Errorf("%q leaks: %s", canary, out.String())
		}
	}
}

// TestMessageTypes holds each action to its type (contract section 2), and ip.block to naming the network.
func TestMessageTypes(t *testing.T) {
	for d, want := range map[schema.Decision]string{
		schema.RevokeSession: "session.revoke", schema.RevokeUser: "user.revoke", schema.NotifyUser: "user.notify", schema.StepUp: "session.step_up",
		schema.Restrict: "session.restrict", schema.BlockIP: "ip.block", schema.Observe: "", schema.Alert: "", "": "",
	} {
		a := action()
		a.Action = d
		if d == schema.BlockIP {
			a.Subject, a.Token, a.Session, a.User = "203.0.113.0/24", "", "", ""
		}
		b, err := body(a)
		if (err == nil) != (want != "") || new(Webhook).Takes(d) != (want != "") {
			t.Errorf("%s: %v", d, err)
			continue
		}
		if want == "" {
			continue
		}
		var m struct {
			Type string
			Data struct{ Action, Network string }
		}
		if err := json.Unmarshal(b, &m); err != nil || m.Type != want || m.Data.Action != string(d) {
			t.Errorf("%s: %s, %v", d, b, err)
		}
		if (m.Data.Network == "203.0.113.0/24") != (d == schema.BlockIP) || d != schema.BlockIP && m.Data.Network != "" {
			t.Errorf("%s names the network %q", d, m.Data.Network)
		}
	}
}
