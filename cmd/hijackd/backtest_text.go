package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// text writes a report: what was judged, what was found by rule, what would be done, and each finding with its arithmetic.
func (v *verdict) text(w io.Writer, in *input) error {
	out := bufio.NewWriter(w)
	in.text(out, v.folds)
	_, _ = fmt.Fprintf(out, "%s\n", counted(len(v.findings), "finding"))
	if len(v.findings) > 0 {
		v.byRule(out)
		v.outlook(out, in)
		list(out, "users", top(v.findings, userOf))
		list(out, "networks", top(v.findings, networkOf))
	}
	for i := range v.findings {
		_, _ = fmt.Fprint(out, "\n"+describe(&v.findings[i]))
	}
	return out.Flush()
}

// text says what was judged, and what it took to keep.
func (in *input) text(w io.Writer, kept *detect.Folds) {
	_, _ = fmt.Fprintf(w, "%s judged", counted(in.events, "event"))
	if in.events > 0 {
		_, _ = fmt.Fprintf(w, ", from %s to %s: %s of %s, %.1f MB of state", stamp(in.earliest), stamp(in.latest), counted(kept.Tokens.Len(), "token"),
			counted(len(in.users), "user"), float64(kept.Bytes())/1e6)
	}
	_, _ = fmt.Fprintln(w)
}

// byRule writes a line per rule and severity.
func (v *verdict) byRule(w io.Writer) {
	_, _ = fmt.Fprintf(w, "\n  %-21s %-9s %-8s %8s  %-24s %s\n", "rule", "severity", "mode", "findings", "decision", "would")
	for _, t := range v.tallies() {
		_, _ = fmt.Fprintf(w, "  %-21s %-9s %-8s %8s  %-24s %s\n", t.rule, t.severity, t.mode, grouped(t.found), shares(t.decisions), shares(t.would))
	}
}

// decisions in the order in which they are shown.
var decisions = []schema.Decision{
	schema.RevokeUser, schema.RevokeSession, schema.BlockIP, schema.StepUp, schema.Restrict, schema.Alert, schema.Observe,
}

func shares(counts map[schema.Decision]int) string {
	var parts []string
	for _, d := range decisions {
		if n := counts[d]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", d, grouped(n)))
		}
	}
	return strings.Join(parts, ", ")
}

// outlook says what would be done under three ceilings: the one configured, policy.mode at enforce, and every rule at enforce too.
func (v *verdict) outlook(w io.Writer, in *input) {
	_, _ = fmt.Fprintf(w, "\nWhat would be done\n")
	line := func(how string, findings []schema.Finding) {
		rs := revocations(findings)
		_, _ = fmt.Fprintf(w, "  %-46s %s of %s, %s%s\n", how+":", counted(len(rs), "revocation"), counted(len(affected(rs)), "user"),
			counted(alerts(findings), "alert"), in.daily(alerts(findings)))
	}
	line(fmt.Sprintf("as configured (policy.mode: %s)", v.ceiling), v.findings)
	if v.ceiling != actions.Enforce {
		line("with policy.mode: enforce, rules as configured", v.enforced)
	}
	most := slices.Clone(v.findings)
	for i := range most {
		most[i].Decision = most[i].Would
	}
	line("with every rule at enforce (\"would\")", most)
	for i, r := range revocations(v.enforced) {
		if i == 0 {
			_, _ = fmt.Fprintf(w, "\nSessions to revoke with policy.mode: enforce\n")
		}
		_, _ = fmt.Fprintf(w, "  %s  %s  %s  %s\n", r.Time.UTC().Format("2006-01-02 15:04:05Z"), schema.CleanText(r.Token, 80), schema.CleanText(r.User, 80), r.Rule)
	}
}

// daily is a count as a rate, where the events last for a day.
func (in *input) daily(n int) string {
	span := time.Duration(in.latest - in.earliest)
	if span < 24*time.Hour || n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.1f a day)", float64(n)/(span.Hours()/24))
}

func list(w io.Writer, what string, top []ranking) {
	if len(top) == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "\nMost findings, by %s\n", strings.TrimSuffix(what, "s"))
	for _, r := range top {
		_, _ = fmt.Fprintf(w, "  %8s  %s\n", grouped(r.found), schema.CleanText(r.name, 80))
	}
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05Z") }

// describe is a finding for people, in a few lines.
func describe(f *schema.Finding) string {
	var b strings.Builder
	sure := "suspicion"
	if f.Conclusive {
		sure = "conclusive"
	}
	_, _ = fmt.Fprintf(&b, "%s  %s  %s  %s (%.2f)\n", f.Time.UTC().Format("2006-01-02 15:04:05.000Z"), f.Rule, f.Severity, sure, f.Confidence)
	_, _ = fmt.Fprintf(&b, "  %s\n", schema.CleanText(f.Summary, 400))
	_, _ = fmt.Fprintf(&b, "  %s\n", schema.CleanText(about(f), 400))
	_, _ = fmt.Fprintf(&b, "  decision %s, would %s%s\n", f.Decision, f.Would, suppressed(f))
	_, _ = fmt.Fprintf(&b, "%s\n", wrap("because "+operands(f), "  ", ruleWidth))
	return b.String()
}

// about names what a finding is about: its subject, its user, its token.
func about(f *schema.Finding) string {
	var who []string
	if f.Scope != schema.ScopeToken && f.Scope != schema.ScopeUser {
		who = append(who, string(f.Scope)+" "+f.Subject)
	}
	user := f.User
	if f.Scope == schema.ScopeUser {
		user = f.Subject
	}
	if user != "" {
		who = append(who, "user "+user)
	}
	if f.Token != "" {
		who = append(who, "token "+f.Token)
	}
	if len(f.Targets) > 0 {
		who = append(who, counted(len(f.Targets), "token")+" to respond to")
	}
	return strings.Join(who, ", ")
}

func suppressed(f *schema.Finding) string {
	if f.Suppressed == "" {
		return ""
	}
	return ", suppressed by " + f.Suppressed
}

// operands lists the numbers and words of a finding's evidence, sorted by name, and the signals that its confidence was made of.
func operands(f *schema.Finding) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f.Evidence)) {
		switch v := f.Evidence[name].(type) {
		case nil, map[string]any:
			continue
		case float64:
			parts = append(parts, fmt.Sprintf("%s=%.6g", name, v))
		case string:
			if name != "about" {
				parts = append(parts, name+"="+string(schema.CleanText(v, 80)))
			}
		default:
			parts = append(parts, name+"="+short(v))
		}
	}
	for _, s := range f.Signals {
		parts = append(parts, fmt.Sprintf("p(%s)=%.2g", s.Signal, s.P))
	}
	return strings.Join(parts, " ")
}

// short is an operand that is no text and no number: a list or an object, in so many bytes at most.
func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(schema.CleanText(string(text), 120))
}
