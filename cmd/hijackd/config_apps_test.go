package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestListsAndLimitsOfApps: lists of single apps can be written as lists or texts in the file, and with spaces in the environment.
func TestListsAndLimitsOfApps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hijackd.yaml")
	const file = `rules:
  scope:
    hosts: [a.example.com]
    per_app:
      shop: {hosts: [shop.example.com, "*.shop.example.com"], apps: "checkout, pay"}
  idle-timeout:
    per_app: {shop: {max: 20m}}
  no-renewal: {max: 15m}
`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(c *Config, idle time.Duration) {
		t.Helper()
		scope := c.Rules["scope"]
		if !slices.Equal(scope.Texts("hosts", "shop"), []string{"shop.example.com", "*.shop.example.com"}) || !slices.Equal(scope.Texts("apps", "shop"), []string{"checkout", "pay"}) {
			t.Errorf("scope: %+v", scope)
		}
		if got := c.Rules["idle-timeout"].Duration("max", "shop"); got != idle {
			t.Errorf("idle-timeout of shop: %v", got)
		}
	}
	c, _, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(c, 20*time.Minute)
	if got := c.Rules["scope"].Texts("hosts", "mail"); !slices.Equal(got, []string{"a.example.com"}) {
		t.Errorf("hosts of mail: %v", got)
	}
	if got := c.Rules["idle-timeout"].Duration("max", "mail"); got != 0 {
		t.Errorf("idle-timeout of mail: %v", got)
	}
	if got := c.Rules["no-renewal"].Duration("max", "mail"); got != 15*time.Minute {
		t.Errorf("no-renewal of mail: %v", got)
	}
	c, _, err = Load("", []string{
		"HIJACKD_RULES_SCOPE_PER_APP=shop.hosts=shop.example.com *.shop.example.com,shop.apps=checkout pay", "HIJACKD_RULES_IDLE_TIMEOUT_MAX=15m",
	})
	if err != nil {
		t.Fatal(err)
	}
	check(c, 15*time.Minute)
}
