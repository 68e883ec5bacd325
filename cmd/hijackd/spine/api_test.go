package spine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// provider is an identity provider that publishes its keys and tells what it revokes.
type provider struct {
	*httptest.Server
	key *ecdsa.PrivateKey
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Use: "sig"}}})
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) sign(t *testing.T, typ string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k1"}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	claims["iss"], claims["iat"] = p.URL, time.Now().Unix()
	b, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func post(t *testing.T, url, contentType, body string) int {
	t.Helper()
	resp, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

const askToken = "canary-0123456789abcdef"

// stateOf asks the API for a token, as an app does.
func stateOf(t *testing.T, api, token string) (code int, answer struct {
	State, Why string
	ActionID   string `json:"action_id"`
}) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, api+"/v1/tokens/"+url.PathEscape(token), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+askToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return resp.StatusCode, answer
}

// TestWhatOthersRevokedIsAReplayFromThenOn lets an identity provider revoke one session by a pushed event and log one user out by the back
// channel; what their tokens are used for afterwards is found, and apps that ask are told.
func TestWhatOthersRevokedIsAReplayFromThenOn(t *testing.T) {
	s := newSite(t, 2, "")
	idp, address := newProvider(t), freeAddress(t)
	api := "http://" + address
	m := s.start(s.config(fmt.Sprintf(`
rules: {revoked-replay: {grace: 0s}}
api:
  listen: %s
  token_file: "%s"
  allow_private: true
  caep: {issuer: "%s", audience: hijackd, jwks_url: "%s/keys"}
  backchannel: {issuer: "%s", audience: shop, jwks_url: "%s/keys"}
`, address, s.write("ask", askToken+"\n"), idp.URL, idp.URL, idp.URL, idp.URL)))
	begun := time.Now().Add(-5 * time.Minute)
	for n := range 3 {
		s.produce(event(fmt.Sprint("start-", n), token(n), "session.started", begun, paris), event(fmt.Sprint("use-", n), token(n), "session.used", begun.Add(time.Minute), paris))
	}
	s.await("the sessions to be known", func() bool { return s.drained(s.topic) && s.drained(s.topic+".sightings") })

	pushed := idp.sign(t, "secevent+jwt", map[string]any{"jti": "set-1", "aud": "hijackd",
		"sub_id": map[string]any{"format": "complex", "session": map[string]any{"format": "opaque", "id": "sid-0000"}, "user": map[string]any{"format": "iss_sub", "iss": idp.URL, "sub": "u-0000"}},
		"events": map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{"event_timestamp": time.Now().Unix() - 1}}})
	for range 2 {
		if code := post(t, api+"/v1/events", "application/secevent+jwt", pushed); code != http.StatusAccepted {
			t.Fatalf("pushed: %d", code)
		}
	}
	logout := idp.sign(t, "logout+jwt", map[string]any{"jti": "blo-1", "aud": "shop", "sub": "u-0001", "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}})
	if code := post(t, api+"/v1/backchannel-logout", "application/x-www-form-urlencoded", url.Values{"logout_token": {logout}}.Encode()); code != http.StatusOK {
		t.Fatalf("logged out: %d", code)
	}
	if code := post(t, api+"/v1/backchannel-logout", "application/x-www-form-urlencoded", url.Values{"logout_token": {pushed}}.Encode()); code != http.StatusBadRequest {
		t.Errorf("a security event passes for a logout: %d", code)
	}
	revoked := func(n int) func() bool {
		return func() bool { _, a := stateOf(t, api, token(n)); return a.State == "revoked" }
	}
	s.await("the session to be revoked", revoked(0))
	s.await("the user to be revoked", revoked(1))
	if n := s.count("SELECT count() FROM {db}.events WHERE type = 'session.revoked' AND token = '" + token(0) + "'"); n != 1 {
		t.Errorf("delivered twice, the session is revoked %d times", n)
	}
	if code, a := stateOf(t, api, token(2)); code != 200 || a.State != "active" {
		t.Errorf("the third session: %d %+v", code, a)
	}

	for n := range 3 {
		s.produce(event(fmt.Sprint("after-", n), token(n), "session.used", time.Now(), paris))
	}
	s.await("the replays", func() bool {
		return s.count("SELECT uniqExact(token) FROM {db}.findings WHERE rule = 'revoked-replay'") == 2
	})
	s.await("hijackd's own revocation", func() bool { _, a := stateOf(t, api, token(0)); return a.ActionID != "" })
	if _, a := stateOf(t, api, token(0)); a.Why != "revoked-replay" || a.ActionID != s.receiver.ids()[token(0)][0] {
		t.Errorf("%+v", a)
	}
	if n := s.count("SELECT count() FROM {db}.findings WHERE token = '" + token(2) + "'"); n != 0 {
		t.Error("the session that nobody revoked has a finding")
	}
	const raw = "canary.raw.token"
	if code, _ := stateOf(t, api, raw); code != http.StatusBadRequest {
		t.Errorf("a raw token: %d", code)
	}
	m.stop(t)
	if out := m.out.String(); strings.Contains(out, "canary") || strings.Contains(out, "sid-0000") || strings.Contains(out, pushed[:40]) {
		t.Errorf("the log holds a secret:\n%s", out)
	}
}
