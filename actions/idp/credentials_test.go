package idp_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/idp"
	"github.com/hijackd/hijackd/actions/idp/idptest"
	"github.com/hijackd/hijackd/schema"
)

// A token that is refused though it is new is not fetched for ever.
func TestRefusedTwice(t *testing.T) {
	for _, name := range []string{idp.Keycloak, idp.Auth0, idp.Entra} {
		s, p := start(t, name)
		for range 3 {
			s.Befall(idptest.Fault{Status: 401})
		}
		a := &schema.Action{Action: schema.RevokeUser, User: worlds[name].user}
		for issued := range 3 {
			if res := p.Revoke(t.Context(), a); res.Class != actions.Refused || s.Issued() != issued+1 {
				t.Errorf("%s: %+v, %d tokens issued", name, res, s.Issued())
			}
		}
	}
}

func TestTokenEndpoint(t *testing.T) {
	for what, tc := range map[string]struct {
		fault idptest.Fault
		want  actions.Result
	}{
		"secret":      {idptest.Fault{Status: 401, Body: `{"error":"invalid_client"}`}, actions.Result{Class: actions.Refused, Detail: "token endpoint: 401: the client's id or secret is not accepted"}},
		"bad request": {idptest.Fault{Status: 400, Body: `{"error":"invalid_scope"}`}, actions.Result{Class: actions.Refused, Detail: "token endpoint: 400: the client's id or secret is not accepted"}},
		"login page":  {idptest.Fault{Status: 200, Body: "<html>canary</html>"}, actions.Result{Class: actions.Refused, Detail: "token endpoint: the answer holds no bearer token"}},
		"MAC":         {idptest.Fault{Status: 200, Body: `{"access_token":"x","token_type":"MAC","expires_in":60}`}, actions.Result{Class: actions.Refused, Detail: "token endpoint: the answer holds no bearer token"}},
		"header":      {idptest.Fault{Status: 200, Body: `{"access_token":"x\r\ncanary: y","token_type":"Bearer","expires_in":60}`}, actions.Result{Class: actions.Refused, Detail: "token endpoint: the answer holds no bearer token"}},
		"endless":     {idptest.Fault{Status: 200, Body: `{"access_token":"` + strings.Repeat("x", 100_000)}, actions.Result{Class: actions.Again, Detail: "token endpoint: the answer broke off"}},
		"redirect":    {idptest.Fault{Status: 302, Header: map[string]string{"Location": "/canary"}}, actions.Result{Class: actions.Refused, Detail: "token endpoint: 302"}},
		"accepted":    {idptest.Fault{Status: 202}, actions.Result{Class: actions.Refused, Detail: "token endpoint: 202"}},
		"failure":     {idptest.Fault{Status: 503}, actions.Result{Class: actions.Again, Detail: "token endpoint: 503"}},
		"timeout":     {idptest.Fault{Hang: true}, actions.Result{Class: actions.Again, Detail: "token endpoint: timeout"}},
	} {
		for _, name := range []string{idp.Keycloak, idp.Auth0, idp.Entra} {
			t.Run(what+"/"+name, func(t *testing.T) {
				s, p := start(t, name, func(c *idp.Config) {
					if tc.fault.Hang {
						c.Timeout = 100 * time.Millisecond
					}
				})
				open(s, worlds[name])
				s.BefallTokens(tc.fault)
				a := &schema.Action{Action: schema.RevokeUser, User: worlds[name].user}
				if res := p.Revoke(t.Context(), a); res != tc.want {
					t.Errorf("got %+v, want %+v", res, tc.want)
				}
				if tc.fault.Hang {
					p = another(t, s, name)
				}
				if res := p.Revoke(t.Context(), a); res.Class != actions.Done {
					t.Errorf("afterwards: %+v", res)
				}
			})
		}
	}
}

// A token is fetched once for all calls, again shortly before it expires, and kept for no call where it does not say for how long.
func TestTokensAreKept(t *testing.T) {
	for _, name := range []string{idp.Keycloak, idp.Auth0, idp.Entra} {
		s := idptest.New(t, name)
		var mu sync.Mutex
		now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
		pass := func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
		}
		p, err := idp.New(name, s.Config(), func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		open(s, worlds[name])
		a := &schema.Action{Action: schema.RevokeUser, User: worlds[name].user}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if res := p.Revoke(t.Context(), a); res.Class != actions.Done {
					t.Errorf("%s: %+v", name, res)
				}
			})
		}
		wg.Wait()
		revoke := func() {
			t.Helper()
			if res := p.Revoke(t.Context(), a); res.Class != actions.Done {
				t.Errorf("%s: %+v", name, res)
			}
		}
		pass(239 * time.Second)
		revoke()
		if n := s.Issued(); n != 1 {
			t.Errorf("%s: %d tokens issued within the life of one", name, n)
		}
		pass(time.Second) // a minute before the end of 300 s
		s.Life(8)
		revoke()
		pass(5 * time.Second)
		revoke()
		if n := s.Issued(); n != 2 {
			t.Errorf("%s: %d tokens issued, want 2", name, n)
		}
		pass(time.Second) // a quarter of a short life before its end
		s.Life(0)
		revoke()
		revoke()
		if want := 4; name != idp.Auth0 && s.Issued() != want || name == idp.Auth0 && s.Issued() != 6 { // two calls a user there
			t.Errorf("%s: %d tokens issued without a life", name, s.Issued())
		}
	}
}

func TestWaitingForATokenEndsWithTheContext(t *testing.T) {
	s, p := start(t, idp.Keycloak, func(c *idp.Config) { c.Timeout = time.Second })
	s.BefallTokens(idptest.Fault{Hang: true})
	a := &schema.Action{Action: schema.RevokeUser, User: uuidB}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	first := make(chan actions.Result, 1)
	go func() { first <- p.Revoke(t.Context(), a) }()
	if res := p.Revoke(ctx, a); res.Class != actions.Again {
		t.Errorf("%+v", res)
	}
	if res := <-first; res.Class != actions.Again && res.Class != actions.Refused {
		t.Errorf("%+v", res)
	}
}

func TestExpiredAndForbidden(t *testing.T) {
	each(t, func(t *testing.T, name string, w world, a *schema.Action) {
		s, p := start(t, name)
		open(s, w)
		if res := p.Check(t.Context()); res.Class != actions.Done {
			t.Fatalf("check: %+v", res)
		}
		s.Expire()
		res := p.Revoke(t.Context(), a)
		if w.oauth && (res.Class != actions.Done || s.Issued() != 2) {
			t.Errorf("an expired token: %+v, %d tokens issued", res, s.Issued())
		}
		if !w.oauth && (res.Class != actions.Refused || !strings.HasPrefix(res.Detail, strconv.Itoa(s.Unauthorised())+":")) {
			t.Errorf("a worthless token: %+v", res)
		}
		s, p = start(t, name)
		open(s, w)
		s.Forbid()
		if res := p.Revoke(t.Context(), a); res.Class != actions.Refused || !strings.HasPrefix(res.Detail, "403: the credentials lack ") {
			t.Errorf("without the right: %+v", res)
		}
		if res := p.Check(t.Context()); res.Class != actions.Refused {
			t.Errorf("check without the right: %+v", res)
		}
	})
}
