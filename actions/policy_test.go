package actions

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

func TestModesAreBoundByTheCeiling(t *testing.T) {
	for _, c := range []struct{ rule, ceiling, want Mode }{
		{Enforce, Enforce, Enforce}, {Enforce, Shadow, Shadow}, {Enforce, Warn, Warn}, {Enforce, Off, Off},
		{Warn, Enforce, Warn}, {Shadow, Enforce, Shadow}, {Off, Enforce, Off}, {Shadow, Warn, Shadow},
	} {
		cfg := Defaults()
		cfg.Mode = c.ceiling
		p, err := NewPolicy(cfg, map[string]Mode{"r": c.rule})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Mode("r"); got != c.want {
			t.Errorf("%s under %s is %s, want %s", c.rule, c.ceiling, got, c.want)
		}
	}
}

func TestDecide(t *testing.T) {
	cfg := Defaults()
	cfg.NeverRevoke = NeverRevoke{Users: []string{"ceo"}, Tokens: []string{"h1:k1:robot"}, Networks: []string{"192.0.2.0/24", "2001:db8::1"}}
	at := func(ip string) func(*schema.Finding) {
		return func(f *schema.Finding) { f.To = &schema.End{IP: netip.MustParseAddr(ip)} }
	}
	for name, c := range map[string]struct {
		mode       Mode
		change     func(*schema.Finding)
		decision   schema.Decision
		would      schema.Decision
		suppressed string
	}{
		"conclusive":            {Enforce, func(*schema.Finding) {}, schema.RevokeSession, schema.RevokeSession, ""},
		"weak":                  {Enforce, func(f *schema.Finding) { f.Conclusive = false }, schema.Alert, schema.Alert, ""},
		"withdrawn":             {Enforce, func(f *schema.Finding) { f.Confidence, f.Conclusive, f.Informed = 0, false, 1 }, schema.Observe, schema.Observe, ""},
		"without history":       {Enforce, func(f *schema.Finding) { f.WithoutHistory = true }, schema.Alert, schema.Alert, ""},
		"about a network":       {Enforce, func(f *schema.Finding) { f.Token = "" }, schema.Alert, schema.Alert, ""},
		"in shadow":             {Shadow, func(*schema.Finding) {}, schema.Observe, schema.RevokeSession, ""},
		"off":                   {Off, func(*schema.Finding) {}, schema.Observe, schema.RevokeSession, ""},
		"in alert":              {Warn, func(*schema.Finding) {}, schema.Alert, schema.RevokeSession, ""},
		"exempt user":           {Enforce, func(f *schema.Finding) { f.User = "ceo" }, schema.Alert, schema.Alert, "never_revoke.users"},
		"exempt token":          {Enforce, func(f *schema.Finding) { f.Token = "h1:k1:robot" }, schema.Alert, schema.Alert, "never_revoke.tokens"},
		"exempt network":        {Enforce, at("192.0.2.77"), schema.Alert, schema.Alert, "never_revoke.networks"},
		"exempt mapped address": {Enforce, at("::ffff:192.0.2.77"), schema.Alert, schema.Alert, "never_revoke.networks"},
		"exempt IPv6 address":   {Enforce, at("2001:db8::1"), schema.Alert, schema.Alert, "never_revoke.networks"},
		"next network":          {Enforce, at("192.0.3.1"), schema.RevokeSession, schema.RevokeSession, ""},
		"exempt in shadow":      {Shadow, at("192.0.2.77"), schema.Observe, schema.Alert, "never_revoke.networks"},
		"weak and exempt":       {Enforce, func(f *schema.Finding) { f.User, f.Conclusive = "ceo", false }, schema.Alert, schema.Alert, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := cfg
			cfg.Mode = Enforce
			p, err := NewPolicy(cfg, map[string]Mode{"parallel-use": c.mode})
			if err != nil {
				t.Fatal(err)
			}
			f := conclusive("h1:k1:a")
			c.change(f)
			if d := DecideAll(p, []schema.Finding{*f}, nil)[0]; d.Decision != c.decision || d.Would != c.would || d.Suppressed != c.suppressed {
				t.Errorf("%s, would %s, suppressed by %q; want %s, %s, %q", d.Decision, d.Would, d.Suppressed, c.decision, c.would, c.suppressed)
			}
		})
	}
}

func TestUnknownRulesMayAlertAndNoMore(t *testing.T) {
	cfg := Defaults()
	cfg.Mode = Enforce
	p, err := NewPolicy(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := DecideAll(p, []schema.Finding{*conclusive("h1:k1:a")}, nil)[0]; d.Decision != schema.Alert {
		t.Error(d.Decision)
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"policy.mode":                      func(c *Config) { c.Mode = "on" },
		"policy.limits.revokes_per_minute": func(c *Config) { c.Limits.RevokesPerMinute = -1 },
		"policy.limits.revokes_per_hour":   func(c *Config) { c.Limits.RevokesPerHour = -1 },
		"policy.limits.percent_of_active":  func(c *Config) { c.Limits.PercentOfActive = 101 },
		"policy.never_revoke.networks":     func(c *Config) { c.NeverRevoke.Networks = []string{"10.0.0.0/33"} },
		"policy.never_revoke.tokens":       func(c *Config) { c.NeverRevoke.Tokens = []string{"raw-canary"} },
		"policy.trusted_networks":          func(c *Config) { c.TrustedNetworks = []string{"office"} },
	} {
		c := Defaults()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", key, err)
		}
	}
	c := Defaults()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if _, err := NewPolicy(c, map[string]Mode{"parallel-use": "loud"}); err == nil || !strings.Contains(err.Error(), "rules.parallel-use.mode") {
		t.Error(err)
	}
}
