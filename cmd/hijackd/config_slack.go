package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack"
)

// SlackConfig is the section actions.slack. Neither a token nor a webhook means that there is no Slack.
type SlackConfig struct {
	Token, AppToken, SigningSecret, WebhookURL File
	Channel, UserGroup                         string
	APIURL                                     string
	StormPerMinute                             int
	Digest                                     string // HH:MM in UTC, empty for none
}

// lane is how response lanes tell people of what they decide.
func (c *Config) lane() actions.LaneConfig {
	l := actions.LaneDefaults()
	l.StormPerMinute, l.DigestAt = c.Slack.StormPerMinute, -1
	if at, err := time.Parse("15:04", c.Slack.Digest); err == nil { // empty: none
		l.DigestAt = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	return l
}

func (c *Config) boundSlack() []key {
	s := &c.Slack
	return []key{
		{path: "actions.slack.token_file", value: fileValue{&s.Token}, doc: "File that holds the bot token (`xoxb-`); empty: no Slack, or a webhook. See [Slack](slack.md)."},
		{path: "actions.slack.app_token_file", value: fileValue{&s.AppToken}, doc: "File that holds the app token (`xapp-`) of Socket Mode, which brings the clicks on buttons; empty: no Socket Mode."},
		{path: "actions.slack.channel", value: text(&s.Channel, notBlank), doc: "Id (or name) of the channel to alert."},
		{path: "actions.slack.api_url", value: location(&s.APIURL, "https", "http"), doc: "Slack's API; empty: https://slack.com/api/."},
		{path: "actions.slack.user_group", value: text(&s.UserGroup, notBlank), doc: "Id (`S…`) of the user group whose members may press buttons; empty: there are no buttons."},
		{path: "actions.slack.signing_secret_file", value: fileValue{&s.SigningSecret}, doc: "File that holds the app's signing secret: clicks are taken at `POST /v1/slack/interactivity` of `api.listen` then, in place of Socket Mode or beside it."},
		{path: "actions.slack.webhook_url_file", value: fileValue{&s.WebhookURL}, doc: "File that holds the URL of an incoming webhook, for use without a bot token: messages are neither updated nor have buttons."},
		{path: "actions.slack.storm_per_minute", def: "20", value: intValue{&s.StormPerMinute, 1, 600}, doc: "Cards a minute; incidents beyond become one message with their number and the worst five."},
		{path: "actions.slack.digest", def: "08:00", value: text(&s.Digest, timeOfDay), doc: "When the day's digest is sent, HH:MM in UTC; empty: never."},
	}
}

// timeOfDay takes HH:MM, and nothing at all.
func timeOfDay(s string) error {
	if s == "" {
		return nil
	}
	if _, err := time.Parse("15:04", s); err != nil || len(s) != len("15:04") {
		return fmt.Errorf("%s is no time of day such as 08:00", strconv.Quote(s))
	}
	return nil
}

// digestAt is when the digest is sent, since midnight UTC; ok is false where there is none.
func (s *SlackConfig) digestAt() (at time.Duration, ok bool) {
	t, err := time.Parse("15:04", s.Digest)
	if err != nil {
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}

// slack is the channel to alert; neither Channel nor WebhookURL is set where there is none.
func (c *Config) slack() slack.Config {
	s := &c.Slack
	return slack.Config{Token: s.Token.line(), AppToken: s.AppToken.line(), SigningSecret: s.SigningSecret.line(), UserGroup: s.UserGroup,
		Channel: s.Channel, APIURL: s.APIURL, WebhookURL: s.WebhookURL.line()}
}

// checkSlack refuses what the package refuses, and says what makes buttons not appear.
func (l *loader) checkSlack(c *Config) {
	cfg := c.slack()
	err := cfg.Validate()
	if cfg.Channel != "" && cfg.Token != "" {
		_, unread := slack.LoadToken(cfg)
		err = errors.Join(err, unread)
	}
	l.absorb(err)
	byHTTP, bySocket := cfg.SigningSecret != "", cfg.AppToken != ""
	switch {
	case (byHTTP || bySocket) && cfg.UserGroup == "":
		l.warn(l.at("actions.slack.user_group"), "is empty: cards have no buttons, since nobody may press them")
	case cfg.UserGroup != "" && !byHTTP && !bySocket:
		l.warn(l.at("actions.slack.user_group"), "is of no use without app_token_file or signing_secret_file: cards have no buttons, since clicks don't come back")
	case byHTTP && !bySocket && c.API.Listen == "":
		l.warn(l.at("actions.slack.signing_secret_file"), "is of no use while api.listen is empty: clicks don't come back")
	}
}
