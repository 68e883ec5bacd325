package caep

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

var now = time.Date(2026, 11, 21, 10, 0, 4, 0, time.UTC)

func encodePEM(t *testing.T, key any) string {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

func rsaPEM(t *testing.T, bits int) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM(t, k)
}

func ecPEM(t *testing.T, curve elliptic.Curve) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM(t, k)
}

func action() *schema.Action {
	return &schema.Action{
		ID: "act_1", Action: schema.RevokeSession, Token: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA", Session: "sid-1", User: "u-7", Reason: "impossible-travel",
		DecidedAt: time.Date(2026, 11, 21, 10, 0, 3, 120e6, time.UTC),
		Findings:  []schema.Finding{{Summary: "Paris → Tokyo, 9 672 km in 4 min\u202e"}},
	}
}

func settings(url, key string) Config {
	cfg := Defaults()
	cfg.URL, cfg.Issuer, cfg.Audience, cfg.Key = url, "https://hijackd.example.com/", "https://idp.example.com/", key
	cfg.UserIssuer, cfg.AllowPrivate = "https://idp.example.com/realms/one", true
	return cfg
}

func transmitter(t *testing.T, cfg Config) *Transmitter {
	t.Helper()
	tr, err := New(cfg, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// receiver keeps what it was sent and answers 202.
func receiver(t *testing.T) (url string, header *http.Header, body *string) {
	header, body = new(http.Header), new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		*header, *body = r.Header, string(b)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s.URL, header, body
}

// verify opens a token with the keys that the transmitter publishes.
func verify(t *testing.T, tr *Transmitter, token string) (payload string, header jose.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	tr.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	j, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	header = j.Signatures[0].Protected
	keys := set.Key(header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("%d keys %s", len(keys), header.KeyID)
	}
	b, err := j.Verify(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b), header
}

func TestTokenIsCAEPs(t *testing.T) {
	for alg, key := range map[string]string{"RS256": rsaPEM(t, 2048), "ES256": ecPEM(t, elliptic.P256())} {
		t.Run(alg, func(t *testing.T) {
			url, header, body := receiver(t)
			cfg := settings(url, key)
			cfg.Token = "canary-bearer"
			tr := transmitter(t, cfg)
			if res := tr.Revoke(t.Context(), action()); res != (actions.Result{Class: actions.Done, Detail: "202"}) {
				t.Fatalf("%+v", res)
			}
			if header.Get("Content-Type") != "application/secevent+jwt" || header.Get("Authorization") != "Bearer canary-bearer" {
				t.Errorf("%v", header)
			}
			payload, h := verify(t, tr, *body)
			if h.Algorithm != alg || h.ExtraHeaders["typ"] != "secevent+jwt" {
				t.Errorf("%+v", h)
			}
			want := `{"iss":"https://hijackd.example.com/","jti":"act_1","iat":1795255204,"aud":"https://idp.example.com/",` +
				`"sub_id":{"format":"complex","user":{"format":"iss_sub","iss":"https://idp.example.com/realms/one","sub":"u-7"},"session":{"format":"opaque","id":"sid-1"}},` +
				`"events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":1795255203,"initiating_entity":"policy",` +
				`"reason_admin":{"en":"impossible-travel: Paris → Tokyo, 9 672 km in 4 min` + "\ufffd" + `"}}}}`
			if payload != want {
				t.Errorf("payload\n%s\nwant\n%s", payload, want)
			}
			first := *body
			tr.now = func() time.Time { return now.Add(time.Hour) }
			tr.Revoke(t.Context(), action())
			if again, _ := verify(t, tr, *body); *body == first || !strings.Contains(again, `"jti":"act_1"`) || !strings.Contains(again, `"event_timestamp":1795255203`) {
				t.Errorf("a retry is another event: %s", again)
			}
		})
	}
}

func TestKidIsTheThumbprint(t *testing.T) {
	// RFC 7638, section 3.1: the key and its thumbprint.
	const jwk = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}`
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON([]byte(jwk)); err != nil {
		t.Fatal(err)
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if got := base64.RawURLEncoding.EncodeToString(sum); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("%s, %v", got, err)
	}
	keys, err := parseKeys(ecPEM(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err = keys[0].Thumbprint(crypto.SHA256); err != nil || keys[0].KeyID != base64.RawURLEncoding.EncodeToString(sum) {
		t.Errorf("%s", keys[0].KeyID)
	}
}

func TestPublishedKeysArePublic(t *testing.T) {
	tr := transmitter(t, settings("https://receiver.example.com/", rsaPEM(t, 2048)+"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"+ecPEM(t, elliptic.P256())))
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(tr.set, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%s, %v", tr.set, err)
	}
	for _, k := range set.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, there := k[private]; there {
				t.Errorf("key %v has %s", k["kid"], private)
			}
		}
		if k["use"] != "sig" || k["kid"] == "" || k["alg"] == "" {
			t.Errorf("%v", k)
		}
	}
}

func TestSubjects(t *testing.T) {
	revokeUser := func(a *schema.Action) { a.Action = schema.RevokeUser; a.Session = "" }
	for _, c := range []struct {
		name, format string
		change       func(*schema.Action)
		want         string // empty: refused
	}{
		{"complex session", "complex", func(a *schema.Action) { a.User = "" }, `{"format":"complex","session":{"format":"opaque","id":"sid-1"}}`},
		{"complex user", "complex", revokeUser, `{"format":"complex","user":{"format":"iss_sub","iss":"https://idp.example.com/realms/one","sub":"u-7"}}`},
		{"complex user, a session known", "complex", func(a *schema.Action) { a.Action = schema.RevokeUser }, `{"format":"complex","user":{"format":"iss_sub","iss":"https://idp.example.com/realms/one","sub":"u-7"}}`},
		{"a session is not widened to its user", "complex", func(a *schema.Action) { a.Session = "" }, ""},
		{"complex, nothing known", "complex", func(a *schema.Action) { revokeUser(a); a.User = "" }, ""},
		{"iss_sub", "iss_sub", func(*schema.Action) {}, `{"format":"iss_sub","iss":"https://idp.example.com/realms/one","sub":"u-7"}`},
		{"iss_sub without user", "iss_sub", func(a *schema.Action) { a.User = "" }, ""},
		{"email", "email", func(a *schema.Action) { a.User = "a@example.com" }, `{"format":"email","email":"a@example.com"}`},
		{"email of one who is known by another name", "email", func(*schema.Action) {}, ""},
		{"opaque", "opaque", func(*schema.Action) {}, `{"format":"opaque","id":"sid-1"}`},
		{"opaque without session", "opaque", func(a *schema.Action) { a.Session = "" }, ""},
		{"opaque user", "opaque", revokeUser, ""},
		{"another action", "complex", func(a *schema.Action) { a.Action = schema.BlockIP }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, _, body := receiver(t)
			cfg := settings(url, ecPEM(t, elliptic.P256()))
			cfg.Subject = c.format
			tr := transmitter(t, cfg)
			a := action()
			c.change(a)
			res := tr.Revoke(t.Context(), a)
			if c.want == "" {
				if res.Class != actions.Refused || *body != "" {
					t.Errorf("%+v, sent %q", res, *body)
				}
				return
			}
			var got struct {
				SubID json.RawMessage `json:"sub_id"`
			}
			payload, _ := verify(t, tr, *body)
			if err := json.Unmarshal([]byte(payload), &got); err != nil || string(got.SubID) != c.want {
				t.Errorf("%s", payload)
			}
		})
	}
}

func TestATestRevokesNothing(t *testing.T) {
	url, _, body := receiver(t)
	tr := transmitter(t, settings(url, ecPEM(t, elliptic.P256())))
	if res := tr.Test(t.Context()); res.Class != actions.Done {
		t.Fatalf("%+v", res)
	}
	payload, h := verify(t, tr, *body)
	if strings.Contains(payload, sessionRevoked) || !strings.Contains(payload, streamVerification) || h.ExtraHeaders["typ"] != "secevent+jwt" {
		t.Error(payload)
	}
}

func TestInitiatorAndReason(t *testing.T) {
	cfg := settings("https://x.example.com/", "")
	a := action()
	a.By, a.Reason, a.Findings = "ann", "", nil
	b, err := payload(&cfg, a, now)
	if err != nil || !strings.Contains(string(b), `"initiating_entity":"admin","reason_admin":{"en":"revoked"}`) || strings.Contains(string(b), "ann") {
		t.Errorf("%s, %v", b, err)
	}
	a.Reason = strings.Repeat("\u202e<", 1000)
	if r := reason(a); len(r) > maxReason || strings.Contains(r, "\u202e") {
		t.Errorf("%q", r)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   actions.Class
		detail string
	}{
		{202, "", actions.Done, "202"}, {200, "", actions.Done, "200"},
		{400, `{"err":"invalid_request","description":"canary"}`, actions.Refused, "400 invalid_request"},
		{400, `{"err":"invalid_key"}`, actions.Again, "400 invalid_key"},
		{400, `{"err":"invalid_issuer"}`, actions.Refused, "400 invalid_issuer"},
		{400, `{"err":"invalid_audience"}`, actions.Refused, "400 invalid_audience"},
		{400, `{"err":"authentication_failed"}`, actions.Refused, "400 authentication_failed"},
		{400, `{"err":"access_denied"}`, actions.Refused, "400 access_denied"},
		{400, `{"err":"canary"}`, actions.Refused, "400"}, {400, `canary`, actions.Refused, "400"}, {400, ``, actions.Refused, "400"},
		{401, "", actions.Refused, "401"}, {403, "", actions.Refused, "403"}, {404, "", actions.Refused, "404"},
		{307, "", actions.Refused, "307"}, {429, "", actions.Again, "429"}, {500, "", actions.Again, "500"}, {503, "", actions.Again, "503"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		res := transmitter(t, settings(s.URL, ecPEM(t, elliptic.P256()))).Revoke(t.Context(), action())
		if res.Class != c.want || res.Detail != c.detail || c.status == 429 && res.RetryAfter != 7*time.Second {
			t.Errorf("%d %s: %+v", c.status, c.body, res)
		}
		s.Close()
	}
}

func TestConfigurationMistakes(t *testing.T) {
	good := ecPEM(t, elliptic.P256())
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"url", func(c *Config) { c.URL = "ftp://canary:canary@x" }, "actions.caep.url: "},
		{"http", func(c *Config) { c.URL = "http://canary:canary@x"; c.AllowPrivate = false }, "actions.caep.url: "},
		{"issuer", func(c *Config) { c.Issuer = "" }, "actions.caep.issuer: "},
		{"audience", func(c *Config) { c.Audience = "" }, "actions.caep.audience: "},
		{"subject", func(c *Config) { c.Subject = "canary" }, "actions.caep.subject: "},
		{"user issuer", func(c *Config) { c.UserIssuer = "" }, "actions.caep.user_issuer: "},
		{"timeout", func(c *Config) { c.Timeout = 0 }, "actions.caep.timeout: "},
		{"authorities", func(c *Config) { c.CA = "canary" }, "actions.caep.ca_file: "},
		{"bearer", func(c *Config) { c.Token = "canary\ncanary" }, "actions.caep.token_file: "},
		{"no key", func(c *Config) { c.Key = "" }, "actions.caep.key_file: "},
		{"no PEM", func(c *Config) { c.Key = "canary" }, "actions.caep.key_file: "},
		{"a certificate", func(c *Config) { c.Key = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n" }, "actions.caep.key_file: "},
		{"a broken key", func(c *Config) { c.Key = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n" }, "actions.caep.key_file: "},
		{"a short key", func(c *Config) { c.Key = rsaPEM(t, 1024) }, "actions.caep.key_file: "},
		{"another curve", func(c *Config) { c.Key = ecPEM(t, elliptic.P384()) }, "actions.caep.key_file: "},
	} {
		cfg := settings("https://receiver.example.com/", good)
		c.change(&cfg)
		_, err := New(cfg, time.Now)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := new(Config).Validate(); err != nil {
		t.Errorf("nothing configured: %v", err)
	}
}

// TestNothingSecretIsShown calls receivers that fail in every way, with canaries wherever a secret may be.
func TestNothingSecretIsShown(t *testing.T) {
	key := ecPEM(t, elliptic.P256())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://canary.example.com/")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"err":"canary","description":"canary"}`)
	}))
	defer s.Close()
	a := action()
	a.Session, a.User, a.Token = "canary-session", "canary-user", "canary-token"
	for _, url := range []string{strings.Replace(s.URL, "http://", "http://user:canary@", 1), "http://canary:canary@127.0.0.1:1/canary", "https://canary.invalid/", strings.Replace(s.URL, "http://", "https://canary@", 1)} {
		cfg := settings(url, key)
		cfg.Token = "canary-bearer"
		tr := transmitter(t, cfg)
		shown := fmt.Sprintf("%v %+v %#v %s", tr.Revoke(t.Context(), a), tr, tr, tr)
		a2 := *a
		a2.Session = ""
		shown += fmt.Sprint(tr.Revoke(t.Context(), &a2))
		if strings.Contains(shown, "canary") || strings.Contains(shown, key[40:60]) {
			t.Errorf("%s", shown)
		}
	}
}
