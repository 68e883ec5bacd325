// Package idp ends sessions at identity providers through their own interfaces: Keycloak, Auth0, Okta, Entra, Ory Kratos, Zitadel and
// authentik. A file each says what one of them is called with and what its answers mean; where that is from is said there.
//
// It refuses what actions/outbound refuses; to put an id into a path that could mean another path there; to take for success what a
// system does not document as success (a login page answers 200, too); to end all sessions of a user where one was asked for, unless
// configured to; and to put a URL, a secret, an id or a peer's text into a result.
package idp

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
)

// The systems, as the configuration, the log and the tables name them.
const (
	Keycloak  = "keycloak"
	Auth0     = "auth0"
	Okta      = "okta"
	Entra     = "entra"
	Kratos    = "kratos"
	Zitadel   = "zitadel"
	Authentik = "authentik"
)

// Names lists the systems in a fixed order.
func Names() []string { return []string{Keycloak, Auth0, Okta, Entra, Kratos, Zitadel, Authentik} }

// Config is the section `actions.NAME` of the configuration. Which keys a system has, Keys says.
type Config struct {
	URL      string // where its interface is
	Realm    string // of Keycloak
	Tenant   string // of Entra: id or domain
	LoginURL string // of Entra: where tokens are issued
	ClientID string
	Secret   string // the client's secret, or the token
	// FallbackUser lets revoke_session end all of the user's sessions where the session is not known or the system can't end just one.
	FallbackUser bool
	Timeout      time.Duration // of one attempt with all its calls, 100 ms to 1 min
	AllowPrivate bool
	CA           string // PEM
}

// Defaults returns the configuration of a system that is not in use.
func Defaults(name string) Config {
	c := Config{Timeout: 10 * time.Second}
	if name == Entra { // the public cloud's; others: "National clouds" in Microsoft's documentation
		c.URL, c.LoginURL = "https://graph.microsoft.com", "https://login.microsoftonline.com"
	}
	return c
}

// keys lists what a system must be told, the first of which says whether it is in use; optional what it may be told.
func keys(name string) (needed, optional []string) {
	switch name {
	case Keycloak:
		return []string{"url", "realm", "client_id", "client_secret_file"}, []string{"fallback_user"}
	case Auth0:
		return []string{"url", "client_id", "client_secret_file"}, []string{"fallback_user"}
	case Entra:
		return []string{"tenant", "client_id", "client_secret_file", "url", "login_url"}, []string{"fallback_user"}
	case Kratos: // by itself, Kratos asks for no token; Ory Network does
		return []string{"url"}, []string{"token_file", "fallback_user"}
	case Zitadel:
		return []string{"url", "token_file"}, nil
	}
	return []string{"url", "token_file"}, []string{"fallback_user"}
}

// Keys lists the keys that a system has, beside timeout, allow_private and ca_file.
func Keys(name string) []string {
	needed, optional := keys(name)
	return append(needed, optional...)
}

func (c *Config) get(key string) string {
	switch key {
	case "url":
		return c.URL
	case "realm":
		return c.Realm
	case "tenant":
		return c.Tenant
	case "login_url":
		return c.LoginURL
	case "client_id":
		return c.ClientID
	case "client_secret_file", "token_file":
		return c.Secret
	}
	return ""
}

// InUse reports whether a system is configured.
func (c *Config) InUse(name string) bool {
	needed, _ := keys(name)
	return c.get(needed[0]) != ""
}

// Validate returns every mistake, each naming its key and none quoting its value.
func (c *Config) Validate(name string) error {
	needed, _ := keys(name)
	section := "actions." + name
	var errs []error
	if !c.InUse(name) && c.Secret != "" {
		errs = append(errs, fmt.Errorf("%s.%s: missing, while a secret is set", section, needed[0]))
	}
	if c.InUse(name) {
		errs = append(errs, c.outbound().Validate(section))
	}
	for _, k := range needed {
		v := c.get(k)
		switch {
		case v == "":
			if c.InUse(name) {
				errs = append(errs, fmt.Errorf("%s.%s: missing", section, k))
			}
		case strings.HasSuffix(k, "url"):
			if err := checkURL(v, c.AllowPrivate); err != nil {
				errs = append(errs, fmt.Errorf("%s.%s: %w", section, k, err))
			}
		case strings.HasSuffix(k, "_file"):
		case k != "client_id" && !plain(v):
			errs = append(errs, fmt.Errorf("%s.%s: may hold letters, digits and ._~:@-, and begins with one of the first two", section, k))
		}
	}
	if !printable(c.Secret) {
		key := "token_file"
		if slices.Contains(needed, "client_secret_file") {
			key = "client_secret_file"
		}
		errs = append(errs, fmt.Errorf("%s.%s: holds spaces, line breaks or other characters that no secret has", section, key))
	}
	return errors.Join(errs...)
}

func checkURL(s string, allowPrivate bool) error {
	if err := outbound.CheckURL(s, allowPrivate); err != nil {
		return err
	}
	if u, err := url.Parse(s); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("holds a user, a query or a fragment")
	}
	return nil
}

// printable reports whether a text may stand in a header.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (c *Config) outbound() outbound.Config {
	return outbound.Config{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, CA: c.CA}
}

const shown = "[configuration of an identity provider]"

// Format keeps the secret out of whatever a Config is printed into.
func (Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shown) }

// MarshalText is Format: encoding/json, and so slog, would otherwise walk the fields.
func (Config) MarshalText() ([]byte, error) { return []byte(shown), nil }
