package receive

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hijackd/hijackd/schema"
)

func push(t testing.TB, h http.Handler, contentType, body string, header ...string) (status int, code string, answer http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/events", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var said struct{ Err, Description string }
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Description == "" {
			t.Errorf("answer %q: %v", w.Body, err)
		}
	}
	return w.Code, said.Err, w.Header()
}

func TestASessionRevokedBecomesAnEvent(t *testing.T) {
	s := newSender(t)
	var l log
	cfg := config()
	cfg.Tenant = "acme"
	h := Events(cfg, deps(s.keys(t), &l, io.Discard))
	for range 2 { // delivered twice
		if status, code, _ := push(t, h, "application/secevent+jwt", s.set(t, usualSET)); status != http.StatusAccepted {
			t.Fatal(status, code)
		}
	}
	want := schema.Event{ID: l.events[0].ID, Time: 1795255190e9, Type: schema.SessionRevoked, Tenant: "acme", Session: "sid-1", User: "u-7",
		Outcome: schema.OutcomeAccepted, Repeat: 1}
	if len(l.events) != 2 || l.events[0] != want || l.events[1] != want || len(want.ID) != 24 {
		t.Errorf("%+v", l.events)
	}
	push(t, h, "application/secevent+jwt", s.set(t, claimSet(t, usualSET, map[string]any{"jti": "another"})))
	if l.events[2].ID == want.ID {
		t.Error("another token is the same event")
	}
}

// TestSubjects holds the shapes that CAEP 1.0, RFC 9493, Okta and Keycloak document.
func TestSubjects(t *testing.T) {
	const user = `{"format":"iss_sub","iss":"https://org.okta.com","sub":"okta-user-id1"}`
	for _, c := range []struct {
		name, subID   string
		session, user string
		code          string // of the refusal; "-": taken, and nothing is done
	}{
		{"session and user", `{"format":"complex","session":{"format":"opaque","id":"s"},"user":` + user + `}`, "s", "okta-user-id1", ""},
		{"CAEP 3.1, opaque", `{"format":"opaque","id":"dMTlD|1600802906337.16|16008.16"}`, "dMTlD|1600802906337.16|16008.16", "", ""},
		{"session and tenant", `{"format":"complex","session":{"format":"opaque","id":"s"},"tenant":{"format":"opaque","id":"t"}}`, "s", "", ""},
		{"user of a complex subject", `{"format":"complex","user":` + user + `,"tenant":{"format":"opaque","id":"t"}}`, "", "okta-user-id1", ""},
		{"Okta, without a format", `{"user":` + user + `}`, "", "okta-user-id1", ""},
		{"iss_sub", user, "", "okta-user-id1", ""},
		{"email", `{"format":"email","email":"a@example.com"}`, "", "a@example.com", ""},
		{"Keycloak with email", `{"format":"complex","user":{"format":"email","email":"a@example.com"},"session":{"format":"opaque","id":"s"}}`, "s", "a@example.com", ""},
		{"aliases", `{"format":"aliases","identifiers":[{"format":"phone_number","phone_number":"+1"},{"format":"email","email":"a@b"}]}`, "", "a@b", ""},
		{"aliases in aliases", `{"format":"aliases","identifiers":[{"format":"aliases","identifiers":[{"format":"email","email":"a@b"}]}]}`, "", "", invalidRequest},
		{"user and device of a session", `{"format":"complex","session":{"format":"opaque","id":"s"},"device":{"format":"opaque","id":"d"}}`, "s", "", ""},
		{"user on one device", `{"format":"complex","user":` + user + `,"device":{"format":"opaque","id":"d"}}`, "", "", "-"},
		{"user in one application", `{"format":"complex","user":` + user + `,"application":{"format":"opaque","id":"d"}}`, "", "", "-"},
		{"device alone", `{"format":"complex","device":{"format":"opaque","id":"d"}}`, "", "", "-"},
		{"a session without an id must not become its user", `{"format":"complex","session":{"format":"did"},"user":` + user + `}`, "", "", invalidRequest},
		{"phone", `{"format":"phone_number","phone_number":"+12065550100"}`, "", "", invalidRequest},
		{"empty", `{}`, "", "", invalidRequest},
		{"empty id", `{"format":"opaque","id":""}`, "", "", invalidRequest},
		{"long", `{"format":"opaque","id":"` + strings.Repeat("x", 257) + `"}`, "", "", invalidRequest},
		{"a text", `"sid-1"`, "", "", invalidRequest},
		{"null", `null`, "", "", invalidRequest},
		{"twice", `{"format":"opaque","id":"a","id":"b"}`, "", "", invalidRequest},
		{"number", `{"format":"opaque","id":1}`, "", "", invalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config()
			payload := claimSet(t, usualSET, map[string]any{"sub_id": json.RawMessage(c.subID)})
			if c.name == "twice" { // which Marshal would repair
				payload = strings.Replace(claimSet(t, usualSET, map[string]any{"sub_id": "HERE"}), `"HERE"`, c.subID, 1)
			}
			e, err := readEvent(&cfg, []byte(payload), now)
			var r *refusal
			switch {
			case errors.As(err, &r):
				if r.code != c.code {
					t.Errorf("refused: %v", r)
				}
			case e == nil:
				if c.code != "-" {
					t.Error("nothing is done")
				}
			case e.Session != c.session || e.User != c.user || c.code != "":
				t.Errorf("session %q user %q", e.Session, e.User)
			}
		})
	}
}

