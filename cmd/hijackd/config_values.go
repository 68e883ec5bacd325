package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a place in the Config that a key fills.
type value interface {
	// set reads what the YAML or the environment gives; its error says what is wanted and repeats nothing of a secret.
	set(n node) error
	// String is the value as YAML, secrets redacted.
	String() string
	// kind is the word for the type in the documentation.
	kind() string
}

type textValue struct {
	at    *string
	word  string
	check func(string) error
	show  func(string) string
}

func (v textValue) set(n node) error {
	if n.kind != nodeText && n.kind != nodeVariable {
		return fmt.Errorf("want text, got %s%s", n.kind, n.hint())
	}
	if v.check != nil && n.text != "" {
		if err := v.check(n.text); err != nil {
			return err
		}
	}
	*v.at = n.text
	return nil
}

func (v textValue) kind() string { return v.word }

func (v textValue) String() string {
	if v.show != nil {
		return v.show(*v.at)
	}
	return quote(*v.at)
}

func text(at *string, check func(string) error) value {
	return textValue{at: at, word: "text", check: check}
}

func oneOf(at *string, choices ...string) value {
	return textValue{at: at, word: strings.Join(slices.DeleteFunc(slices.Clone(choices), func(s string) bool { return s == "" }), " \\| "),
		check: func(s string) error {
			if !slices.Contains(choices, s) {
				return fmt.Errorf("%s is none of %s", strconv.Quote(s), strings.TrimPrefix(strings.Join(choices, ", "), ", "))
			}
			return nil
		}}
}

// location is a URL; what it shows leaves out user and password.
func location(at *string, schemes ...string) value {
	return textValue{at: at, word: "URL",
		check: func(s string) error {
			u, err := url.Parse(s)
			if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
				return fmt.Errorf("is no URL that begins with %s://", strings.Join(schemes, ":// or "))
			}
			return nil
		},
		show: func(s string) string {
			u, err := url.Parse(s)
			if err != nil {
				return "[redacted]"
			}
			if u.User != nil {
				u.User = url.User("redacted")
			}
			q := u.Query()
			for k := range q {
				q.Set(k, "redacted")
			}
			u.RawQuery = q.Encode()
			return quote(u.String())
		}}
}

type flagValue struct{ at *bool }

func (v flagValue) set(n node) error {
	switch {
	case n.kind != nodeBool && n.kind != nodeVariable:
		return fmt.Errorf("want true or false, got %s", n.kind)
	case n.text != "true" && n.text != "false":
		return errors.New("want true or false")
	}
	*v.at = n.text == "true"
	return nil
}

func (v flagValue) kind() string   { return "true \\| false" }
func (v flagValue) String() string { return strconv.FormatBool(*v.at) }

type intValue struct {
	at       *int
	min, max int
}

func (v intValue) set(n node) error {
	i, err := strconv.Atoi(strings.ReplaceAll(n.text, "_", ""))
	if err != nil || n.kind != nodeNumber && n.kind != nodeVariable {
		return fmt.Errorf("want a whole number, got %s", n.kind)
	}
	if i < v.min || i > v.max {
		return fmt.Errorf("%d is outside %d to %d", i, v.min, v.max)
	}
	*v.at = i
	return nil
}

func (v intValue) kind() string   { return fmt.Sprintf("integer, %d–%d", v.min, v.max) }
func (v intValue) String() string { return strconv.Itoa(*v.at) }

type numberValue struct {
	at       *float64
	min, max float64
	percent  bool
}

func (v numberValue) set(n node) error {
	s := n.text
	if v.percent {
		s = strings.TrimSpace(strings.TrimSuffix(s, "%"))
	}
	f, err := strconv.ParseFloat(s, 64)
	numeric := n.kind == nodeNumber || n.kind == nodeVariable || v.percent && n.kind == nodeText
	if err != nil || math.IsNaN(f) || !numeric {
		return fmt.Errorf("want a number, got %s", n.kind)
	}
	if f < v.min || f > v.max {
		return fmt.Errorf("%g is outside %g to %g", f, v.min, v.max)
	}
	*v.at = f
	return nil
}

func (v numberValue) kind() string {
	if v.percent {
		return fmt.Sprintf("percentage, %g–%g", v.min, v.max)
	}
	return fmt.Sprintf("number, %g–%g", v.min, v.max)
}
func (v numberValue) String() string { return strconv.FormatFloat(*v.at, 'g', -1, 64) }

