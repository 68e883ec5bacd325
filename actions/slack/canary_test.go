package slack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
)

// secrets are what a Slack is given and must never give away. In each case they are wrong, or lead to where nobody answers as hoped.
func secrets(c *Config) {
	c.Token, c.AppToken, c.SigningSecret = "xoxb-canary-bot", "xapp-canary-app", "canary0signing0secret"
	c.UserGroup = slacktest.UserGroup
}

// TestNoSecretInAnyErrorLogOrMessage lets everything go wrong that speaks to Slack, and reads all that comes out.
func TestNoSecretInAnyErrorLogOrMessage(t *testing.T) {
	var out strings.Builder
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":false,"error":"canary_of_a_peer xoxb-canary"}`))
	}))
	defer refusing.Close()
	for _, api := range []string{"http://canary-user:canary-pass@127.0.0.1:1/api/", "http://canary-host.invalid/", refusing.URL, ""} {
		d := newDesk(t)
		sl := to(t, d.Server, secrets, func(c *Config) {
			if api != "" {
				c.APIURL = api
			}
		})
		clicks := sl.Clicks(d.clicks.publish, d.clicks.log)
		fmt.Fprintln(&out, sl.Alert(t.Context(), &actions.Alert{ID: "x", Finding: finding(), Uncertain: true}), sl.Check(t.Context()))
		for _, uncertain := range []bool{true, false} {
			c := incident(func(c *actions.Card) { c.Uncertain = uncertain })
			at, res := sl.Show(t.Context(), c)
			fmt.Fprintln(&out, at, res)
			c.Message = actions.Message{Channel: "C1", TS: "1.2"}
			at, res = sl.Show(t.Context(), c)
			fmt.Fprintln(&out, at, res)
		}
		for _, secret := range []string{"canary0signing0secret", "canary-other-secret"} {
			req, err := d.SignedRequest(t.Context(), "http://hijackd.example"+InteractivityPath, d.press("UJANE", pressAcknowledge), secret, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			rec := httptest.NewRecorder()
			clicks.ServeHTTP(rec, req)
			fmt.Fprintln(&out, rec.Code, rec.Body, rec.Header())
		}
		fmt.Fprintln(&out, sl.cfg, fmt.Sprintf("%v %+v %#v", sl.cfg, &sl.cfg, sl.cfg))
		fmt.Fprintln(&out, d.logText(), d.Whispers())
		for _, m := range d.Messages() {
			fmt.Fprintln(&out, m.Fallback, string(m.Raw))
		}
	}
	for _, url := range []string{"http://canary-user:canary-pass@127.0.0.1:1/canary", "https://canary-host.invalid/canary", refusing.URL + "/canary"} {
		fmt.Fprintln(&out, hook(t, url).Alert(t.Context(), &actions.Alert{ID: "x", Finding: finding()}))
	}
	for _, text := range []string{"xoxb-canary\nsecond", "  ", "xoxb-canary second"} {
		_, err := LoadToken(Config{Token: text})
		if err == nil {
			t.Errorf("%q is taken for a token", text)
		}
		fmt.Fprintln(&out, err)
	}
	fmt.Fprintf(&out, "%v %v %#v", Token{"xoxb-canary"}, &Token{"xoxb-canary"}, Token{"xoxb-canary"})
	if strings.Contains(out.String(), "canary") {
		t.Error(out.String())
	}
	for _, want := range []string{"invalid_auth", "network error", "a click was refused"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing says %q: not all of it went wrong", want)
		}
	}
}

func TestCheck(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s, clickable)
	if err := sl.Check(t.Context()); err != nil {
		t.Error(err)
	}
	s.FailOn("usergroups.users.list", slacktest.Fault{Error: "missing_scope"})
	sl.members.until = time.Time{}
	if err := sl.Check(t.Context()); err == nil || err.Error() != "slack usergroups.users.list: missing_scope" {
		t.Errorf("%v", err)
	}
}
