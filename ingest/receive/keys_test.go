package receive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// published serves a key set that can change and fail.
type published struct {
	set     atomic.Value // []byte
	status  atomic.Int32
	fetches atomic.Int32
}

func publish(t *testing.T, set []byte) (*published, *Keys, *time.Time) {
	p := new(published)
	p.set.Store(set)
	p.status.Store(200)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		w.WriteHeader(int(p.status.Load()))
		_, _ = w.Write(p.set.Load().([]byte))
	}))
	t.Cleanup(s.Close)
	clock := now
	return p, FetchKeys(s.URL, s.Client(), func() time.Time { return clock }), &clock
}

func code(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.code
	}
	return fmt.Sprint(err)
}

func TestKeysAreFetchedOnceAndAgain(t *testing.T) {
	s, next := newSender(t), newSender(t)
	p, keys, clock := publish(t, s.jwks(t))
	expect := func(what, token, want string, fetches int32) {
		t.Helper()
		_, _, err := open(t.Context(), keys, token)
		if got := code(err); got != want && (err != nil || want != "") || p.fetches.Load() != fetches {
			t.Errorf("%s: %v after %d fetches; want %q after %d", what, err, p.fetches.Load(), want, fetches)
		}
	}
	rotated := sign(t, jose.ES256, next.ec, map[jose.HeaderKey]any{"typ": "secevent+jwt", "kid": "e2"}, usualSET)
	good := s.set(t, usualSET)
	expect("first", good, "", 1)
	expect("cached", good, "", 1)
	expect("unknown key, just read", rotated, invalidKey, 1)
	*clock = clock.Add(again)
	expect("unknown key, a minute later", rotated, invalidKey, 2)
	for range 100 {
		expect("a flood of unknown keys", rotated, invalidKey, 2)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &next.ec.PublicKey, KeyID: "e2"}}})
	if err != nil {
		t.Fatal(err)
	}
	p.set.Store(set)
	*clock = clock.Add(again)
	expect("rotated", rotated, "", 3)
	expect("withdrawn", good, invalidKey, 3)
	p.status.Store(500)
	*clock = clock.Add(2 * freshFor)
	expect("issuer away", rotated, "", 4)
	expect("issuer away, no second try", rotated, "", 4)
	*clock = clock.Add(usableFor)
	expect("issuer away for a day", rotated, errUnavailable.Error(), 5)
	p.status.Store(200)
	*clock = clock.Add(again)
	expect("issuer back", rotated, "", 6)
}

func TestKeysThatWereNeverRead(t *testing.T) {
	s := newSender(t)
	p, keys, clock := publish(t, s.jwks(t))
	p.status.Store(404)
	var l log
	d := deps(keys, &l, t.Output())
	if status, _, header := push(t, Events(config(), d), "application/secevent+jwt", s.set(t, usualSET)); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("%d: a sender must try again", status)
	}
	p.status.Store(200)
	p.set.Store([]byte(strings.Repeat(" ", maxKeySet+1)))
	*clock = clock.Add(again)
	if _, _, err := open(t.Context(), keys, s.set(t, usualSET)); !errors.Is(err, errUnavailable) {
		t.Errorf("a huge set: %v", err)
	}
	p.set.Store(s.jwks(t))
	*clock = clock.Add(again)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := open(ctx, keys, s.set(t, usualSET)); err != nil {
		t.Errorf("a sender that went away kept the keys from being read: %v", err)
	}
}

func TestKeysTogether(t *testing.T) {
	s := newSender(t)
	p, keys, _ := publish(t, s.jwks(t))
	good := s.set(t, usualSET)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, _, err := open(t.Context(), keys, good); err != nil {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); p.fetches.Load() != 1 {
		t.Errorf("%d fetches", p.fetches.Load())
	}
}

func TestKeySets(t *testing.T) {
	s := newSender(t)
	var all struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(s.jwks(t), &all); err != nil {
		t.Fatal(err)
	}
	marshal := func(k jose.JSONWebKey) string {
		b, err := k.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	usable := marshal(jose.JSONWebKey{Key: &s.rsa.PublicKey, KeyID: "r"})
	for _, c := range []struct {
		name, set string
		keys      int // 0: refused
	}{
		{"two", `{"keys":[` + string(all.Keys[0]) + `,` + string(all.Keys[1]) + `]}`, 2},
		{"kinds that are not understood", `{"keys":[{"kty":"XYZ"},{"kty":"OKP","crv":"X25519","x":"AA"},{},` + usable + `]}`, 1},
		{"for encryption", `{"keys":[` + marshal(jose.JSONWebKey{Key: &s.rsa.PublicKey, Use: "enc"}) + `]}`, 0},
		{"a shared secret", `{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAwMDA"}]}`, 0},
		{"a short RSA key", `{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("y", 170) + `"}]}`, 0},
		{"a private key", `{"keys":[` + usable + `,` + marshal(jose.JSONWebKey{Key: s.ec}) + `]}`, 0},
		{"none", `{"keys":[]}`, 0},
		{"no set", usable, 0},
		{"no JSON", `x`, 0},
		{"many", `{"keys":[` + strings.Repeat(`{},`, maxKeys) + usable + `]}`, 0},
	} {
		keys, err := ParseKeys([]byte(c.set))
		if (err != nil) != (c.keys == 0) || err == nil && len(keys.current.Load().keys) != c.keys {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
