package main

import (
	"time"

	"github.com/hijackd/hijackd/actions/caep"
)

// CAEPConfig is the section actions.caep. An empty URL means that no events are pushed.
type CAEPConfig struct {
	URL              string // may hold a password
	Issuer, Audience string
	Key, Token, CA   File
	Subject          string
	UserIssuer       string
	Timeout          time.Duration
	AllowPrivate     bool
}

func (c *Config) boundCAEP() []key {
	p := &c.CAEP
	return []key{
		{path: "actions.caep.url", value: location(&p.URL, "https", "http"), doc: "Where CAEP session-revoked events are pushed to; empty: nowhere. See [CAEP](caep.md)."},
		{path: "actions.caep.issuer", value: text(&p.Issuer, notBlank), doc: "`iss` of the events: the URL that the receiver knows hijackd by."},
		{path: "actions.caep.audience", value: text(&p.Audience, notBlank), doc: "`aud` of the events."},
		{path: "actions.caep.key_file", value: fileValue{&p.Key}, doc: "PEM file of the private key: RSA of at least 2048 bits (RS256) or EC on P-256 (ES256). The first of several signs, the others are published, too."},
		{path: "actions.caep.token_file", value: fileValue{&p.Token}, doc: "File that holds a bearer token for the receiver; empty: the signature is enough."},
		{path: "actions.caep.subject", def: "complex", value: oneOf(&p.Subject, caep.Subjects...), doc: "How the subject is named: session and user, the user alone (`iss_sub`, `email`: the receiver ends all their sessions), or the session alone."},
		{path: "actions.caep.user_issuer", value: text(&p.UserIssuer, notBlank), doc: "`iss` of the users in `iss_sub` and `complex` subjects."},
		{path: "actions.caep.timeout", def: "10s", value: durationValue{&p.Timeout, 100 * time.Millisecond, time.Minute}, doc: "How long one attempt may take."},
		{path: "actions.caep.allow_private", def: "false", value: flagValue{&p.AllowPrivate}, doc: "Let the receiver's host be a private or loopback address."},
		{path: "actions.caep.ca_file", value: fileValue{&p.CA}, doc: "PEM file of the authorities to trust; empty: the system's."},
	}
}

// caep is the receiver of CAEP events; its URL is empty where there is none.
func (c *Config) caep() caep.Config {
	p := &c.CAEP
	return caep.Config{URL: p.URL, Issuer: p.Issuer, Audience: p.Audience, Key: p.Key.Reveal(), Token: p.Token.line(), Subject: p.Subject,
		UserIssuer: p.UserIssuer, Timeout: p.Timeout, AllowPrivate: p.AllowPrivate, CA: p.CA.Reveal()}
}
