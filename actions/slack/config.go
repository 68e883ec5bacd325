// Package slack tells people in a Slack channel what was found and what was done: one message per finding, through slack-go.
//
// It refuses to let hostile text become markup (all of it is plain_text, cleaned and escaped), to put the token or a peer's text
// into an error, and to send a message again without looking whether it is there already: Slack knows no idempotency key.
package slack

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
)

// Config is the section `actions.slack` of the configuration.
type Config struct {
	TokenFile string `yaml:"token_file"` // a bot token (xoxb-) with chat:write and channels:history or groups:history
	// Token is what the environment variable HIJACKD_ACTIONS_SLACK_TOKEN holds; it wins over the file.
	Token        string `yaml:"-"`
	AppTokenFile string `yaml:"app_token_file"` // for buttons, which this version does not have
	// Channel is the channel's id (C0123456789). With a name messages are sent, but one whose sending was interrupted may come twice.
	Channel string `yaml:"channel"` // empty: nobody is told
	APIURL  string `yaml:"api_url"` // empty: Slack's own
}

// Validate returns every mistake, each naming its key.
func (c *Config) Validate() error {
	if c.Channel == "" {
		if c.TokenFile != "" {
			return errors.New("actions.slack.channel: missing, while token_file is set")
		}
		return nil
	}
	var errs []error
	if c.TokenFile == "" && c.Token == "" {
		errs = append(errs, errors.New("actions.slack.token_file: missing, while channel is set"))
	}
	if c.APIURL != "" {
		if u, err := url.Parse(c.APIURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			errs = append(errs, errors.New("actions.slack.api_url: not an http or https URL"))
		}
	}
	return errors.Join(errs...)
}

// Token is a bot token. It never prints itself.
type Token struct{ secret string }

// String hides the token.
func (Token) String() string { return "xoxb-…" }

// GoString hides the token from %#v too.
func (t Token) GoString() string { return t.String() }

// LogValue hides the token from logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// LoadToken reads the token that the configuration names.
func LoadToken(c Config) (Token, error) {
	text := c.Token
	if text == "" {
		b, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return Token{}, fmt.Errorf("actions.slack.token_file: %w", err)
		}
		text = string(b)
	}
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Token{}, errors.New("actions.slack.token_file: not a token: empty, or with spaces or line breaks inside")
	}
	return Token{text}, nil
}
