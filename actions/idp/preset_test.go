package idp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/idp"
	"github.com/hijackd/hijackd/actions/idp/idptest"
	"github.com/hijackd/hijackd/schema"
)

// world is what the tests know of each system: ids as it has them, and the requests that end a session, and all sessions of a user.
type world struct {
	session, user       string
	onSession, onUser   []string
	oauth, limitedByNow bool // whether tokens are fetched; whether its 429 says when with the Unix second
	limit               string
}

const uuidA, uuidB = "5f7c1a9e-0000-4a4a-8b8b-00000000000a", "5f7c1a9e-0000-4a4a-8b8b-00000000000b"

var worlds = map[string]world{
	idp.Keycloak: {
		session: uuidA, user: uuidB, oauth: true,
		onSession: []string{"DELETE /admin/realms/shop/sessions/" + uuidA, "DELETE /admin/realms/shop/sessions/" + uuidA + "?isOffline=true"},
		onUser:    []string{"POST /admin/realms/shop/users/" + uuidB + "/logout"},
	},
	idp.Auth0: {
		session: "lHd7yKYGbbrqQ8F7LxMSZ2k3", user: "auth0|507f1f77bcf86cd799439020", oauth: true, limit: "X-RateLimit-Reset", limitedByNow: true,
		onSession: []string{"POST /api/v2/sessions/lHd7yKYGbbrqQ8F7LxMSZ2k3/revoke"},
		onUser:    []string{"DELETE /api/v2/users/auth0%7C507f1f77bcf86cd799439020/sessions", "DELETE /api/v2/users/auth0%7C507f1f77bcf86cd799439020/refresh-tokens"},
	},
	idp.Okta: {
		session: "102fXk2-8qTQ5_x", user: "ada@example.com", limit: "X-Rate-Limit-Reset", limitedByNow: true,
		onSession: []string{"DELETE /api/v1/sessions/102fXk2-8qTQ5_x"},
		onUser:    []string{"DELETE /api/v1/users/ada@example.com/sessions?oauthTokens=true"},
	},
	idp.Entra: {
		user: "ada_adatum.com#EXT#@contoso.example", oauth: true, limit: "Retry-After",
		onUser: []string{"POST /v1.0/users/ada_adatum.com%23EXT%23@contoso.example/revokeSignInSessions"},
	},
	idp.Kratos: {
		session: uuidA, user: uuidB, limit: "X-RateLimit-Reset",
		onSession: []string{"DELETE /admin/sessions/" + uuidA}, onUser: []string{"DELETE /admin/identities/" + uuidB + "/sessions"},
	},
	idp.Zitadel: {session: "218480890961985793", onSession: []string{"DELETE /v2/sessions/218480890961985793"}},
	idp.Authentik: {
		session: uuidA, user: "7",
		onSession: []string{"DELETE /api/v3/core/authenticated_sessions/" + uuidA + "/"},
		onUser:    []string{"DELETE /api/v3/core/authenticated_sessions/bulk_delete/?user_pks=7"},
	},
}

