package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
)

// boundRules is the part of the table that the catalogue of rules gives.
func (c *Config) boundRules() []key {
	if c.Rules == nil {
		c.Rules = rules.Default()
	}
	var table []key
	for _, rule := range rules.All {
		table = append(table, c.responseKeys(rule.Name)...)
		table = append(table, modeKey(c.Rules, rule.Name, rule.DefaultMode))
		for _, k := range rule.Keys {
			table = append(table, settingKey(c.Rules, rule, k))
		}
	}
	return table
}

func modeKey(c rules.Config, rule, def string) key {
	if c[rule].Mode == "" {
		s := c[rule]
		s.Mode = def
		c[rule] = s
	}
	return key{path: "rules." + rule + ".mode", def: def, value: modeValue{c, rule},
		doc: "What the rule may do, under the ceiling of `policy.mode`."}
}

func settingKey(c rules.Config, rule *detect.Rule, k detect.Key) key {
	s := c[rule.Name]
	out := key{path: "rules." + rule.Name + "." + k.Name, doc: sentence(k.Doc)}
	if k.Default == nil {
		out.value = perAppValue{s.Apps, rule.Keys, k.PerApp}
		return out
	}
	out.value = settingValue{s.Values, k}
	out.def = settingString(k, k.Default)
	if list, ok := k.Default.([]string); ok {
		out.def = strings.Join(list, ",")
	}
	return out
}

// sentence makes one of a phrase.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

type modeValue struct {
	rules rules.Config
	rule  string
}

func (v modeValue) set(n node) error {
	s := v.rules[v.rule]
	if err := oneOf(&s.Mode, rules.Modes...).set(n); err != nil {
		return err
	}
	if s.Mode == "" {
		return errors.New("is empty")
	}
	v.rules[v.rule] = s
	return nil
}

func (v modeValue) kind() string   { return strings.Join(rules.Modes, " \\| ") }
func (v modeValue) String() string { return v.rules[v.rule].Mode }

// settingValue is one key of a rule, kept among its settings.
type settingValue struct {
	values map[string]any
	key    detect.Key
}

func (v settingValue) set(n node) error {
	switch v.key.Default.(type) {
	case []string:
		if n.kind == nodeText || n.kind == nodeVariable { // where commas separate apps, spaces separate the items of a list
			n = node{kind: nodeVariable, text: strings.ReplaceAll(n.text, " ", ","), line: n.line}
		}
		return setAs(v, n, func(at *[]string) value { return texts(at, "text", true, func(string) error { return nil }) })
	case time.Duration:
		return setAs(v, n, func(at *time.Duration) value { return durationValue{at, seconds(v.key.Min), seconds(v.key.Max)} })
	case int:
		return setAs(v, n, func(at *int) value { return intValue{at, int(v.key.Min), int(v.key.Max)} })
	default:
		return setAs(v, n, func(at *float64) value { return numberValue{at, v.key.Min, v.key.Max, false} })
	}
}

func setAs[T any](v settingValue, n node, at func(*T) value) error {
	var t T
	if err := at(&t).set(n); err != nil {
		return err
	}
	v.values[v.key.Name] = t
	return nil
}

func (v settingValue) kind() string {
	switch v.key.Default.(type) {
	case time.Duration:
		return durationValue{nil, seconds(v.key.Min), seconds(v.key.Max)}.kind()
	case int:
		return intValue{nil, int(v.key.Min), int(v.key.Max)}.kind()
	case []string:
		return "list of text"
	}
	return numberValue{nil, v.key.Min, v.key.Max, false}.kind()
}

func (v settingValue) String() string { return settingString(v.key, v.values[v.key.Name]) }

func settingString(k detect.Key, v any) string {
	if d, ok := v.(time.Duration); ok {
		return shortDuration(d)
	}
	if list, ok := v.([]string); ok {
		return texts(&list, "text", true, nil).String()
	}
	return fmt.Sprint(v)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// perAppValue overrides some keys of a rule by app: {shop: {grace: 30s}} in YAML, "shop.grace=30s" in the environment.
type perAppValue struct {
	apps  map[string]map[string]any
	keys  []detect.Key
	names []string // of the keys that may be overridden
}

func (v perAppValue) set(n node) error {
	clear(v.apps)
	switch n.kind {
	case nodeMapping:
		for _, app := range n.entries {
			if app.value.kind != nodeMapping {
				return &lineError{app.line, fmt.Errorf("%s: want a mapping such as {%s: …}, got %s", app.key, v.names[0], app.value.kind)}
			}
			for _, e := range app.value.entries {
				if err := v.override(app.key, e.key, e.value); err != nil {
					return &lineError{e.line, err}
				}
			}
		}
		return nil
	case nodeVariable:
		for item := range strings.SplitSeq(n.text, ",") {
			path, text, ok := strings.Cut(strings.TrimSpace(item), "=")
			dot := strings.LastIndexByte(path, '.')
			if !ok || dot < 1 {
				return errors.New("want app.key=value, separated by commas")
			}
			if err := v.override(path[:dot], path[dot+1:], node{kind: nodeVariable, text: text}); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("want a mapping such as {shop: {%s: …}}, got %s", v.names[0], n.kind)
}

func (v perAppValue) override(app, name string, n node) error {
	i := slices.IndexFunc(v.keys, func(k detect.Key) bool { return k.Name == name })
	if i < 0 || !slices.Contains(v.names, name) {
		return fmt.Errorf("%s.%s: unknown key; per app there is %s", app, name, strings.Join(v.names, ", "))
	}
	if v.apps[app] == nil {
		v.apps[app] = map[string]any{}
	}
	if err := (settingValue{v.apps[app], v.keys[i]}).set(n); err != nil {
		return fmt.Errorf("%s.%s: %w", app, name, err)
	}
	return nil
}

func (v perAppValue) kind() string { return strings.Join(v.names, ", ") + " by app" }

func (v perAppValue) String() string {
	apps := make([]string, 0, len(v.apps))
	for _, app := range slices.Sorted(maps.Keys(v.apps)) {
		settings := make([]string, 0, len(v.names))
		for _, k := range v.keys {
			if s, ok := v.apps[app][k.Name]; ok {
				settings = append(settings, k.Name+": "+settingString(k, s))
			}
		}
		apps = append(apps, quote(app)+": {"+strings.Join(settings, ", ")+"}")
	}
	return "{" + strings.Join(apps, ", ") + "}"
}
