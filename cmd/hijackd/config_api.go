package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/ingest/receive"
)

// APIConfig is the section api: what other systems call. An empty address means that nothing listens.
type APIConfig struct {
	Listen       string
	Token        File // bearer token of those who ask for the state of a token
	CAEP         SenderConfig
	BackChannel  SenderConfig
	AllowPrivate bool
	CA           File
}

// SenderConfig is the section api.caep or api.backchannel: an issuer of incoming revocations. Without an issuer nothing is taken in.
type SenderConfig struct {
	Issuer, Audience, Tenant string
	JWKSURL                  string
	JWKS                     File
	Token                    File // of api.caep alone
}

// minAPIToken is the least length of a bearer token in characters: 128 bits in hex are 32, in base64 22.
const minAPIToken = 22

func (c *Config) boundAPI() []key {
	a := &c.API
	table := []key{
		{path: "api.listen", value: text(&a.Listen, hostPort), doc: "Where other systems push revocations and ask for tokens; empty: nowhere. It speaks plain HTTP: put TLS in front of it. See [CAEP](caep.md)."},
		{path: "api.token_file", value: fileValue{&a.Token}, doc: "File that holds the bearer token for `GET /v1/tokens`, at least 22 characters; empty: nobody may ask."},
		{path: "api.allow_private", def: "false", value: flagValue{&a.AllowPrivate}, doc: "Let the hosts of `jwks_url` be private or loopback addresses."},
		{path: "api.ca_file", value: fileValue{&a.CA}, doc: "PEM file of the authorities to trust for `jwks_url`; empty: the system's."},
	}
	table = append(table, a.CAEP.bound("api.caep", "CAEP session-revoked events pushed to `POST /v1/events`")...)
	table = append(table, key{path: "api.caep.token_file", value: fileValue{&a.CAEP.Token}, doc: "File that holds a bearer token that the sender must present besides; empty: the signature is enough."})
	return append(table, a.BackChannel.bound("api.backchannel", "OIDC logout tokens posted to `POST /v1/backchannel-logout`")...)
}

func (s *SenderConfig) bound(section, what string) []key {
	return []key{
		{path: section + ".issuer", value: text(&s.Issuer, notBlank), doc: "The `iss` of " + what + "; empty: none are taken."},
		{path: section + ".audience", value: text(&s.Audience, notBlank), doc: "What their `aud` must hold."},
		{path: section + ".tenant", value: text(&s.Tenant, notBlank), doc: "The tenant of the sessions and users that they name."},
		{path: section + ".jwks_url", value: location(&s.JWKSURL, "https", "http"), doc: "Where the issuer publishes its keys."},
		{path: section + ".jwks_file", value: fileValue{&s.JWKS}, doc: "File that holds the issuer's public keys as a JWK set, in place of `jwks_url`."},
	}
}

func (s *SenderConfig) receive() receive.Config {
	return receive.Config{Issuer: s.Issuer, Audience: s.Audience, Tenant: s.Tenant, Bearer: s.Token.line()}
}

// client is how the issuers' keys are read.
func (a *APIConfig) client() outbound.Config {
	return outbound.Config{Timeout: 10 * time.Second, AllowPrivate: a.AllowPrivate, CA: a.CA.Reveal()}
}

// checkAPI refuses mistakes, and says where something is configured that nobody can call.
func (l *loader) checkAPI(c *Config) {
	l.absorb(c.API.Validate())
	if a := &c.API; a.Listen == "" && (a.Token.Set() || a.CAEP.Issuer != "" || a.BackChannel.Issuer != "") {
		l.warn(l.at("api.listen"), "is empty: nobody can call what is configured below api")
	}
}

// Validate returns every mistake, each naming its key.
func (a *APIConfig) Validate() error {
	var errs []error
	if t := a.Token.line(); t != "" && len(t) < minAPIToken {
		errs = append(errs, fmt.Errorf("api.token_file: %d characters; at least %d can't be guessed", len(t), minAPIToken))
	}
	errs = append(errs, a.client().Validate("api"), a.CAEP.validate("api.caep", a.AllowPrivate), a.BackChannel.validate("api.backchannel", a.AllowPrivate))
	return errors.Join(errs...)
}

func (s *SenderConfig) validate(section string, allowPrivate bool) error {
	if s.Issuer == "" {
		if s.Audience != "" || s.JWKSURL != "" || s.JWKS.Set() {
			return errors.New(section + ".issuer: missing; without it nothing is taken")
		}
		return nil
	}
	cfg := s.receive()
	errs := []error{cfg.Validate(section)}
	switch {
	case (s.JWKSURL != "") == s.JWKS.Set():
		errs = append(errs, errors.New(section+".jwks_url: exactly one of jwks_url and jwks_file is needed"))
	case s.JWKSURL != "":
		if err := outbound.CheckURL(s.JWKSURL, allowPrivate); err != nil {
			errs = append(errs, fmt.Errorf("%s.jwks_url: %w", section, err))
		}
	default:
		if _, err := receive.ParseKeys([]byte(s.JWKS.Reveal())); err != nil {
			errs = append(errs, fmt.Errorf("%s.jwks_file: %w", section, err))
		}
	}
	if len(s.Tenant) > 256 {
		errs = append(errs, errors.New(section+".tenant: longer than 256 bytes"))
	}
	return errors.Join(errs...)
}
