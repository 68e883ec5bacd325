package receive

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hijackd/hijackd/schema"
)

const (
	issuer    = "https://idp.example.com/realms/one"
	recipient = "https://hijackd.example.com/"
)

var now = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// sender is an identity provider with an RSA and an EC key.
type sender struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

func newSender(t testing.TB) *sender {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{r, e}
}

func (s *sender) jwks(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &s.rsa.PublicKey, KeyID: "r1", Algorithm: "RS256", Use: "sig"}, {Key: &s.ec.PublicKey, KeyID: "e1", Use: "sig"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *sender) keys(t testing.TB) *Keys {
	t.Helper()
	k, err := ParseKeys(s.jwks(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	j, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	token, err := j.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// set signs a payload as a Security Event Token.
func (s *sender) set(t testing.TB, payload string) string {
	return sign(t, jose.RS256, s.rsa, map[jose.HeaderKey]any{"typ": "secevent+jwt", "kid": "r1"}, payload)
}

// claimSet is the usual payload with some members changed; nil takes one away.
func claimSet(t testing.TB, usual string, changes map[string]any) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(usual), &all); err != nil {
		t.Fatal(err)
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// usualSET is what Keycloak 26.7 sends when a user logs out: SecurityEventTokenMapper.generateSessionRevokedEvent.
const usualSET = `{"iss":"` + issuer + `","jti":"Zr5Ew3oZm0","iat":1795255195,"aud":["` + recipient + `"],"txn":"2b1c","sub_id":{"format":"complex",` +
	`"user":{"format":"iss_sub","iss":"` + issuer + `","sub":"u-7"},"session":{"format":"opaque","id":"sid-1"}},` +
	`"events":{"` + sessionRevoked + `":{"event_timestamp":1795255190,"initiating_entity":"user","reason_admin":{"en":"logout"}}}}`

const usualLogout = `{"iss":"` + issuer + `","jti":"bWJq","iat":1795255195,"exp":1795255315,"aud":"` + recipient + `","sub":"u-7","sid":"sid-1",` +
	`"events":{"` + backChannelLogout + `":{}}}`

// log remembers what was published.
type log struct {
	events []schema.Event
	fail   error
}

func (l *log) publish(_ context.Context, e *schema.Event) error {
	if l.fail != nil {
		return l.fail
	}
	l.events = append(l.events, *e)
	return nil
}

func deps(keys *Keys, l *log, w io.Writer) Deps {
	return Deps{Keys: keys, Publish: l.publish, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(w, nil))}
}

func config() Config { return Config{Issuer: issuer, Audience: recipient} }
