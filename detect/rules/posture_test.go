package rules_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/rules"
)

// TestPoliciesAreOffUntilSet: a limit holds for an app that is configured, or for all apps, and else for none.
func TestPoliciesAreOffUntilSet(t *testing.T) {
	decode := func(rule string, keys map[string]any) rules.Setting {
		c, err := rules.Decode(map[string]any{rule: keys})
		if err != nil {
			t.Fatal(err)
		}
		return c[rule]
	}
	for _, rule := range []string{"idle-timeout", "absolute-timeout", "no-renewal"} {
		for _, c := range []struct {
			name       string
			keys       map[string]any
			shop, mail time.Duration
		}{
			{"nothing", nil, 0, 0},
			{"for an app", map[string]any{"per_app": map[string]any{"shop": map[string]any{"max": "20m"}}}, 20 * time.Minute, 0},
			{"for all, an app apart", map[string]any{"max": "1h", "per_app": map[string]any{"shop": map[string]any{"max": "0s"}}}, 0, time.Hour},
			{"for all", map[string]any{"max": "15m"}, 15 * time.Minute, 15 * time.Minute},
		} {
			s := decode(rule, c.keys)
			if shop, mail := s.Duration("max", "shop"), s.Duration("max", "mail"); shop != c.shop || mail != c.mail {
				t.Errorf("%s set %s: shop %v, mail %v", rule, c.name, shop, mail)
			}
		}
	}
}

func TestLists(t *testing.T) {
	c, err := rules.Decode(map[string]any{"scope": map[string]any{
		"hosts":   []any{"a.example.com", "b.example.com"},
		"per_app": map[string]any{"shop": map[string]any{"hosts": "shop.example.com, *.shop.example.com", "apps": "checkout"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := c["scope"]
	for what, got := range map[string]bool{
		"hosts of shop": slices.Equal(s.Texts("hosts", "shop"), []string{"shop.example.com", "*.shop.example.com"}),
		"hosts of mail": slices.Equal(s.Texts("hosts", "mail"), []string{"a.example.com", "b.example.com"}),
		"apps of shop":  slices.Equal(s.Texts("apps", "shop"), []string{"checkout"}),
		"apps of mail":  len(s.Texts("apps", "mail")) == 0,
	} {
		if !got {
			t.Errorf("%s: %+v", what, s)
		}
	}
	for _, bad := range []any{3, map[string]any{}, []any{"a", 3}} {
		if _, err := rules.Decode(map[string]any{"scope": map[string]any{"hosts": bad}}); err == nil || !strings.Contains(err.Error(), "rules.scope.hosts: must be a list of texts") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
