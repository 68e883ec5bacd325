// Package revoke sends actions to the signed webhook: Standard Webhooks 1.0.0 over HTTPS (contract section 2).
//
// It refuses what actions/outbound refuses, to send an unsigned message, and to put a URL, a secret or a peer's text into an error.
package revoke

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
)

// Config is the section `actions.revoke` of the configuration.
type Config struct {
	URL        string `yaml:"url"` // empty: no revocations are sent
	SecretFile string `yaml:"secret_file"`
	// Secret is what the environment variable HIJACKD_ACTIONS_REVOKE_SECRET holds; it wins over the file.
	Secret       string        `yaml:"-"`
	Timeout      time.Duration `yaml:"timeout"` // of one attempt, 100 ms to 1 min
	AllowPrivate bool          `yaml:"allow_private"`
	// PEM: the authorities to trust (empty: the system's), and the certificate that hijackd shows (empty: none) with its key.
	CA, Cert, Key string `yaml:"-"`
}

// Defaults returns the configuration without a receiver.
func Defaults() Config { return Config{Timeout: 10 * time.Second} }

func (c *Config) outbound() outbound.Config {
	return outbound.Config{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, CA: c.CA, Cert: c.Cert, Key: c.Key}
}

// Validate returns every mistake, each naming its key and none quoting the URL, which may hold a password.
func (c *Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	var errs []error
	if err := outbound.CheckURL(c.URL, c.AllowPrivate); err != nil {
		errs = append(errs, fmt.Errorf("actions.revoke.url: %w", err))
	}
	if c.SecretFile == "" && c.Secret == "" {
		errs = append(errs, errors.New("actions.revoke.secret_file: missing; it holds the whsec_ secret that the receiver verifies"))
	}
	return errors.Join(append(errs, c.outbound().Validate("actions.revoke"))...)
}

const shown = "[configuration of the webhook]"

// Format keeps the secret out of whatever a Config is printed into.
func (Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shown) }

// MarshalText is Format: encoding/json, and so slog, would otherwise walk the fields.
func (Config) MarshalText() ([]byte, error) { return []byte(shown), nil }

// LoadSecrets reads the secrets that the configuration names, as ParseSecrets does.
func LoadSecrets(c Config) ([]Secret, error) {
	text, key := c.Secret, "actions.revoke.secret"
	if text == "" {
		key = "actions.revoke.secret_file"
		b, err := os.ReadFile(c.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		text = string(b)
	}
	ss, err := ParseSecrets(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return ss, nil
}
