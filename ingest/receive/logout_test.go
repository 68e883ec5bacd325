package receive

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hijackd/hijackd/schema"
)

func postForm(h http.Handler, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/backchannel-logout", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestBackChannelLogout(t *testing.T) {
	s := newSender(t)
	token := func(typ any, changes map[string]any) string {
		header := map[jose.HeaderKey]any{"kid": "r1"}
		if typ != nil {
			header["typ"] = typ
		}
		return sign(t, jose.RS256, s.rsa, header, claimSet(t, usualLogout, changes))
	}
	logout := map[string]any{backChannelLogout: map[string]any{}}
	for _, c := range []struct {
		name, token   string
		status        int
		session, user string
	}{
		{"sid and sub", token("logout+jwt", nil), 200, "sid-1", "u-7"},
		{"without typ", token(nil, nil), 200, "sid-1", "u-7"},
		{"typ JWT", token("JWT", nil), 200, "sid-1", "u-7"},
		{"sub only", token("logout+jwt", map[string]any{"sid": nil}), 200, "", "u-7"},
		{"sid only", token("logout+jwt", map[string]any{"sub": nil}), 200, "sid-1", ""},
		{"without exp, as in the specification's example", token("logout+jwt", map[string]any{"exp": nil}), 200, "sid-1", "u-7"},
		{"another event beside", token("logout+jwt", map[string]any{"events": map[string]any{backChannelLogout: map[string]any{}, "x": 1}}), 200, "sid-1", "u-7"},
		{"neither sid nor sub", token("logout+jwt", map[string]any{"sid": nil, "sub": nil}), 400, "", ""},
		{"empty sid and sub", token("logout+jwt", map[string]any{"sid": "", "sub": ""}), 400, "", ""},
		{"nonce", token("logout+jwt", map[string]any{"nonce": "n"}), 400, "", ""},
		{"no events", token("logout+jwt", map[string]any{"events": nil}), 400, "", ""},
		{"other event", token("logout+jwt", map[string]any{"events": map[string]any{"x": map[string]any{}}}), 400, "", ""},
		{"event null", token("logout+jwt", map[string]any{"events": map[string]any{backChannelLogout: []int{}}}), 400, "", ""},
		{"expired", token("logout+jwt", map[string]any{"exp": now.Unix() - 200}), 400, "", ""},
		{"old without exp", token("logout+jwt", map[string]any{"exp": nil, "iat": now.Unix() - 3601}), 400, "", ""},
		{"future", token("logout+jwt", map[string]any{"iat": now.Unix() + 121}), 400, "", ""},
		{"no jti", token("logout+jwt", map[string]any{"jti": nil}), 400, "", ""},
		{"wrong aud", token("logout+jwt", map[string]any{"aud": "x"}), 400, "", ""},
		{"wrong iss", token("logout+jwt", map[string]any{"iss": "x"}), 400, "", ""},
		{"a security event token", token("secevent+jwt", nil), 400, "", ""},
		{"an access token", token("at+jwt", map[string]any{"events": logout}), 400, "", ""},
		{"alg none", unsigned(`{"alg":"none"}`, usualLogout), 400, "", ""},
		{"long sid", token("logout+jwt", map[string]any{"sid": strings.Repeat("x", 257)}), 400, "", ""},
		{"nothing", "", 400, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l log
			w := postForm(Logout(config(), deps(s.keys(t), &l, io.Discard)), url.Values{"logout_token": {c.token}})
			if w.Code != c.status || w.Header().Get("Cache-Control") != "no-store" {
				t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
			}
			if c.status == 200 {
				if len(l.events) != 1 || l.events[0].Session != c.session || l.events[0].User != c.user || l.events[0].Type != schema.SessionRevoked ||
					l.events[0].Time != 1795255195e9 {
					t.Errorf("%+v", l.events)
				}
			} else if len(l.events) > 0 || !strings.Contains(w.Body.String(), `"error":"invalid_request"`) {
				t.Errorf("%+v %s", l.events, w.Body)
			}
		})
	}
}

func TestLogoutForm(t *testing.T) {
	s := newSender(t)
	var l log
	h := Logout(config(), deps(s.keys(t), &l, io.Discard))
	token := sign(t, jose.ES256, s.ec, map[jose.HeaderKey]any{"kid": "e1"}, usualLogout)
	for name, form := range map[string]url.Values{"none": {}, "two": {"logout_token": {token, token}}, "huge": {"logout_token": {token}, "x": {strings.Repeat("x", maxToken)}}} {
		if w := postForm(h, form); w.Code != 400 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/?logout_token="+token, nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 400 || len(l.events) > 0 {
		t.Errorf("a token in the URL is taken: %d", w.Code)
	}
	l.fail = errors.New("kafka is away")
	if w := postForm(h, url.Values{"logout_token": {token}}); w.Code != 503 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("not published, and answered %d", w.Code)
	}
	l.fail = nil
	if w := postForm(h, url.Values{"logout_token": {token}}); w.Code != 200 || len(l.events) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
