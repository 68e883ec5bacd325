package slack

import (
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

func hook(t *testing.T, url string) *Webhook {
	t.Helper()
	w, err := NewWebhook(Config{WebhookURL: url}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.pace.interval = 0
	return w
}

func TestTheWebhookTellsTheSame(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	w := hook(t, s.WebhookURL())
	if _, ok := any(w).(actions.Board); ok {
		t.Fatal("a webhook can't update messages")
	}
	a := &actions.Alert{ID: "fnd_1", Finding: hostile(), Action: action(schema.ActionDelivered), Uncertain: true, Thread: actions.Message{Channel: "C", TS: "1"}}
	if res := w.Alert(t.Context(), a); res != (actions.Result{Class: actions.Done, Detail: "200"}) {
		t.Fatalf("%+v", res)
	}
	ms := s.Hooked()
	if len(ms) != 1 {
		t.Fatalf("%d messages", len(ms))
	}
	lines := ms[0].Lines()
	if last := lines[len(lines)-1]; last != "sent through an incoming webhook: not updated, no buttons" {
		t.Errorf("it ends in %q", last)
	}
	golden(t, "webhook.json", readable(t, ms[0]))
}

func TestWebhookAnswers(t *testing.T) {
	for _, c := range []struct {
		fault slacktest.Fault
		want  actions.Result
	}{
		{slacktest.Fault{Status: 429, RetryAfter: 30}, actions.Result{Class: actions.Again, Detail: "429", RetryAfter: 30 * time.Second}},
		{slacktest.Fault{Status: 503}, actions.Result{Class: actions.Again, Detail: "503"}},
		{slacktest.Fault{Status: 400}, actions.Result{Class: actions.Refused, Detail: "400"}}, // about this one message
		{slacktest.Fault{Status: 302}, actions.Result{Class: actions.Again, Detail: "302"}},
		{slacktest.Fault{Status: 404}, actions.Result{Class: actions.Again, Detail: "404"}}, // the webhook was removed: a person can mend that
		{slacktest.Fault{Status: 410}, actions.Result{Class: actions.Again, Detail: "410"}},
		{slacktest.Fault{Cut: true}, actions.Result{Class: actions.Again, Detail: "network error"}},
	} {
		s := slacktest.New()
		s.FailOn("webhook", c.fault)
		if res := hook(t, s.WebhookURL()).Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding()}); res != c.want {
			t.Errorf("%+v: %+v, want %+v", c.fault, res, c.want)
		}
		s.Close()
	}
}

func TestConfig(t *testing.T) {
	whole := Config{Token: "xoxb-canary", AppToken: "xapp-canary", SigningSecret: "canary0123456789", UserGroup: "S0123", Channel: "C1", APIURL: "https://slack.example/api"}
	for name, c := range map[string]struct {
		change func(*Config)
		keys   []string // of the mistakes
	}{
		"whole":                  {func(*Config) {}, nil},
		"nothing":                {func(c *Config) { *c = Config{} }, nil},
		"webhook":                {func(c *Config) { *c = Config{WebhookURL: "https://hooks.example/canary"} }, nil},
		"a token and no channel": {func(c *Config) { c.Channel = "" }, []string{"channel"}},
		"a channel and no token": {func(c *Config) { *c = Config{Channel: "C1"} }, []string{"token_file"}},
		"tokens swapped":         {func(c *Config) { c.Token, c.AppToken = c.AppToken, c.Token }, []string{"token_file", "app_token_file"}},
		"a group's name":         {func(c *Config) { c.UserGroup = "@soc" }, []string{"user_group"}},
		"a broken secret":        {func(c *Config) { c.SigningSecret = "canary secret" }, []string{"signing_secret_file"}},
		"an API of no kind":      {func(c *Config) { c.APIURL = "ftp://canary@x" }, []string{"api_url"}},
		"both ways":              {func(c *Config) { c.WebhookURL = "https://hooks.example/canary" }, []string{"webhook_url_file"}},
		"no URL":                 {func(c *Config) { *c = Config{WebhookURL: "canary:"} }, []string{"webhook_url_file"}},
		"a URL of two lines":     {func(c *Config) { *c = Config{WebhookURL: "https://hooks.example/canary\nx"} }, []string{"webhook_url_file"}},
		"buttons without bot": {func(c *Config) {
			*c = Config{WebhookURL: "https://hooks.example/canary", UserGroup: "S0123", AppToken: "xapp-canary"}
		}, []string{"token_file", "token_file"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := whole
			c.change(&cfg)
			var keys []string
			err := cfg.Validate()
			if err != nil {
				for l := range strings.Lines(err.Error()) {
					key, _, _ := strings.Cut(strings.TrimPrefix(l, "actions.slack."), ":")
					keys = append(keys, key)
				}
				if strings.Contains(err.Error(), "canary") {
					t.Error(err)
				}
			}
			if strings.Join(keys, " ") != strings.Join(c.keys, " ") {
				t.Errorf("mistakes %v (%v), want %v", keys, err, c.keys)
			}
		})
	}
}