// TestOktaExample is the example of Okta's documentation: the subject inside the event, the time in milliseconds.
func TestOktaExample(t *testing.T) {
	const example = `{"iss":"https://org.okta.com","jti":"24c63fb56e5a2d77a6b512616ca9fa24","iat":1615305159,"aud":"https://sp.example.com/caep",
		"events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{
		"subject":{"user":{"format":"iss_sub","iss":"https://org.okta.com","sub":"okta-user-id1"}},
		"reason_admin":{"en":"Policy Violation: C076E822"},"reason_user":{"en":"This device is no longer compliant."},"event_timestamp":1615304991643}}}`
	e, err := readEvent(&Config{Issuer: "https://org.okta.com", Audience: "https://sp.example.com/caep"}, []byte(example), time.Unix(1615305200, 0))
	if err != nil || e.User != "okta-user-id1" || e.Time != 1615304991643e6 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		event string
		want  int64 // seconds
	}{{`1795255190`, 1795255190}, {`1795255190000`, 1795255190}, {`1795255999`, 1795255195}, {`0`, 1795255195}, {`-5`, 1795255195}, {`1e300`, 1795255195}} {
		cfg := config()
		e, err := readEvent(&cfg, []byte(strings.Replace(usualSET, "1795255190", c.event, 1)), now)
		if err != nil || e.Time != c.want*1e9 {
			t.Errorf("%s: %+v, %v", c.event, e, err)
		}
	}
}

func TestWhatIsTakenWithoutEffect(t *testing.T) {
	s := newSender(t)
	var l log
	h := Events(config(), deps(s.keys(t), &l, io.Discard))
	for _, event := range []string{
		"https://schemas.openid.net/secevent/ssf/event-type/verification", "https://schemas.openid.net/secevent/caep/event-type/credential-change",
	} {
		payload := claimSet(t, usualSET, map[string]any{"events": map[string]any{event: map[string]any{"state": "x"}}, "sub_id": map[string]any{"format": "opaque", "id": "stream"}})
		if status, code, _ := push(t, h, "application/secevent+jwt", s.set(t, payload)); status != http.StatusAccepted || len(l.events) > 0 {
			t.Errorf("%s: %d %s, %d events", event, status, code, len(l.events))
		}
	}
}

func unsigned(header, payload string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(payload)) + "."
}