type durationValue struct {
	at       *time.Duration
	min, max time.Duration
}

func (v durationValue) set(n node) error {
	d, err := time.ParseDuration(n.text)
	if err != nil || n.kind != nodeText && n.kind != nodeVariable {
		return errors.New("want a duration with its unit, such as 10s or 5m")
	}
	if d < v.min || d > v.max {
		return fmt.Errorf("%s is outside %s to %s", shortDuration(d), shortDuration(v.min), shortDuration(v.max))
	}
	*v.at = d
	return nil
}

func (v durationValue) kind() string {
	return "duration, " + shortDuration(v.min) + "–" + shortDuration(v.max)
}
func (v durationValue) String() string { return shortDuration(*v.at) }

// shortDuration is d without the zero units that time.Duration prints: 10m, not 10m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

type sizeValue struct {
	at       *int64
	min, max int64
}

// Longest first: "MiB" ends in "B" too.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

func (v sizeValue) set(n node) error {
	s, unit := n.text, int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n.kind == nodeBool {
		return errors.New("want a size such as 512MiB")
	}
	if i < 0 || i > v.max/unit || i*unit < v.min {
		return fmt.Errorf("%s is outside %s to %s", n.text, shortSize(v.min), shortSize(v.max))
	}
	*v.at = i * unit
	return nil
}

func (v sizeValue) kind() string   { return "size, " + shortSize(v.min) + "–" + shortSize(v.max) }
func (v sizeValue) String() string { return shortSize(*v.at) }

func shortSize(n int64) string {
	for _, u := range []int{2, 1, 0} {
		if b := sizeUnits[u].bytes; n >= b && n%b == 0 {
			return strconv.FormatInt(n/b, 10) + sizeUnits[u].name
		}
	}
	return strconv.FormatInt(n, 10)
}

// listValue is a list of what parse makes of each item.
type listValue[T any] struct {
	at    *[]T
	word  string
	parse func(string) (T, error)
	empty bool // whether it may be empty
	show  func(T) string
}

func (v listValue[T]) set(n node) error {
	items := n.items
	switch n.kind {
	case nodeVariable:
		for item := range strings.SplitSeq(n.text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, node{kind: nodeVariable, text: item})
			}
		}
	case nodeList:
	default:
		return fmt.Errorf("want a list such as [a, b], got %s", n.kind)
	}
	list := make([]T, 0, len(items))
	for _, item := range items {
		if item.kind != nodeText && item.kind != nodeVariable {
			return &lineError{item.line, fmt.Errorf("want a list of text, got %s in it%s", item.kind, item.hint())}
		}
		t, err := v.parse(item.text)
		if err != nil {
			return &lineError{item.line, err}
		}
		list = append(list, t)
	}
	if len(list) == 0 && !v.empty {
		return errors.New("is empty")
	}
	*v.at = list
	return nil
}

func (v listValue[T]) kind() string { return "list of " + v.word }

func (v listValue[T]) String() string {
	shown := make([]string, len(*v.at))
	for i, t := range *v.at {
		shown[i] = v.show(t)
	}
	return "[" + strings.Join(shown, ", ") + "]"
}

func prefixes(at *[]netip.Prefix) value {
	return listValue[netip.Prefix]{at: at, word: "networks", empty: true, show: netip.Prefix.String,
		parse: func(s string) (netip.Prefix, error) {
			if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
				return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
			}
			p, err := netip.ParsePrefix(s)
			if err != nil || p != p.Masked() {
				return p, fmt.Errorf("%s is no network such as 192.0.2.0/24", strconv.Quote(s))
			}
			return p, nil
		}}
}

func texts(at *[]string, word string, empty bool, check func(string) error) value {
	return listValue[string]{at: at, word: word, empty: empty, show: quote,
		parse: func(s string) (string, error) { return s, check(s) }}
}

// lineError is a problem with one item of a list, on a line of its own.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return e.err.Error() }

var plainYAML = regexp.MustCompile(`^[A-Za-z0-9/]([A-Za-z0-9._/:+-]*[A-Za-z0-9._/+-])?$`)

// quote writes s as YAML, quoted only where it must be.
func quote(s string) string {
	_, notNumber := strconv.ParseFloat(s, 64)
	_, notInteger := strconv.ParseInt(s, 0, 64)
	word := strings.ToLower(s)
	if plainYAML.MatchString(s) && notNumber != nil && notInteger != nil && word != "true" && word != "false" && word != "null" {
		return s
	}
	return strconv.Quote(s)
}
