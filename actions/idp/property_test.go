package idp

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
	"pgregory.net/rapid"
)

// described is every system, configured.
func described(t testing.TB) map[string]*Preset {
	t.Helper()
	all := map[string]*Preset{}
	for _, name := range Names() {
		c := Defaults(name)
		c.URL, c.Realm, c.Tenant, c.ClientID, c.Secret = "https://idp.example/base/", "shop", "contoso.example", "hijackd", "s3cret"
		p, err := New(name, c, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = p
	}
	return all
}

// Whatever id a system lets through stands in one segment of the path, or in one value of the query, also for a proxy that decodes and
// cleans before it looks.
func TestAnAcceptedIDNamesNothingElse(t *testing.T) {
	all := described(t)
	id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9._~:@|+=,'!#^$*%/;?&\\ -]{0,40}`), rapid.StringMatching(`[0-9]{1,20}`),
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}.?`), rapid.SampledFrom([]string{".", "..", "..;", "me", "bulk_delete", "%2e%2e"}))
	rapid.Check(t, func(t *rapid.T) {
		hostile := id.Draw(t, "id")
		for name, p := range all {
			s := p.system
			for _, kind := range []struct {
				accepts func(string) bool
				calls   func(string) []call
			}{{s.sessionID, s.session}, {s.userID, s.user}} {
				if kind.calls == nil || !kind.accepts(hostile) {
					continue
				}
				plain := kind.calls("0")
				for i, c := range kind.calls(hostile) {
					u, err := url.Parse(s.base + c.path)
					want, _ := url.Parse(s.base + plain[i].path)
					if err != nil {
						t.Fatalf("%s: %q: %v", name, hostile, err)
					}
					clean := path.Clean(u.Path) // decoded
					if strings.Count(clean, "/") != strings.Count(path.Clean(want.Path), "/") || len(u.Query()) != len(want.Query()) || u.Fragment != "" || u.Host != want.Host {
						t.Fatalf("%s: %q leads to %s", name, hostile, u)
					}
					if !slices.Contains(strings.Split(clean, "/"), hostile) && u.Query().Get("user_pks") != hostile {
						t.Fatalf("%s: %q is not what %s names", name, hostile, u)
					}
				}
			}
		}
	})
}

// FuzzAnswers gives any answer to any call: only what is documented is success, and only what is tried again waits.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		"", "{}", "<html>", `{"error":"Sesssion not found"}`, `{"errorCode":"E0000007"}`, `{"error":{"code":404,"message":"Unable to locate the resource"}}`,
		`{"code":5,"message":"gone"}`, `{"detail":"No AuthenticatedSession matches"}`, `{"deleted":3}`, `{"value":true}`, `{"value":false}`, `{"details":{}}`, `[1]`, `{"error":[]}`,
	} {
		f.Add(404, body, "30")
		f.Add(200, body, "")
	}
	f.Add(204, "", "")
	f.Add(429, "", "1795255230")
	all := described(f)
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		reply := outbound.Reply{Status: status, Body: []byte(body), Header: http.Header{"Retry-After": {header}, "X-Ratelimit-Reset": {header}, "X-Rate-Limit-Reset": {header}}}
		for name, p := range all {
			for _, calls := range []func(string) []call{p.system.session, p.system.user, p.system.probe} {
				if calls == nil {
					continue
				}
				for _, c := range calls("0") {
					res := p.judge(&c, reply)
					documented := slices.Contains(c.ok, status) || status == 404 && c.gone != nil
					if res.Class == actions.Done && !documented || res.Class == 0 || res.RetryAfter < 0 || res.Class != actions.Again && res.RetryAfter > 0 {
						t.Errorf("%s: %d %q: %+v", name, status, body, res)
					}
				}
			}
		}
	})
}

// FuzzTokenAnswer lets a token endpoint answer anything with 200: what comes of it may stand in a header, and lasts no longer than a day.
func FuzzTokenAnswer(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"x","token_type":"Bearer","expires_in":300}`, `{"access_token":"x","token_type":"bearer","expires_in":"300"}`, `{"access_token":"x y","token_type":"Bearer"}`,
		`{"access_token":"x","token_type":"Bearer","expires_in":-1}`, `{"access_token":"x","token_type":"Bearer","expires_in":1e300}`, `{"access_token":7}`, `[]`, ``, `{"access_token":"x","token_type":"Bearer","expires_in":null}`,
	} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body string) {
		c := &clientCredentials{now: func() time.Time { return now }, turn: make(chan struct{}, 1), fetch: func(context.Context) ([]byte, *actions.Result) { return []byte(body), nil }}
		value, cached, failed := c.header(t.Context())
		if cached || (failed == nil) != (value != "") || failed != nil && failed.Class != actions.Refused {
			t.Fatalf("%q, %v, %+v", value, cached, failed)
		}
		if value != "" && (!printable(strings.Replace(value, " ", "", 1)) || c.until.Before(now) || c.until.After(now.Add(tokenMost))) {
			t.Errorf("%q until %s", value, c.until)
		}
	})
}
