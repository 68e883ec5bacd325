package slack

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
)

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// slack-go opens the next connection at once however short the last one was: the door makes it wait.
func TestConnectionsThatEndSoonAreOpenedSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened []time.Time
		d := &door{now: time.Now, first: firstDelay, next: answering(func(*http.Request) (*http.Response, error) {
			opened = append(opened, time.Now())
			return nil, http.ErrServerClosed
		})}
		open := func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://slack.example", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = d.RoundTrip(req)
		}
		began := time.Now()
		for range 60 {
			open()
		}
		if !opened[0].Equal(began) {
			t.Errorf("the first waits %s", opened[0].Sub(began))
		}
		for i := 1; i < len(opened); i++ {
			if gap := opened[i].Sub(opened[i-1]); gap < firstDelay/2 || gap > mostDelay || i > 8 && gap < mostDelay/2 {
				t.Errorf("connection %d follows after %s", i, gap)
			}
		}
		time.Sleep(2 * livedLong)
		at := time.Now()
		if open(); !opened[len(opened)-1].Equal(at) {
			t.Error("it waits though the last connection lived long")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://slack.example", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.RoundTrip(req); err == nil || len(opened) != 61 {
			t.Error("it waits after its caller has gone")
		}
	})
}

func TestAWrongAppTokenIsSaidOnceAMinute(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.AppToken = "xapp-wrong-canary" })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { d.clicks.Run(ctx) })
	for d.Calls("apps.connections.open") == 0 && !d.logged("slack refuses socket mode") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	wg.Wait()
	if !d.logged("reason=invalid_auth") || d.logged("canary") {
		t.Error(d.logText())
	}
}

// With Slack's own API a socket in clear is refused: its address comes from an answer.
func TestSocketsInClearAreRefused(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	target := "ws" + strings.TrimPrefix(s.URL(), "http") + "../link"
	for api, want := range map[string]bool{"": false, "https://slack.example/api/": false, s.URL(): true} {
		conn, _, err := dialer(api).DialContext(t.Context(), strings.Replace(target, "/api/../link", "/link", 1), nil)
		if (err == nil) != want {
			t.Errorf("with api_url %q: %v", api, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// The address of a socket holds a ticket: whoever has it gets our clicks.
func TestTheTicketOfASocketIsNotLogged(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true,"url":"ws://127.0.0.1:1/link?ticket=canary"}`))
	}))
	defer api.Close()
	d := newDesk(t)
	sl := to(t, d.Server, clickable, func(c *Config) { c.APIURL = api.URL })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { sl.Clicks(d.clicks.publish, d.clicks.log).Run(ctx) })
	for !d.logged("slack socket mode is not connected") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	wg.Wait()
	if d.logged("canary") {
		t.Error(d.logText())
	}
}
