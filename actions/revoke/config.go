// Package revoke ends sessions by a signed webhook: Standard Webhooks 1.0.0 over HTTPS.
//
// It refuses to follow redirects, to use a proxy from the environment, to connect to link-local and metadata addresses (and to
// private ones unless allowed, judged by the address that the name resolved to), to read more than 64 KiB of an answer, and to put a
// URL, a secret or a peer's text into an error.
package revoke

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config is the section `actions.revoke` of the configuration.
type Config struct {
	URL        string `yaml:"url"` // empty: no revocations are sent
	SecretFile string `yaml:"secret_file"`
	// Secret is what the environment variable HIJACKD_ACTIONS_REVOKE_SECRET holds; it wins over the file.
	Secret       string        `yaml:"-"`
	Timeout      time.Duration `yaml:"timeout"` // of one attempt, 100 ms to 1 min
	AllowPrivate bool          `yaml:"allow_private"`
}

// Defaults returns the configuration without a receiver.
func Defaults() Config { return Config{Timeout: 10 * time.Second} }

// Validate returns every mistake, each naming its key and none quoting the URL, which may hold a password.
func (c *Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	var errs []error
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		errs = append(errs, errors.New("actions.revoke.url: not a URL"))
	case u.Scheme != "http" && u.Scheme != "https":
		errs = append(errs, errors.New("actions.revoke.url: neither http nor https"))
	case u.Hostname() == "":
		errs = append(errs, errors.New("actions.revoke.url: no host"))
	case u.Scheme == "http" && !c.AllowPrivate:
		errs = append(errs, errors.New("actions.revoke.url: http is for receivers on a private network: use https or set actions.revoke.allow_private"))
	}
	if c.SecretFile == "" && c.Secret == "" {
		errs = append(errs, errors.New("actions.revoke.secret_file: missing; it holds the whsec_ secret that the receiver verifies"))
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
		errs = append(errs, fmt.Errorf("actions.revoke.timeout: %s is not between 100ms and 1m", c.Timeout))
	}
	return errors.Join(errs...)
}

// Secret is a key of the receiver. It never prints itself.
type Secret struct{ key []byte }

// String hides the key.
func (Secret) String() string { return "whsec_…" }

// GoString hides the key from %#v too.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the key from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// LoadSecrets reads the secrets that the configuration names: one, or two lines while the receiver changes from one to the other.
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

// ParseSecrets reads one or two secrets, whsec_ and the base64 of 24–64 bytes each, separated by white space.
func ParseSecrets(text string) ([]Secret, error) {
	words := strings.Fields(text)
	if len(words) == 0 || len(words) > 2 {
		return nil, fmt.Errorf("%d secrets; want one, or two while changing", len(words))
	}
	var ss []Secret
	for i, w := range words {
		b64, ok := strings.CutPrefix(w, "whsec_")
		if !ok {
			return nil, fmt.Errorf("secret %d does not begin with whsec_", i+1)
		}
		key, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			return nil, fmt.Errorf("secret %d is not base64 behind whsec_", i+1)
		}
		if len(key) < 24 || len(key) > 64 {
			return nil, fmt.Errorf("secret %d has %d bytes; Standard Webhooks wants 24 to 64", i+1, len(key))
		}
		ss = append(ss, Secret{key})
	}
	return ss, nil
}
