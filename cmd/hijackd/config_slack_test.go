package main

import (
	"strings"
	"testing"
	"time"
)

func TestDigestAt(t *testing.T) {
	for text, want := range map[string]struct {
		at time.Duration
		ok bool
	}{"08:00": {8 * time.Hour, true}, "23:59": {24*time.Hour - time.Minute, true}, "00:00": {0, true}, "": {}} {
		if err := timeOfDay(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		s := SlackConfig{Digest: text}
		if at, ok := s.digestAt(); at != want.at || ok != want.ok {
			t.Errorf("%q: %s, %t", text, at, ok)
		}
	}
	for _, text := range []string{"8:00", "24:00", "08:60", "08:00:00", "noon", "8"} {
		if timeOfDay(text) == nil {
			t.Errorf("%q is taken for a time of day", text)
		}
	}
}

// TestSlackConfiguration is the table of what is refused and what is warned of. No message shows a secret.
func TestSlackConfiguration(t *testing.T) {
	const bot = "HIJACKD_ACTIONS_SLACK_TOKEN=xoxb-canary"
	const channel, group = "HIJACKD_ACTIONS_SLACK_CHANNEL=C1", "HIJACKD_ACTIONS_SLACK_USER_GROUP=S0123"
	const app, signing = "HIJACKD_ACTIONS_SLACK_APP_TOKEN=xapp-canary", "HIJACKD_ACTIONS_SLACK_SIGNING_SECRET=canary0123456789"
	const hook, api = "HIJACKD_ACTIONS_SLACK_WEBHOOK_URL=https://hooks.example/canary", "HIJACKD_API_LISTEN=127.0.0.1:8081"
	for name, c := range map[string]struct {
		environ           []string
		problem, warnings string
	}{
		"nothing":                  {nil, "", ""},
		"bot":                      {[]string{bot, channel}, "", ""},
		"buttons by socket":        {[]string{bot, channel, group, app}, "", ""},
		"buttons by HTTP":          {[]string{bot, channel, group, signing, api}, "", ""},
		"webhook":                  {[]string{hook}, "", ""},
		"nobody may press":         {[]string{bot, channel, app}, "", "nobody may press"},
		"clicks don't come back":   {[]string{bot, channel, group}, "", "clicks don't come back"},
		"nothing listens":          {[]string{bot, channel, group, signing}, "", "api.listen"},
		"webhook and bot":          {[]string{bot, channel, hook}, "SLACK_WEBHOOK_URL: is for use without token_file", ""},
		"no channel":               {[]string{bot}, "actions.slack.channel: missing", ""},
		"no token":                 {[]string{channel}, "actions.slack.token_file: missing", ""},
		"a group's name":           {[]string{bot, channel, "HIJACKD_ACTIONS_SLACK_USER_GROUP=@soc"}, "SLACK_USER_GROUP: is no user group's id", ""},
		"a token of two lines":     {[]string{bot + "\nsecond", channel}, "SLACK_TOKEN: not a token", ""},
		"an app token as bot's":    {[]string{"HIJACKD_ACTIONS_SLACK_TOKEN=xapp-canary", channel}, "belongs into app_token_file", ""},
		"a digest at no time":      {[]string{"HIJACKD_ACTIONS_SLACK_DIGEST=noon"}, "no time of day", ""},
		"no digest":                {[]string{"HIJACKD_ACTIONS_SLACK_DIGEST="}, "", ""},
		"a storm of none a minute": {[]string{"HIJACKD_ACTIONS_SLACK_STORM_PER_MINUTE=0"}, "STORM_PER_MINUTE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, warnings, err := Load("", c.environ)
			problem := ""
			if err != nil {
				problem = err.Error()
			}
			if (problem == "") != (c.problem == "") || !strings.Contains(problem, c.problem) {
				t.Errorf("problem %q, want %q", problem, c.problem)
			}
			var said strings.Builder
			for _, w := range warnings {
				said.WriteString(w.String())
			}
			if !strings.Contains(said.String(), c.warnings) || c.warnings == "" && strings.Contains(said.String(), "slack") {
				t.Errorf("warnings %q, want %q", said.String(), c.warnings)
			}
			if strings.Contains(problem+said.String(), "canary") {
				t.Errorf("a secret shows: %s%s", problem, said.String())
			}
		})
	}
}
