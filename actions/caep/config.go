package caep

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
)

// Config is the section `actions.caep` of the configuration.
type Config struct {
	URL      string // the receiver's push endpoint; empty: nothing is sent
	Issuer   string // iss of the tokens: the URL that the receiver knows hijackd by
	Audience string // aud of the tokens
	// Key is PEM: an RSA key of at least 2048 bits or one on P-256. Of several the first signs, and all are published.
	Key string
	// Token is a bearer token for the receiver, empty for none.
	Token string
	// Subject says how subjects are named: one of Subjects.
	Subject string
	// UserIssuer is the iss of users in iss_sub subjects: the identity provider that knows them.
	UserIssuer   string
	Timeout      time.Duration // of one attempt, 100 ms to 1 min
	AllowPrivate bool
	CA           string // PEM of the authorities to trust; empty: the system's
}

// Subjects are the formats of subjects (RFC 9493, SSF 1.0 section 3.2). complex names the session and its user; iss_sub and email name the
// user only, so that a receiver ends all of the user's sessions whatever the action is; opaque names the session only.
var Subjects = []string{"complex", "iss_sub", "email", "opaque"}

// Defaults returns the configuration without a receiver.
func Defaults() Config { return Config{Subject: "complex", Timeout: 10 * time.Second} }

func (c *Config) outbound() outbound.Config {
	return outbound.Config{Timeout: c.Timeout, AllowPrivate: c.AllowPrivate, CA: c.CA}
}

// Validate returns every mistake, each naming its key and none quoting a URL or what a file holds.
func (c *Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	var errs []error
	if err := outbound.CheckURL(c.URL, c.AllowPrivate); err != nil {
		errs = append(errs, fmt.Errorf("actions.caep.url: %w", err))
	}
	if c.Issuer == "" {
		errs = append(errs, errors.New("actions.caep.issuer: missing; it is the iss that the receiver expects"))
	}
	if c.Audience == "" {
		errs = append(errs, errors.New("actions.caep.audience: missing; it is the aud that the receiver expects"))
	}
	if _, err := parseKeys(c.Key); err != nil {
		errs = append(errs, fmt.Errorf("actions.caep.key_file: %w", err))
	}
	if strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, errors.New("actions.caep.token_file: not a bearer token: it has spaces or line breaks inside"))
	}
	if !slices.Contains(Subjects, c.Subject) {
		errs = append(errs, errors.New("actions.caep.subject: none of "+strings.Join(Subjects, ", ")))
	}
	if c.UserIssuer == "" && (c.Subject == "iss_sub" || c.Subject == "complex") {
		errs = append(errs, errors.New("actions.caep.user_issuer: missing; it is the issuer of the users that "+c.Subject+" subjects name"))
	}
	return errors.Join(append(errs, c.outbound().Validate("actions.caep"))...)
}
