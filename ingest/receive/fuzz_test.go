package receive

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// FuzzToken feeds the way of a token whose signature is not asked for: nothing panics, what is taken is a sound event, and what is
// refused is refused with a code.
func FuzzToken(f *testing.F) {
	s := newSender(f)
	keys := s.keys(f)
	f.Add(s.set(f, usualSET))
	f.Add(sign(f, jose.ES256, s.ec, map[jose.HeaderKey]any{"kid": "e1"}, usualLogout))
	for _, payload := range []string{usualSET, usualLogout, `{"iss":"` + issuer + `","aud":"` + recipient + `","jti":"1","iat":1795255195,"sub_id":{"format":"aliases","identifiers":[{}]},"events":{"` + sessionRevoked + `":{}}}`} {
		f.Add(unsigned(`{"alg":"RS256","typ":"secevent+jwt"}`, payload))
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, _, err := open(t.Context(), keys, token)
		if r, ok := errors.AsType[*refusal](err); err != nil && (!ok || r.code == "" || r.text == "") {
			t.Errorf("%v", err)
		}
		_, rest, _ := strings.Cut(token, ".")
		payload, _, _ := strings.Cut(rest, ".")
		b, err := base64.RawURLEncoding.DecodeString(payload)
		if err != nil {
			b = []byte(token) // so that payloads are found in the clear, too
		}
		cfg := config()
		for _, read := range []func() (string, string, int64, error){
			func() (string, string, int64, error) {
				e, err := readEvent(&cfg, b, now)
				if e == nil {
					return "", "-", now.UnixNano(), err
				}
				return e.Session, e.User, e.Time, err
			},
			func() (string, string, int64, error) {
				e, err := readLogoutToken(&cfg, b, now)
				if e == nil {
					return "", "-", now.UnixNano(), err
				}
				return e.Session, e.User, e.Time, err
			},
		} {
			session, user, at, err := read()
			if err != nil {
				continue
			}
			if session+user == "" || len(session) > maxName || len(user) > maxName || at <= 0 || at > now.Add(skew).UnixNano() {
				t.Errorf("session %q user %q at %d", session, user, at)
			}
		}
	})
}
