package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect"
)

// Modes of a rule, weakest first: off doesn't run it, shadow records, alert tells people, enforce responds.
var Modes = []string{"off", "shadow", "alert", "enforce"}

// Config is the section rules of the configuration, complete and valid.
type Config map[string]Setting

// Setting is how one rule is set.
type Setting struct {
	Mode string
	detect.Settings
}

// Default is the configuration without any key set.
func Default() Config {
	c, err := Decode(nil)
	if err != nil {
		panic(err) // the catalogue contradicts itself; a test decodes it
	}
	return c
}

// Decode reads the section rules as a YAML or JSON decoder gives it: per rule its mode and keys. Durations are texts such as "10m".
// An error names the rule and the key.
func Decode(section map[string]any) (Config, error) {
	for _, name := range slices.Sorted(maps.Keys(section)) {
		if Named(name) == nil {
			return nil, fmt.Errorf("rules.%s: no such rule (there are %s)", name, names())
		}
	}
	c := Config{}
	for _, r := range All {
		given, err := object(section[r.Name])
		if err != nil {
			return nil, fmt.Errorf("rules.%s: %w", r.Name, err)
		}
		s, err := setting(r, given)
		if err != nil {
			return nil, fmt.Errorf("rules.%s.%w", r.Name, err)
		}
		c[r.Name] = s
	}
	return c, nil
}

// Running returns the rules that are not off, each with its judge.
func (c Config) Running() []detect.Running {
	var run []detect.Running
	for _, r := range All {
		if s, ok := c[r.Name]; ok && s.Mode != "off" {
			run = append(run, running(r, s.Settings))
		}
	}
	return run
}

func running(r *detect.Rule, s detect.Settings) detect.Running {
	run := detect.Running{Rule: r}
	if r.New != nil {
		run.Judge = r.New(s)
	}
	if r.NewSubject != nil {
		run.Subject = r.NewSubject(s)
	}
	if r.NewApp != nil {
		run.App = r.NewApp(s)
	}
	return run
}

func setting(r *detect.Rule, given map[string]any) (Setting, error) {
	s := Setting{Mode: r.DefaultMode, Settings: detect.Settings{Values: map[string]any{}, Apps: map[string]map[string]any{}}}
	keys := map[string]*detect.Key{}
	for i := range r.Keys {
		k := &r.Keys[i]
		keys[k.Name] = k
		if k.Default != nil {
			s.Values[k.Name] = k.Default
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v, k := given[name], keys[name]
		switch {
		case name == "mode":
			mode, ok := v.(string)
			if !ok || !slices.Contains(Modes, mode) {
				return s, fmt.Errorf("mode: must be one of %s", strings.Join(Modes, ", "))
			}
			s.Mode = mode
		case k == nil:
			return s, fmt.Errorf("%s: no such key (there are mode, %s)", name, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		case k.PerApp != nil:
			apps, err := perApp(k, keys, v)
			if err != nil {
				return s, fmt.Errorf("%s%w", name, err)
			}
			s.Apps = apps
		default:
			x, err := value(k, v)
			if err != nil {
				return s, fmt.Errorf("%s: %w", name, err)
			}
			s.Values[name] = x
		}
	}
	return s, nil
}

func perApp(k *detect.Key, keys map[string]*detect.Key, v any) (map[string]map[string]any, error) {
	given, err := object(v)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	apps := map[string]map[string]any{}
	for _, app := range slices.Sorted(maps.Keys(given)) {
		set, err := object(given[app])
		if err != nil {
			return nil, fmt.Errorf(".%s: %w", app, err)
		}
		apps[app] = map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(set)) {
			if !slices.Contains(k.PerApp, name) {
				return nil, fmt.Errorf(".%s.%s: no such key (there are %s)", app, name, strings.Join(k.PerApp, ", "))
			}
			if apps[app][name], err = value(keys[name], set[name]); err != nil {
				return nil, fmt.Errorf(".%s.%s: %w", app, name, err)
			}
		}
	}
	return apps, nil
}

func object(v any) (map[string]any, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("must be an object of keys, not %s", kind(v))
	}
	return m, nil
}

// value reads a key's value in the type of its default.
func value(k *detect.Key, v any) (any, error) {
	switch k.Default.(type) {
	case time.Duration:
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("must be a duration such as \"10s\", not %s", kind(v))
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			return nil, fmt.Errorf("must be a duration such as \"10s\", not %q", s)
		}
		return d, within(k, d.Seconds(), " seconds")
	case int:
		n, ok := number(v)
		if !ok || n != math.Trunc(n) {
			return nil, fmt.Errorf("must be a whole number, not %s", kind(v))
		}
		return int(n), within(k, n, "")
	case []string:
		return texts(v)
	default:
		n, ok := number(v)
		if !ok {
			return nil, fmt.Errorf("must be a number, not %s", kind(v))
		}
		return n, within(k, n, "")
	}
}

// texts reads a list of texts, or one text with commas or spaces between them.
func texts(v any) ([]string, error) {
	list := []string{}
	switch x := v.(type) {
	case string:
		list = strings.FieldsFunc(x, func(r rune) bool { return r == ',' || r == ' ' })
	case []any:
		for _, item := range x {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("must be a list of texts, not of %s", kind(item))
			}
			list = append(list, s)
		}
	default:
		return nil, fmt.Errorf("must be a list of texts, not %s", kind(v))
	}
	return list, nil
}

func within(k *detect.Key, x float64, unit string) error {
	if !(x >= k.Min && x <= k.Max) {
		return fmt.Errorf("must be from %v to %v%s, not %v", k.Min, k.Max, unit, x)
	}
	return nil
}

func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

func kind(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("the text %q", x)
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprint(v)
}

func names() string {
	var all []string
	for _, r := range All {
		all = append(all, r.Name)
	}
	return strings.Join(all, ", ")
}
