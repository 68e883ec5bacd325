package idp_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions/idp"
	"github.com/hijackd/hijackd/actions/idp/idptest"
	"github.com/hijackd/hijackd/schema"
)

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// TestNoSecretInAnyResult lets everything go wrong at every system, with canaries in whatever may leak: the URL, the client's secret, tokens,
// ids, and what the peer says.
func TestNoSecretInAnyResult(t *testing.T) {
	faults := []idptest.Fault{
		{}, {Drop: true}, {Hang: true}, {Status: 302, Header: map[string]string{"Location": "https://canary:canary@canary.example/canary"}},
	}
	for _, status := range []int{200, 201, 204, 299, 300, 400, 401, 403, 404, 405, 408, 409, 410, 413, 422, 429, 500, 501, 503, 599} {
		faults = append(faults, idptest.Fault{Status: status, Body: `{"error":"canary","detail":"canary","message":"canary"}`, Header: map[string]string{"Retry-After": "canary", "X-RateLimit-Reset": "canary"}})
	}
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	each(t, func(t *testing.T, name string, w world, a *schema.Action) {
		for _, f := range faults {
			for _, befall := range []func(*idptest.Server, ...idptest.Fault){(*idptest.Server).Befall, (*idptest.Server).BefallTokens} {
				s, p := start(t, name, func(c *idp.Config) {
					if f.Hang {
						c.Timeout = 100 * time.Millisecond
					}
				})
				open(s, w)
				if befall(s, f); !f.Hang {
					befall(s, f)
				}
				b := *a
				res := p.Revoke(t.Context(), &b)
				log.Info("result", slog.Any("result", res), slog.Any("preset", p), slog.Any("config", s.Config()))
				fmt.Fprintf(&out, "%+v %+v %v %+v %#v %+v %#v\n", res, p.Check(t.Context()), p, p, p, s.Config(), s.Config())
				if _, line, leaks := strings.Cut(out.String(), strings.TrimPrefix(s.URL, "http://")); leaks {
					t.Fatalf("the URL leaks: …%.100s", line)
				}
			}
		}
		for _, id := range []string{w.session, w.user} {
			if len(id) > 1 && strings.Contains(out.String(), id) {
				t.Errorf("the id %q leaks", id)
			}
		}
		a.Session, a.User = "canary/..", "canary/.."
		_, p := start(t, name)
		fmt.Fprintf(&out, "%+v\n", p.Revoke(t.Context(), a))
	})
	for _, name := range idp.Names() {
		for _, url := range []string{
			"http://canary:canary@127.0.0.1:1", "https://canary:canary@h.example", "ftp://canary", "https://canary.example/?canary", "https://canary.example#canary", ":canary", "https://canary:canary",
		} {
			c := idp.Config{URL: url, LoginURL: url, Realm: "canary/..", Tenant: "canary/..", ClientID: "", Secret: "canary canary\n", CA: "canary", Timeout: time.Hour}
			err := c.Validate(name)
			if _, made := idp.New(name, c, time.Now); err == nil || made == nil {
				t.Errorf("%s: %v is valid", name, url)
			}
			fmt.Fprintln(&out, err)
		}
	}
	for _, canary := range []string{"canary", idptest.Secret} {
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, canary) {
				t.Fatalf("a canary shows: %s", line)
			}
		}
	}
	if strings.Count(out.String(), "\n") < 500 {
		t.Error("hardly anything was tried")
	}
}
