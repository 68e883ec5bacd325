package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// RulesConfig is the section rules.
type RulesConfig struct {
	ImpossibleTravel ImpossibleTravelConfig
	ParallelUse      ParallelUseConfig
	RevokedReplay    RevokedReplayConfig
	// Modes holds each rule's own mode: off, shadow, alert or enforce, under the ceiling of policy.mode.
	Modes map[string]string
}

// ImpossibleTravelConfig holds the thresholds of impossible-travel, in km/h and km.
type ImpossibleTravelConfig struct{ MaxKMH, MinKM float64 }

// ParallelUseConfig holds the thresholds of parallel-use.
type ParallelUseConfig struct {
	Window              time.Duration
	Interleavings       int
	InterleavingsDevice int
	MaxVantages         int
}

// RevokedReplayConfig holds the graces of revoked-replay.
type RevokedReplayConfig struct {
	Grace, RotationGrace time.Duration
	PerApp               map[string]time.Duration // overrides Grace
}

var modes = []string{"off", "shadow", "alert", "enforce"}

// laterRules are the rules of the catalogue that are not built yet, each with its default mode and the keys that it will read.
var laterRules = []struct{ name, mode, keys string }{
	{"device-change", "alert", ""}, {"network-change", "shadow", ""}, {"anonymizer", "alert", ""}, {"scripted-client", "alert", ""},
	{"binding-failed", "enforce", ""}, {"two-users", "enforce", ""}, {"fixation", "enforce", ""}, {"not-rotated", "shadow", ""},
	{"resurrection", "alert", ""}, {"beacon", "alert", "min_intervals max_jitter"}, {"sensitive-stale-auth", "alert", "max_age"},
	{"multi-login", "shadow", "max_sessions"}, {"new-country", "shadow", "learn_days learn_sessions"},
	{"new-device", "shadow", "learn_days learn_sessions"}, {"token-harvest", "enforce", "users window"},
	{"guessing", "alert", "tokens window"}, {"login-spike", "alert", "factor min"}, {"never-issued", "alert", "min_started_share"},
	{"idle-timeout", "alert", "max"}, {"absolute-timeout", "alert", "max"}, {"no-renewal", "alert", "max"}, {"cleartext", "alert", ""},
	{"weak-token", "alert", "min_bits"}, {"scope", "alert", ""}, {"raw-token", "alert", ""}, {"clock-skew", "alert", "max"},
}

func (r *RulesConfig) bound() []key {
	if r.Modes == nil {
		r.Modes = map[string]string{}
	}
	table := []key{
		r.mode("impossible-travel", "enforce"),
		{path: "rules.impossible-travel.max_kmh", def: "1000", value: numberValue{&r.ImpossibleTravel.MaxKMH, 1, 1e6, false}, doc: "Fastest travel that is believed, km/h."},
		{path: "rules.impossible-travel.min_km", def: "100", value: numberValue{&r.ImpossibleTravel.MinKM, 0, 20_000, false}, doc: "Distances below this are never judged, km."},
		r.mode("parallel-use", "enforce"),
		{path: "rules.parallel-use.window", def: "5m", value: durationValue{&r.ParallelUse.Window, time.Second, time.Hour}, doc: "Uses closer than this are parallel."},
		{path: "rules.parallel-use.interleavings", def: "2", value: intValue{&r.ParallelUse.Interleavings, 1, 100}, doc: "Returns to a vantage that fire when only the network differs."},
		{path: "rules.parallel-use.interleavings_device", def: "1", value: intValue{&r.ParallelUse.InterleavingsDevice, 1, 100}, doc: "Returns to a vantage that fire when the device differs too."},
		{path: "rules.parallel-use.max_vantages", def: "3", value: intValue{&r.ParallelUse.MaxVantages, 1, 100}, doc: "More vantages than this active at once fire without a return."},
		r.mode("revoked-replay", "enforce"),
		{path: "rules.revoked-replay.grace", def: "10s", value: durationValue{&r.RevokedReplay.Grace, 0, time.Hour}, doc: "Uses this soon after an end or revocation were in flight."},
		{path: "rules.revoked-replay.rotation_grace", def: "30s", value: durationValue{&r.RevokedReplay.RotationGrace, 0, time.Hour}, doc: "The same after a rotation, for the immediate predecessor."},
		{path: "rules.revoked-replay.per_app", value: perAppValue{&r.RevokedReplay.PerApp}, doc: "Grace by app, where it differs."},
	}
	for _, rule := range laterRules {
		pending := "this rule is not built yet: it finds nothing"
		mode := r.mode(rule.name, rule.mode)
		mode.pending = pending
		table = append(table, mode)
		for name := range strings.FieldsSeq(rule.keys) {
			table = append(table, key{path: "rules." + rule.name + "." + name, value: laterValue{new(string)}, doc: "Read by a rule that is not built yet.", pending: pending})
		}
	}
	return table
}

func (r *RulesConfig) mode(rule, def string) key {
	return key{path: "rules." + rule + ".mode", def: def, value: modeValue{r.Modes, rule},
		doc: "What the rule may do, under the ceiling of `policy.mode`."}
}

type modeValue struct {
	modes map[string]string
	rule  string
}

func (v modeValue) set(n node) error {
	mode := v.modes[v.rule]
	if err := oneOf(&mode, modes...).set(n); err != nil {
		return err
	}
	v.modes[v.rule] = mode
	return nil
}

func (v modeValue) kind() string   { return strings.Join(modes, " \\| ") }
func (v modeValue) String() string { return v.modes[v.rule] }

// perAppValue maps apps to durations: a mapping in YAML, "shop=30s,admin=0s" in the environment.
type perAppValue struct{ at *map[string]time.Duration }

func (v perAppValue) set(n node) error {
	entries := n.entries
	switch n.kind {
	case nodeVariable:
		for item := range strings.SplitSeq(n.text, ",") {
			app, d, ok := strings.Cut(strings.TrimSpace(item), "=")
			if !ok {
				return errors.New("want app=duration, separated by commas")
			}
			entries = append(entries, entry{key: app, value: node{kind: nodeVariable, text: d}})
		}
	case nodeMapping:
	default:
		return fmt.Errorf("want a mapping such as {shop: 30s}, got %s", n.kind)
	}
	m := make(map[string]time.Duration, len(entries))
	for _, e := range entries {
		var d time.Duration
		if err := (durationValue{&d, 0, time.Hour}).set(e.value); err != nil {
			return &lineError{e.line, fmt.Errorf("%s: %w", e.key, err)}
		}
		m[e.key] = d
	}
	*v.at = m
	return nil
}

func (v perAppValue) kind() string { return "durations by app" }

func (v perAppValue) String() string {
	items := make([]string, 0, len(*v.at))
	for _, app := range slices.Sorted(maps.Keys(*v.at)) {
		items = append(items, quote(app)+": "+shortDuration((*v.at)[app]))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// laterValue is kept for printing and read by nothing.
type laterValue struct{ at *string }

func (v laterValue) set(n node) error {
	if n.kind == nodeList || n.kind == nodeMapping {
		return fmt.Errorf("want a single value, got %s", n.kind)
	}
	*v.at = n.text
	return nil
}

func (v laterValue) kind() string   { return "not read yet" }
func (v laterValue) String() string { return quote(*v.at) }
