package idp_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions/idp"
)

func good(name string) idp.Config {
	c := idp.Defaults(name)
	c.URL, c.Realm, c.Tenant, c.ClientID, c.Secret = "https://idp.example", "shop", "contoso.example", "hijackd", "s3cret"
	return c
}

func TestValidate(t *testing.T) {
	for _, name := range idp.Names() {
		c := good(name)
		if err := c.Validate(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c = idp.Defaults(name)
		if c.InUse(name) || c.Validate(name) != nil {
			t.Errorf("%s: in use by default", name)
		}
		if _, err := idp.New(name, c, time.Now); err == nil {
			t.Errorf("%s: made of nothing", name)
		}
	}
	for want, tc := range map[string]struct {
		name   string
		change func(*idp.Config)
	}{
		"actions.keycloak.realm: missing":                      {idp.Keycloak, func(c *idp.Config) { c.Realm = "" }},
		"actions.keycloak.client_id: missing":                  {idp.Keycloak, func(c *idp.Config) { c.ClientID = "" }},
		"actions.keycloak.client_secret_file: missing":         {idp.Keycloak, func(c *idp.Config) { c.Secret = "" }},
		"actions.keycloak.realm: may hold":                     {idp.Keycloak, func(c *idp.Config) { c.Realm = "../master" }},
		"actions.okta.token_file: missing":                     {idp.Okta, func(c *idp.Config) { c.Secret = "" }},
		"actions.okta.token_file: holds spaces":                {idp.Okta, func(c *idp.Config) { c.Secret = "a b" }},
		"actions.okta.url: missing, while a secret is set":     {idp.Okta, func(c *idp.Config) { c.URL = "" }},
		"actions.okta.url: http is for":                        {idp.Okta, func(c *idp.Config) { c.URL = "http://h" }},
		"actions.okta.url: holds a user":                       {idp.Okta, func(c *idp.Config) { c.URL = "https://u:p@h" }},
		"actions.okta.timeout: ":                               {idp.Okta, func(c *idp.Config) { c.Timeout = 0 }},
		"actions.okta.ca_file: ":                               {idp.Okta, func(c *idp.Config) { c.CA = "x" }},
		"actions.entra.tenant: missing, while a secret is set": {idp.Entra, func(c *idp.Config) { c.Tenant = "" }},
		"actions.entra.login_url: missing":                     {idp.Entra, func(c *idp.Config) { c.LoginURL = "" }},
	} {
		c := good(tc.name)
		tc.change(&c)
		if err := c.Validate(tc.name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestKeys(t *testing.T) {
	for name, want := range map[string]string{
		idp.Keycloak: "url realm client_id client_secret_file fallback_user", idp.Auth0: "url client_id client_secret_file fallback_user",
		idp.Okta: "url token_file fallback_user", idp.Entra: "tenant client_id client_secret_file url login_url fallback_user",
		idp.Kratos: "url token_file fallback_user", idp.Zitadel: "url token_file", idp.Authentik: "url token_file fallback_user",
	} {
		if got := idp.Keys(name); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s has %q", name, got)
		}
	}
}
