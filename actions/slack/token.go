package slack

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

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
	if text == "" || !printable(text) {
		return Token{}, errors.New("actions.slack.token_file: not a token: empty, or with spaces or line breaks inside")
	}
	return Token{text}, nil
}