func TestAttacks(t *testing.T) {
	s, stranger := newSender(t), newSender(t)
	header := map[jose.HeaderKey]any{"typ": "secevent+jwt", "kid": "r1"}
	public, err := json.Marshal(jose.JSONWebKey{Key: &s.rsa.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	change := func(m map[string]any) string { return s.set(t, claimSet(t, usualSET, m)) }
	events := func(m map[string]any) map[string]any { return map[string]any{"events": m} }
	good := s.set(t, usualSET)
	parts := strings.Split(good, ".")
	for _, c := range []struct{ name, token, code string }{
		{"alg none", unsigned(`{"alg":"none","typ":"secevent+jwt"}`, usualSET), invalidKey},
		{"alg NONE", unsigned(`{"alg":"NONE","typ":"secevent+jwt"}`, usualSET), invalidKey},
		{"no alg", unsigned(`{"typ":"secevent+jwt"}`, usualSET), invalidKey},
		{"HS256 with the RSA key as the secret", sign(t, jose.HS256, public, header, usualSET), invalidKey},
		{"a stranger's key under a known id", stranger.set(t, usualSET), authenticationFailed},
		{"a stranger's key brought along", sign(t, jose.RS256, stranger.rsa, map[jose.HeaderKey]any{"typ": "secevent+jwt", "jwk": jose.JSONWebKey{Key: &stranger.rsa.PublicKey}}, usualSET), authenticationFailed},
		{"unknown key id", sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"typ": "secevent+jwt", "kid": "r2"}, usualSET), invalidKey},
		{"another algorithm than the key's", sign(t, jose.PS256, s.rsa, header, usualSET), invalidKey},
		{"the EC key's id", sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"typ": "secevent+jwt", "kid": "e1"}, usualSET), invalidKey},
		{"signature cut off", parts[0] + "." + parts[1] + ".", authenticationFailed},
		{"payload of another", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(usualSET, "sid-1", "sid-2", 1))) + "." + parts[2], authenticationFailed},
		{"unknown critical header", sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"typ": "secevent+jwt", "kid": "r1", "crit": []string{"x"}, "x": 1}, usualSET), authenticationFailed},
		{"typ of a JWT", sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"typ": "JWT", "kid": "r1"}, usualSET), invalidRequest},
		{"no typ", sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"kid": "r1"}, usualSET), invalidRequest},
		{"a logout token", sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"kid": "r1", "typ": "logout+jwt"}, usualLogout), invalidRequest},
		{"wrong aud", change(map[string]any{"aud": "https://else.example.com/"}), invalidAudience},
		{"aud of others", change(map[string]any{"aud": []string{"a", recipient + "x"}}), invalidAudience},
		{"no aud", change(map[string]any{"aud": nil}), invalidAudience},
		{"aud a number", change(map[string]any{"aud": 1}), invalidRequest},
		{"wrong iss", change(map[string]any{"iss": issuer + "/"}), invalidIssuer},
		{"no iss", change(map[string]any{"iss": nil}), invalidRequest},
		{"no jti", change(map[string]any{"jti": ""}), invalidRequest},
		{"no iat", change(map[string]any{"iat": nil}), invalidRequest},
		{"iat a text", change(map[string]any{"iat": "1795255195"}), invalidRequest},
		{"iat in milliseconds", change(map[string]any{"iat": 1795255195000}), invalidRequest},
		{"iat beyond all years", change(map[string]any{"iat": 1e300}), invalidRequest},
		{"iat before 1970", change(map[string]any{"iat": -1}), invalidRequest},
		{"future iat", change(map[string]any{"iat": now.Unix() + 121}), invalidRequest},
		{"iat of last week", change(map[string]any{"iat": now.Unix() - 8*86400}), invalidRequest},
		{"expired", change(map[string]any{"exp": now.Unix() - 120}), invalidRequest},
		{"not yet valid", change(map[string]any{"nbf": now.Unix() + 121}), invalidRequest},
		{"sub", change(map[string]any{"sub": "u-7"}), invalidRequest},
		{"no subject", change(map[string]any{"sub_id": nil}), invalidRequest},
		{"no events", change(map[string]any{"events": nil}), invalidRequest},
		{"empty events", change(events(map[string]any{})), invalidRequest},
		{"two events", change(events(map[string]any{sessionRevoked: map[string]any{}, "x": map[string]any{}})), invalidRequest},
		{"events a list", change(map[string]any{"events": []string{sessionRevoked}}), invalidRequest},
		{"an event that is a text", change(events(map[string]any{sessionRevoked: "yes"})), invalidRequest},
		{"duplicate claim", s.set(t, strings.Replace(usualSET, `"jti"`, `"iss":"x","jti"`, 1)), invalidRequest},
		{"duplicate event", s.set(t, strings.Replace(usualSET, `"`+sessionRevoked+`"`, `"`+sessionRevoked+`":{},"`+sessionRevoked+`"`, 1)), invalidRequest},
		{"duplicate in the event", s.set(t, strings.Replace(usualSET, `"event_timestamp"`, `"event_timestamp":1,"event_timestamp"`, 1)), invalidRequest},
		{"duplicate in the header", parts[0][:0] + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","alg":"none","typ":"secevent+jwt"}`)) + "." + parts[1] + "." + parts[2], invalidRequest},
		{"claims in another case", s.set(t, strings.Replace(usualSET, `"iss"`, `"ISS"`, 1)), invalidRequest},
		{"not UTF-8", s.set(t, strings.Replace(usualSET, "sid-1", "sid\xff", 1)), invalidRequest},
		{"two documents", s.set(t, usualSET+usualSET), invalidRequest},
		{"not JSON", s.set(t, "{"), invalidRequest},
		{"null", s.set(t, "null"), invalidRequest},
		{"deep", s.set(t, `{"x":`+strings.Repeat("[", 20000)), invalidRequest},
		{"nothing", "", invalidRequest},
		{"one part", "x", invalidRequest},
		{"four parts", good + ".x", invalidRequest},
		{"JSON serialization", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, invalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l log
			var written bytes.Buffer
			h := Events(config(), deps(s.keys(t), &l, &written))
			status, code, header := push(t, h, "application/secevent+jwt", c.token)
			if status != http.StatusBadRequest || code != c.code || header.Get("Content-Language") != "en" {
				t.Errorf("%d %s, want %s; log: %s", status, code, c.code, &written)
			}
			if len(l.events) > 0 {
				t.Errorf("published %+v", l.events)
			}
		})
	}
}

