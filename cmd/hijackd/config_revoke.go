package main

import (
	"time"

	"github.com/hijackd/hijackd/actions/revoke"
)

// RevokeConfig is the section actions.revoke. An empty URL means that there is no webhook.
type RevokeConfig struct {
	URL           string // may hold a password
	Secret        File
	Timeout       time.Duration
	AllowPrivate  bool
	CA, Cert, Key File // PEM
}

func (c *Config) boundRevoke() []key {
	r := &c.Revoke
	return []key{
		{path: "actions.revoke.url", value: location(&r.URL, "https", "http"), doc: "The webhook that actions are sent to; empty: none."},
		{path: "actions.revoke.secret_file", value: fileValue{&r.Secret}, doc: "File that holds the webhook's `whsec_` secret, or two of them on two lines while rotating; a `whsk_` key on a line of its own signs with ed25519 too."},
		{path: "actions.revoke.timeout", def: "10s", value: durationValue{&r.Timeout, 100 * time.Millisecond, time.Minute}, doc: "How long one attempt may take."},
		{path: "actions.revoke.allow_private", def: "false", value: flagValue{&r.AllowPrivate}, doc: "Let the webhook's host be a private or loopback address."},
		{path: "actions.revoke.ca_file", value: fileValue{&r.CA}, doc: "PEM file of the authorities to trust; empty: the system's."},
		{path: "actions.revoke.cert_file", value: fileValue{&r.Cert}, doc: "PEM file of the certificate that hijackd shows to the webhook (mTLS); empty: none."},
		{path: "actions.revoke.key_file", value: fileValue{&r.Key}, doc: "PEM file of that certificate's key."},
	}
}

// revoke is the webhook; its URL is empty where there is none.
func (c *Config) revoke() revoke.Config {
	r := revoke.Defaults()
	r.URL, r.Timeout, r.AllowPrivate, r.Secret = c.Revoke.URL, c.Revoke.Timeout, c.Revoke.AllowPrivate, c.Revoke.Secret.Reveal()
	r.CA, r.Cert, r.Key = c.Revoke.CA.Reveal(), c.Revoke.Cert.Reveal(), c.Revoke.Key.Reveal()
	return r
}