func start(t *testing.T, name string, change ...func(*idp.Config)) (*idptest.Server, *idp.Preset) {
	t.Helper()
	s := idptest.New(t, name)
	c := s.Config()
	for _, f := range change {
		f(&c)
	}
	p, err := idp.New(name, c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return s, p
}

// another is a preset for the same system, as after a restart.
func another(t *testing.T, s *idptest.Server, name string) *idp.Preset {
	t.Helper()
	p, err := idp.New(name, s.Config(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// each runs a test for every system and each of the two actions that it has.
func each(t *testing.T, f func(t *testing.T, name string, w world, a *schema.Action)) {
	for _, name := range idp.Names() {
		w := worlds[name]
		for _, d := range []schema.Decision{schema.RevokeSession, schema.RevokeUser} {
			if d == schema.RevokeSession && w.session == "" || d == schema.RevokeUser && w.user == "" {
				continue
			}
			t.Run(name+"/"+string(d), func(t *testing.T) {
				f(t, name, w, &schema.Action{ID: "act_1", Action: d, Session: w.session, User: w.user, Token: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA"})
			})
		}
	}
}

func open(s *idptest.Server, w world) {
	if w.session != "" {
		s.Open(w.session, w.user)
	}
	s.Open("another-of-the-user", w.user)
	s.Open("of-somebody-else", "somebody-else")
}

// ended is what is left once the action has taken effect.
func ended(w world, a *schema.Action) []string {
	if a.Action == schema.RevokeUser {
		return []string{"of-somebody-else"}
	}
	return []string{"another-of-the-user", "of-somebody-else"}
}

func TestRevokes(t *testing.T) {
	each(t, func(t *testing.T, name string, w world, a *schema.Action) {
		s, p := start(t, name)
		open(s, w)
		want := w.onSession
		if a.Action == schema.RevokeUser {
			want = w.onUser
		}
		if res := p.Revoke(t.Context(), a); res.Class != actions.Done {
			t.Fatalf("%+v", res)
		}
		if got := s.Live(); !slices.Equal(got, ended(w, a)) {
			t.Errorf("left are %v", got)
		}
		if got := s.Requests(); !slices.Equal(got, want) {
			t.Errorf("requests\n%q\nwant\n%q", got, want)
		}
		if res := p.Revoke(t.Context(), a); res.Class != actions.Done { // as after a crash
			t.Errorf("once more: %+v", res)
		}
	})
}

// The answer may be lost before or after the effect: the same action once more comes to Done and ends nothing else.
func TestAgainAfterALostAnswer(t *testing.T) {
	for _, f := range []idptest.Fault{
		{Drop: true}, {Drop: true, Effect: true}, {Hang: true}, {Hang: true, Effect: true}, {Status: 500}, {Status: 502, Effect: true},
		{Status: 503}, {Status: 504, Effect: true}, {Status: 408}, {Status: 425}, {Status: 429},
	} {
		each(t, func(t *testing.T, name string, w world, a *schema.Action) {
			s, p := start(t, name, func(c *idp.Config) {
				if f.Hang {
					c.Timeout = 100 * time.Millisecond
				}
			})
			open(s, w)
			s.Befall(f)
			if res := p.Revoke(t.Context(), a); res.Class != actions.Again {
				t.Fatalf("%+v: %+v", f, res)
			}
			if res := another(t, s, name).Revoke(t.Context(), a); res.Class != actions.Done {
				t.Errorf("%+v, and then: %+v", f, res)
			}
			if got := s.Live(); !slices.Equal(got, ended(w, a)) {
				t.Errorf("left are %v", got)
			}
		})
	}
}

// What is no documented success is none: a login page, an accepted redirect, a proxy's 404.
func TestRefusals(t *testing.T) {
	for name, f := range map[string]idptest.Fault{
		"login page": {Status: 200, Body: "<html>canary: log in</html>"}, "created": {Status: 201, Body: "{}"}, "redirect": {Status: 302, Header: map[string]string{"Location": "/login"}},
		"bad request": {Status: 400, Body: `{"error":"canary"}`}, "proxy's 404": {Status: 404, Body: "<html>not found</html>"}, "conflict": {Status: 409}, "gone": {Status: 410},
		"another system's 404": {Status: 404, Body: `{"code":404,"reason":"canary"}`},
	} {
		each(t, func(t *testing.T, system string, w world, a *schema.Action) {
			s, p := start(t, system)
			open(s, w)
			s.Befall(f)
			res := p.Revoke(t.Context(), a)
			page := name == "login page" && (system == idp.Zitadel || system == idp.Entra || system == idp.Authentik && a.Action == schema.RevokeUser)
			if page && res.Class == actions.Again { // its success is a 200 as well: tried again, never taken for done
				return
			}
			if res.Class != actions.Refused {
				t.Errorf("%s: %+v", name, res)
			}
		})
	}
}

func TestUnknownSessionsAreGoneAndUnknownUsersAreNot(t *testing.T) {
	each(t, func(t *testing.T, name string, w world, a *schema.Action) {
		_, p := start(t, name)
		res := p.Revoke(t.Context(), a)
		// Kratos and authentik answer alike for a user without sessions and one that is unknown.
		if done := a.Action == schema.RevokeSession || name == idp.Kratos || name == idp.Authentik; (res.Class == actions.Done) != done {
			t.Errorf("%+v", res)
		}
	})
}

// Keycloak keeps an offline session beside the one of the same id.
func TestKeycloakEndsOfflineSessionsToo(t *testing.T) {
	for _, sessions := range [][]string{{uuidA}, {uuidA + " offline"}, {uuidA, uuidA + " offline"}} {
		s, p := start(t, idp.Keycloak)
		for _, id := range sessions {
			s.Open(id, uuidB)
		}
		res := p.Revoke(t.Context(), &schema.Action{Action: schema.RevokeSession, Session: uuidA})
		if res != (actions.Result{Class: actions.Done, Detail: "204"}) || len(s.Live()) > 0 {
			t.Errorf("%q: %+v, left are %q", sessions, res, s.Live())
		}
	}
}

func TestRateLimits(t *testing.T) {
	each(t, func(t *testing.T, name string, w world, a *schema.Action) {
		if w.limit == "" {
			w.limit = "Retry-After"
		}
		value := "30"
		if w.limitedByNow {
			value = strconv.FormatInt(time.Now().Unix()+30, 10)
		}
		s, p := start(t, name)
		open(s, w)
		s.Befall(idptest.Fault{Status: 429, Header: map[string]string{w.limit: value}}, idptest.Fault{Status: 429, Header: map[string]string{"Retry-After": "7", w.limit: value}})
		if res := p.Revoke(t.Context(), a); res.Class != actions.Again || res.RetryAfter < 28*time.Second || res.RetryAfter > 30*time.Second || res.Detail != "429" {
			t.Errorf("%s: %+v", w.limit, res)
		}
		if res := p.Revoke(t.Context(), a); w.limit != "Retry-After" && res.RetryAfter != 7*time.Second {
			t.Errorf("Retry-After beside %s: %+v", w.limit, res)
		}
		if !w.oauth {
			return
		}
		s, p = start(t, name)
		s.BefallTokens(idptest.Fault{Status: 429, Header: map[string]string{w.limit: value}})
		if res := p.Revoke(t.Context(), a); res.Class != actions.Again || res.RetryAfter < 28*time.Second || res.Detail != "token endpoint: 429" {
			t.Errorf("of the token endpoint: %+v", res)
		}
	})
}

// Ids come from events. None may reach another path than the one that is meant.
func TestHostileIDs(t *testing.T) {
	hostile := []string{
		".", "..", "../users/x", "..%2fusers", "..;", ".;/x", "a/b", "a\\b", "a?b", "a%00", "a%2e", "a;b", "a b", "a\nb", "a\x00", "é", "\u202e", " ", "/", "//", "?", "#", "%",
		strings.Repeat("a", 257), ".a", "a&user_pks=1", "<x>", `"`, "{id}",
	}
	special := map[string][]string{
		idp.Okta: {"me"}, idp.Authentik: {"bulk_delete", "8,9", "8&user_pks=9"}, idp.Kratos: {"sessions", "x", uuidA + "x"}, idp.Entra: {"$ada@contoso.example"},
	}
	each(t, func(t *testing.T, name string, w world, a *schema.Action) {
		s, p := start(t, name)
		open(s, w)
		before := s.Live()
		for _, id := range slices.Concat(hostile, special[name]) {
			b := *a
			b.Session, b.User = id, id
			res := p.Revoke(t.Context(), &b)
			if res.Class != actions.Refused || len(id) > 2 && strings.Contains(res.Detail, id) && id != "sessions" {
				t.Errorf("%q: %+v", id, res)
			}
		}
		if got := s.Requests(); len(got) > 0 || !slices.Equal(s.Live(), before) {
			t.Errorf("requests were made: %q", got)
		}
	})
}

func TestTakes(t *testing.T) {
	for _, name := range idp.Names() {
		w := worlds[name]
		for _, fallback := range []bool{false, true} {
			_, p := start(t, name, func(c *idp.Config) { c.FallbackUser = fallback })
			for d, want := range map[schema.Decision]bool{
				schema.RevokeSession: w.session != "" || fallback && w.user != "", schema.RevokeUser: w.user != "", schema.StepUp: false, schema.Restrict: false,
				schema.BlockIP: false, schema.NotifyUser: false, schema.Observe: false,
			} {
				if got := p.Takes(d); got != want {
					t.Errorf("%s, fallback %v: takes %s: %v", name, fallback, d, got)
				}
				if !want {
					if res := p.Revoke(t.Context(), &schema.Action{Action: d, Session: w.session, User: w.user}); res.Class != actions.Refused {
						t.Errorf("%s: %s is not taken: %+v", name, d, res)
					}
				}
			}
		}
	}
}

// Without a session in the event, all of the user's sessions end only where that is configured.
func TestFallback(t *testing.T) {
	for _, name := range idp.Names() {
		w := worlds[name]
		a := &schema.Action{Action: schema.RevokeSession, User: w.user}
		s, p := start(t, name)
		open(s, w)
		res := p.Revoke(t.Context(), a)
		if res.Class != actions.Refused || len(s.Requests()) > 0 || strings.Contains(res.Detail, "fallback_user") != (w.user != "") {
			t.Errorf("%s: %+v", name, res)
		}
		if w.user == "" {
			continue
		}
		s, p = start(t, name, func(c *idp.Config) { c.FallbackUser = true })
		open(s, w)
		if res := p.Revoke(t.Context(), a); res.Class != actions.Done || !strings.HasSuffix(res.Detail, ", all sessions of the user") || !slices.Equal(s.Requests(), w.onUser) {
			t.Errorf("%s: %+v, %q", name, res, s.Requests())
		}
		if w.session == "" {
			continue
		}
		s, p = start(t, name, func(c *idp.Config) { c.FallbackUser = true })
		open(s, w)
		a.Session = w.session
		if res := p.Revoke(t.Context(), a); res.Class != actions.Done || !slices.Equal(s.Requests(), w.onSession) {
			t.Errorf("%s, with a session: %+v, %q", name, res, s.Requests())
		}
		a.Session, a.User = "", ""
		if res := p.Revoke(t.Context(), a); res.Class != actions.Refused {
			t.Errorf("%s, with neither: %+v", name, res)
		}
	}
}

// Check ends nothing, and fails where a revocation would.
func TestCheck(t *testing.T) {
	for _, name := range idp.Names() {
		s, p := start(t, name)
		open(s, worlds[name])
		before := s.Live()
		if res := p.Check(t.Context()); res.Class != actions.Done || !slices.Equal(s.Live(), before) || len(s.Requests()) == 0 {
			t.Errorf("%s: %+v, left are %q", name, res, s.Live())
		}
		s.Befall(idptest.Fault{Status: 404, Body: "<html>another server</html>"})
		if res := p.Check(t.Context()); res.Class != actions.Refused {
			t.Errorf("%s: with a wrong url: %+v", name, res)
		}
		s.Expire()
		_, p = start(t, name, func(c *idp.Config) { c.Secret = "wrong" })
		if res := p.Check(t.Context()); res.Class != actions.Refused {
			t.Errorf("%s: with a wrong secret: %+v", name, res)
		}
	}
}

func TestDoesNotConnectToPrivateAddressesUnlessAllowed(t *testing.T) {
	for _, name := range idp.Names() {
		s, p := start(t, name, func(c *idp.Config) {
			c.AllowPrivate = false
			c.URL, c.LoginURL = strings.Replace(c.URL, "http:", "https:", 1), strings.Replace(c.LoginURL, "http:", "https:", 1)
		})
		res := p.Check(t.Context())
		if res.Class != actions.Again || !strings.Contains(res.Detail, "address not allowed") || len(s.Requests()) > 0 {
			t.Errorf("%s: %+v", name, res)
		}
	}
}

func TestKratosWithoutAToken(t *testing.T) {
	var authorization []string
	s := idptest.New(t, idp.Kratos)
	proxy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Values("Authorization")
		w.WriteHeader(http.StatusNoContent)
	})
	c := s.Config()
	c.Secret, c.URL = "", serve(t, proxy)
	p, err := idp.New(idp.Kratos, c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if res := p.Revoke(t.Context(), &schema.Action{Action: schema.RevokeUser, User: uuidA}); res.Class != actions.Done || len(authorization) > 0 {
		t.Errorf("%+v, Authorization %q", res, authorization)
	}
	if got := fmt.Sprintf("%v %+v %#v", p, p, *p); !strings.Contains(got, "kratos") {
		t.Error(got)
	}
}