func TestHTTP(t *testing.T) {
	s := newSender(t)
	var l log
	cfg := config()
	cfg.Bearer = "canary-bearer"
	h := Events(cfg, deps(s.keys(t), &l, io.Discard))
	good := s.set(t, usualSET)
	for _, c := range []struct {
		name, contentType, body, authorization string
		status                                 int
		code                                   string
	}{
		{"as it should be", "application/secevent+jwt", good, "Bearer canary-bearer", 202, ""},
		{"charset and case", "Application/SecEvent+JWT; charset=utf-8", good, "bearer canary-bearer", 202, ""},
		{"no bearer", "application/secevent+jwt", good, "", 400, authenticationFailed},
		{"wrong bearer", "application/secevent+jwt", good, "Bearer canary-beareR", 400, authenticationFailed},
		{"basic", "application/secevent+jwt", good, "Basic canary-bearer", 400, authenticationFailed},
		{"JSON", "application/json", good, "Bearer canary-bearer", 415, invalidRequest},
		{"no type", "", good, "Bearer canary-bearer", 415, invalidRequest},
		{"huge", "application/secevent+jwt", good + strings.Repeat("A", maxToken), "Bearer canary-bearer", 413, invalidRequest},
	} {
		if status, code, _ := push(t, h, c.contentType, c.body, "Authorization", c.authorization); status != c.status || code != c.code {
			t.Errorf("%s: %d %s", c.name, status, code)
		}
	}
	if len(l.events) != 2 {
		t.Errorf("%d events", len(l.events))
	}
	l.fail = errors.New("kafka is away")
	if status, _, header := push(t, h, "application/secevent+jwt", good, "Authorization", "Bearer canary-bearer"); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("not published, and answered %d", status)
	}
}

// TestNothingOfASenderIsRepeated sends what must not appear in answers and logs.
func TestNothingOfASenderIsRepeated(t *testing.T) {
	s := newSender(t)
	var written bytes.Buffer
	l := log{fail: errors.New("kafka is away")}
	cfg := config()
	cfg.Bearer = "canary-bearer"
	for _, token := range []string{
		s.set(t, strings.ReplaceAll(strings.ReplaceAll(usualSET, "sid-1", "canary-session"), "u-7", "canary-user")),
		s.set(t, claimSet(t, usualSET, map[string]any{"iss": "https://canary:canary@idp"})),
		s.set(t, claimSet(t, usualSET, map[string]any{"sub_id": "canary"})),
		s.set(t, `{"canary":`),
		"canary.canary.canary",
		unsigned(`{"alg":"canary"}`, "{}"),
		sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"kid": "canary"}, usualSET),
	} {
		for _, bearer := range []string{"Bearer canary-bearer", "Bearer canary-wrong"} {
			r := httptest.NewRequest(http.MethodPost, "/canary", strings.NewReader(token))
			r.Header.Set("Content-Type", "application/secevent+jwt")
			r.Header.Set("Authorization", bearer)
			w := httptest.NewRecorder()
			Events(cfg, deps(s.keys(t), &l, &written)).ServeHTTP(w, r)
			written.Write(w.Body.Bytes())
		}
	}
	if strings.Contains(written.String(), "canary") || written.Len() == 0 {
		t.Errorf("written: %s", &written)
	}
}
