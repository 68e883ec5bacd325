package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/rules"
)

func TestDecode(t *testing.T) {
	c, err := rules.Decode(map[string]any{
		"impossible-travel": map[string]any{"mode": "alert", "max_kmh": 900, "min_km": uint64(50)},
		"parallel-use":      nil,
		"revoked-replay":    map[string]any{"grace": "5s", "per_app": map[string]any{"shop": map[string]any{"grace": "1m"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	travel, replay := c["impossible-travel"], c["revoked-replay"]
	if travel.Mode != "alert" || travel.Float("max_kmh") != 900 || travel.Float("min_km") != 50 {
		t.Errorf("impossible-travel: %+v", travel)
	}
	if got := c["parallel-use"].Duration("window", ""); got != 5*time.Minute || c["parallel-use"].Mode != "enforce" {
		t.Errorf("defaults of parallel-use: %v", c["parallel-use"])
	}
	for app, want := range map[string]time.Duration{"shop": time.Minute, "": 5 * time.Second, "mail": 5 * time.Second} {
		if got := replay.Duration("grace", app); got != want {
			t.Errorf("grace of app %q: %v, want %v", app, got, want)
		}
	}
	if got := replay.Duration("rotation_grace", "shop"); got != 30*time.Second {
		t.Errorf("rotation_grace of shop: %v", got)
	}
}

func TestDecodeNamesRuleAndKey(t *testing.T) {
	of := func(rule string, keys map[string]any) map[string]any { return map[string]any{rule: keys} }
	for want, section := range map[string]map[string]any{
		"rules.imposible-travel: no such rule":                     of("imposible-travel", nil),
		"rules.parallel-use: must be an object":                    {"parallel-use": 3},
		"rules.parallel-use.windw: no such key":                    of("parallel-use", map[string]any{"windw": "5m"}),
		"rules.parallel-use.window: must be a duration":            of("parallel-use", map[string]any{"window": 5}),
		"rules.parallel-use.window: must be from 1 to 3600 second": of("parallel-use", map[string]any{"window": "2h"}),
		"rules.parallel-use.interleavings: must be a whole number": of("parallel-use", map[string]any{"interleavings": 1.5}),
		"rules.parallel-use.mode: must be one of off, shadow":      of("parallel-use", map[string]any{"mode": "on"}),
		"rules.impossible-travel.max_kmh: must be a number":        of("impossible-travel", map[string]any{"max_kmh": "fast"}),
		"rules.impossible-travel.max_kmh: must be from 1":          of("impossible-travel", map[string]any{"max_kmh": 0.0}),
		"rules.revoked-replay.per_app.shop.window: no such key":    of("revoked-replay", map[string]any{"per_app": map[string]any{"shop": map[string]any{"window": "1s"}}}),
		"rules.revoked-replay.per_app.shop.grace: must be a dura":  of("revoked-replay", map[string]any{"per_app": map[string]any{"shop": map[string]any{"grace": true}}}),
		"rules.revoked-replay.per_app.shop: must be an object":     of("revoked-replay", map[string]any{"per_app": map[string]any{"shop": "10s"}}),
	} {
		if _, err := rules.Decode(section); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

func TestOffIsNotRunning(t *testing.T) {
	c, err := rules.Decode(map[string]any{"parallel-use": map[string]any{"mode": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Running() {
		if r.Rule.Name == "parallel-use" {
			t.Error("a rule that is off runs")
		}
	}
	if got := len(c.Running()); got != len(rules.All)-1 {
		t.Errorf("rules running: %d", got)
	}
}
