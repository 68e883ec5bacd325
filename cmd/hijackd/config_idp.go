package main

import (
	"time"

	"github.com/hijackd/hijackd/actions/idp"
)

// IDPConfig is the section of an identity provider: actions.keycloak, actions.okta, … Not all have all keys.
type IDPConfig struct {
	URL, LoginURL           string
	Realm, Tenant, ClientID string
	Secret                  File // the client's secret, or the token
	FallbackUser            bool
	Timeout                 time.Duration
	AllowPrivate            bool
	CA                      File // PEM
}

// boundIDP is the table of the sections, in the order of idp.Names.
func (c *Config) boundIDP() []key {
	var table []key
	for i, name := range idp.Names() {
		s := &c.IDP[i]
		defaults := idp.Defaults(name)
		section := "actions." + name + "."
		for _, k := range idp.Keys(name) {
			bound := key{path: section + k}
			switch k {
			case "url":
				bound.def, bound.value, bound.doc = defaults.URL, location(&s.URL, "https", "http"), idpURL[name]
			case "login_url":
				bound.def, bound.value, bound.doc = defaults.LoginURL, location(&s.LoginURL, "https", "http"), "Where tokens are issued; another one in a national cloud."
			case "realm":
				bound.value, bound.doc = text(&s.Realm, notBlank), "The realm of the users."
			case "tenant":
				bound.value, bound.doc = text(&s.Tenant, notBlank), "Id or domain of the tenant; empty: no sessions are ended at Entra."
			case "client_id":
				bound.value, bound.doc = text(&s.ClientID, notBlank), "The client that hijackd is there."
			case "client_secret_file":
				bound.value, bound.doc = fileValue{&s.Secret}, "File that holds the client's secret."
			case "token_file":
				bound.value, bound.doc = fileValue{&s.Secret}, "File that holds the API token."
			case "fallback_user":
				bound.def, bound.value, bound.doc = "false", flagValue{&s.FallbackUser}, "Where an event names no session, end all sessions of its user instead of failing."
				if name == idp.Entra {
					bound.doc = "Entra can't end one session: let revoke_session end all sessions of the user."
				}
			}
			table = append(table, bound)
		}
		table = append(table,
			key{path: section + "timeout", def: "10s", value: durationValue{&s.Timeout, 100 * time.Millisecond, time.Minute}, doc: "How long one attempt may take, with all its calls."},
			key{path: section + "allow_private", def: "false", value: flagValue{&s.AllowPrivate}, doc: "Let its host be a private or loopback address, and `http`."},
			key{path: section + "ca_file", value: fileValue{&s.CA}, doc: "PEM file of the authorities to trust; empty: the system's."})
	}
	return table
}

var idpURL = map[string]string{
	idp.Keycloak:  "Keycloak's base URL (https://id.example.com), with the path where it has one (/auth); empty: no sessions are ended there.",
	idp.Auth0:     "The tenant's own domain (https://TENANT.eu.auth0.com), not a custom one; empty: no sessions are ended there.",
	idp.Okta:      "The organisation's URL (https://ORG.okta.com); empty: no sessions are ended there.",
	idp.Entra:     "Microsoft Graph; another one in a national cloud.",
	idp.Kratos:    "Base URL of Kratos' admin interface, or of the Ory Network project; empty: no sessions are ended there.",
	idp.Zitadel:   "The instance's URL; empty: no sessions are ended there.",
	idp.Authentik: "authentik's URL; empty: no sessions are ended there.",
}

// idp is an identity provider, the i-th of idp.Names.
func (c *Config) idp(i int) idp.Config {
	s := &c.IDP[i]
	return idp.Config{
		URL: s.URL, Realm: s.Realm, Tenant: s.Tenant, LoginURL: s.LoginURL, ClientID: s.ClientID, Secret: s.Secret.line(),
		FallbackUser: s.FallbackUser, Timeout: s.Timeout, AllowPrivate: s.AllowPrivate, CA: s.CA.Reveal(),
	}
}

// checkIDP refuses what the identity providers refuse, and warns of what they can't do.
func (l *loader) checkIDP(c *Config) {
	for i, name := range idp.Names() {
		s := c.idp(i)
		l.absorb(s.Validate(name))
		if name == idp.Entra && s.InUse(name) && !s.FallbackUser {
			l.warn(l.at("actions.entra.fallback_user"), "is false: revoke_session does nothing at Entra, which can only end all sessions of a user")
		}
	}
}
