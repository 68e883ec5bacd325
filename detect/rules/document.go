package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect"
)

// Doc is the documentation of a rule as Markdown, or "" for a name that no rule has.
func Doc(name string) string {
	r := Named(name)
	if r == nil {
		return ""
	}
	var b strings.Builder
	document(&b, r)
	return b.String()
}

// Catalogue is the documentation of all rules as Markdown: docs/rules.md.
func Catalogue() string {
	var b strings.Builder
	b.WriteString("# Rules\n\nGenerated from the rules themselves by `go generate ./detect/rules`; `hijackd rules NAME` prints one.\n\n")
	b.WriteString("Every rule has a key `mode` (off, shadow, alert or enforce) beside its own, all under `rules.NAME`; `policy.mode` is the most that any rule may do. ")
	b.WriteString("Durations are texts such as `10s` or `5m`. Times are event times; event order is (time, id).\n\n")
	b.WriteString("| rule | finds | severity | default mode |\n|---|---|---|---|\n")
	for _, r := range All {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.Name, r.Name, lower(r.Title), r.Severity, r.DefaultMode)
	}
	for _, r := range All {
		b.WriteString("\n")
		document(&b, r)
	}
	return b.String()
}

func document(b *strings.Builder, r *detect.Rule) {
	fmt.Fprintf(b, "## %s\n\n%s.\n\n", r.Name, r.Title)
	fmt.Fprintf(b, "Version %d · severity %s · default mode %s · ATT&CK %s\n\n", r.Version, r.Severity, r.DefaultMode, techniques(r))
	fmt.Fprintf(b, "**Why.** %s\n\n**How it is computed.** %s\n\n", r.Why, r.Method)
	if len(r.Keys) > 0 {
		b.WriteString("**Thresholds.**\n\n| key | default | range | meaning |\n|---|---|---|---|\n")
		for i := range r.Keys {
			k := &r.Keys[i]
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Name, shown(k.Default), bounds(k), k.Doc)
		}
		b.WriteString("\n")
	}
	b.WriteString("**Known false positives.**\n\n")
	for _, s := range r.KnownFalsePositives {
		fmt.Fprintf(b, "- %s\n", s)
	}
	fmt.Fprintf(b, "\n**What to do.** %s\n\n**Example.** %s\n", r.Response, r.Example)
	if example := Finding(r.Name); example != "" {
		fmt.Fprintf(b, "\n```json\n%s```\n", example)
	}
}

// techniques links a rule's techniques.
func techniques(r *detect.Rule) string {
	var all []string
	for _, t := range r.Attack {
		all = append(all, fmt.Sprintf("[%s](https://attack.mitre.org/techniques/%s/)", t, strings.ReplaceAll(t, ".", "/")))
	}
	return strings.Join(all, ", ")
}

func shown(v any) string {
	switch x := v.(type) {
	case nil:
		return "`{}`"
	case time.Duration:
		s := x.String()
		if strings.HasSuffix(s, "m0s") {
			s = s[:len(s)-2]
		}
		return "`" + s + "`"
	}
	if x, ok := v.([]string); ok {
		return "`[" + strings.Join(x, ", ") + "]`"
	}
	return fmt.Sprintf("`%v`", v)
}

func bounds(k *detect.Key) string {
	switch k.Default.(type) {
	case nil:
		return strings.Join(k.PerApp, ", ")
	case time.Duration:
		return fmt.Sprintf("%v–%v s", k.Min, k.Max)
	case []string:
		return "list"
	}
	return fmt.Sprintf("%v–%v", k.Min, k.Max)
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }
