// Package slack tells people in a Slack channel what was found and what was done, through slack-go: one living card per incident with the
// details in its thread, and buttons whose clicks become commands.
//
// It refuses to let hostile text become markup (all of it is plain_text, cleaned and escaped), to put a token or a peer's text into an
// error, to send a message again without looking whether it is there already (Slack knows no idempotency key), to take an order from
// anybody outside the configured user group or while that can't be read, and to acknowledge a click before its command is published.
package slack

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/hijackd/hijackd/actions/outbound"
)

// Config is the section `actions.slack` of the configuration. The secrets may stand in files or be given themselves, which wins.
type Config struct {
	TokenFile string // a bot token (xoxb-)
	Token     string
	AppToken  string // an app token (xapp-) for Socket Mode; empty: no Socket Mode
	// SigningSecret is the app's; with it clicks are taken by HTTP.
	SigningSecret string
	// UserGroup is the id (S0123456789) of the people who may press buttons; empty: there are no buttons.
	UserGroup string
	// Channel is the channel's id (C0123456789). With a name messages are sent, but one whose sending was interrupted may come twice.
	Channel string // empty: nobody is told
	APIURL  string // empty: Slack's own
	// WebhookURL is an incoming webhook, for use without a bot token.
	WebhookURL string
}

var (
	groupID     = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
	hexadecimal = regexp.MustCompile(`^[0-9A-Za-z]{16,128}$`)
)

// Validate returns every mistake, each naming its key, and quotes no secret.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(key, text string) { errs = append(errs, errors.New("actions.slack."+key+": "+text)) }
	bot := c.TokenFile != "" || c.Token != ""
	switch {
	case c.Channel == "" && bot:
		wrong("channel", "missing, while token_file is set")
	case c.Channel != "" && !bot:
		wrong("token_file", "missing, while channel is set")
	}
	if c.APIURL != "" {
		if u, err := url.Parse(c.APIURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			wrong("api_url", "not an http or https URL")
		}
	}
	if strings.HasPrefix(strings.TrimSpace(c.Token), "xapp-") {
		wrong("token_file", "holds an app token (xapp-), which belongs into app_token_file")
	}
	if c.AppToken != "" && !bot {
		wrong("token_file", "missing, while app_token_file is set")
	}
	if c.AppToken != "" && (!strings.HasPrefix(c.AppToken, "xapp-") || !printable(c.AppToken)) {
		wrong("app_token_file", "holds no app token: it begins with xapp-")
	}
	if c.SigningSecret != "" && !hexadecimal.MatchString(c.SigningSecret) {
		wrong("signing_secret_file", "holds no signing secret: letters and digits")
	}
	if c.SigningSecret != "" && !bot {
		wrong("token_file", "missing, while signing_secret_file is set")
	}
	if c.UserGroup != "" && !groupID.MatchString(c.UserGroup) {
		wrong("user_group", "is no user group's id, which looks like S0123456789")
	}
	if c.UserGroup != "" && !bot {
		wrong("token_file", "missing, while user_group is set")
	}
	if c.WebhookURL != "" {
		if bot {
			wrong("webhook_url_file", "is for use without token_file, whose messages can be updated")
		}
		if err := outbound.CheckURL(c.WebhookURL, true); err != nil || !printable(c.WebhookURL) {
			wrong("webhook_url_file", "holds no http or https URL")
		}
	}
	return errors.Join(errs...)
}

// clickable reports whether there are buttons: somebody may press them, and the clicks come back.
func (c *Config) clickable() bool {
	return c.UserGroup != "" && (c.AppToken != "" || c.SigningSecret != "")
}

// Format writes what is no secret, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String is the configuration without its secrets.
func (c Config) String() string {
	return fmt.Sprintf("slack channel %q, user group %q", c.Channel, c.UserGroup)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
