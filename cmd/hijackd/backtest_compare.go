package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// difference is one thing that another configuration changes: a finding, or what policy.mode enforce would do, which is a revocation or a
// user affected by some. Of a finding that changes, From is as the first configuration has it.
type difference struct {
	Change     string          `json:"change"` // appears, disappears or changes
	What       string          `json:"what"`   // finding, revocation or user
	ID         string          `json:"id,omitempty"`
	Fields     []string        `json:"fields,omitempty"` // that change
	Finding    *schema.Finding `json:"finding,omitempty"`
	From       *schema.Finding `json:"from,omitempty"`
	Revocation *revokedSession `json:"revocation,omitempty"`
	Tenant     string          `json:"tenant,omitempty"`
	User       string          `json:"user,omitempty"`
}

const (
	appears    = "appears"
	disappears = "disappears"
	changes    = "changes"
)

// differences lists what appears, disappears and changes from a to b: findings by (time, id), then revocations, then users.
func differences(a, b *verdict) []difference {
	all := findingDifferences(a.findings, b.findings)
	before, after := revocations(a.enforced), revocations(b.enforced)
	compare(before, after, revokedSession.life, func(change string, r *revokedSession) {
		all = append(all, difference{Change: change, What: "revocation", Revocation: r})
	})
	compare(affected(before), affected(after), func(u [2]string) [2]string { return u }, func(change string, u *[2]string) {
		all = append(all, difference{Change: change, What: "user", Tenant: u[0], User: u[1]})
	})
	return all
}

// compare calls each with what only a has, and then with what only b has.
func compare[T any, K comparable](a, b []T, key func(T) K, each func(change string, v *T)) {
	only := func(change string, all, others []T) {
		known := make(map[K]bool, len(others))
		for _, o := range others {
			known[key(o)] = true
		}
		for i := range all {
			if !known[key(all[i])] {
				each(change, &all[i])
			}
		}
	}
	only(disappears, a, b)
	only(appears, b, a)
}

func findingDifferences(a, b []schema.Finding) []difference {
	var all []difference
	id := func(f schema.Finding) string { return f.ID }
	compare(a, b, id, func(change string, f *schema.Finding) {
		all = append(all, difference{Change: change, What: "finding", ID: f.ID, Finding: f})
	})
	before := make(map[string]*schema.Finding, len(a))
	for i := range a {
		before[a[i].ID] = &a[i]
	}
	for i := range b {
		f, from := &b[i], before[b[i].ID]
		if from == nil {
			continue
		}
		if fields := changed(from, f); fields != nil {
			all = append(all, difference{Change: changes, What: "finding", ID: f.ID, Fields: fields, Finding: f, From: from})
		}
	}
	slices.SortFunc(all, func(x, y difference) int {
		return cmp.Or(x.Finding.Time.Compare(y.Finding.Time), cmp.Compare(x.ID, y.ID))
	})
	return all
}

// facets are what a finding is compared by: how grave and how sure it is, what completes it, and what follows. Evidence is not among
// them: it holds the thresholds, which is what configurations differ in.
var facets = []struct {
	name string
	of   func(*schema.Finding) any
}{
	{"severity", func(f *schema.Finding) any { return f.Severity }},
	{"confidence", func(f *schema.Finding) any { return f.Confidence }},
	{"conclusive", func(f *schema.Finding) any { return f.Conclusive }},
	{"decision", func(f *schema.Finding) any { return f.Decision }},
	{"would", func(f *schema.Finding) any { return f.Would }},
	{"suppressed_by", func(f *schema.Finding) any { return cmp.Or(f.Suppressed, "nothing") }},
	{"event_id", func(f *schema.Finding) any { return string(schema.CleanText(f.EventID, 80)) }},
	{"targets", func(f *schema.Finding) any { return len(f.Targets) }},
}

// changed names the facets that are others.
func changed(a, b *schema.Finding) (names []string) {
	for _, f := range facets {
		if f.of(a) != f.of(b) {
			names = append(names, f.name)
		}
	}
	return names
}

// writeDifferences writes them as a report.
func writeDifferences(w io.Writer, in *input, a, b *verdict) error {
	out := bufio.NewWriter(w)
	in.text(out, a.folds)
	_, _ = fmt.Fprintln(out)
	for _, v := range []*verdict{a, b} {
		rs := revocations(v.enforced)
		_, _ = fmt.Fprintf(out, "%-30s %s; with policy.mode: enforce %s of %s, %s%s\n", cmp.Or(v.name, "(no file)")+":", counted(len(v.findings), "finding"),
			counted(len(rs), "revocation"), counted(len(affected(rs)), "user"), counted(alerts(v.enforced), "alert"), in.daily(alerts(v.enforced)))
	}
	all := differences(a, b)
	for _, what := range []string{"finding", "revocation", "user"} {
		for _, change := range []string{appears, disappears, changes} {
			section(out, what, change, all)
		}
	}
	if len(all) == 0 {
		_, _ = fmt.Fprint(out, "\nNothing appears, disappears or changes.\n")
	}
	return out.Flush()
}

func section(w io.Writer, what, change string, all []difference) {
	var some []difference
	for _, d := range all {
		if d.What == what && d.Change == change {
			some = append(some, d)
		}
	}
	if len(some) == 0 {
		return
	}
	verb := change
	if len(some) > 1 {
		verb = strings.TrimSuffix(change, "s")
	}
	if what == "user" {
		what = "affected user"
	}
	_, _ = fmt.Fprintf(w, "\n%s %s\n", counted(len(some), what), verb)
	for i := range some {
		_, _ = fmt.Fprintf(w, "  %s\n", some[i].line())
	}
}

// line is a difference for people.
func (d *difference) line() string {
	switch {
	case d.User != "":
		return string(schema.CleanText(d.User, 80))
	case d.Revocation != nil:
		r := d.Revocation
		return fmt.Sprintf("%s  %s  %s  %s", r.Time.UTC().Format("2006-01-02 15:04:05Z"), schema.CleanText(r.Token, 80), schema.CleanText(r.User, 80), r.Rule)
	}
	f := d.Finding
	text := fmt.Sprintf("%s  %-20s %-8s %s", f.Time.UTC().Format("2006-01-02 15:04:05Z"), f.Rule, f.Severity, schema.CleanText(f.Summary, 200))
	if d.From == nil {
		return fmt.Sprintf("%s (would %s)", text, f.Would)
	}
	var parts []string
	for _, facet := range facets {
		if slices.Contains(d.Fields, facet.name) {
			parts = append(parts, fmt.Sprintf("%s %v → %v", facet.name, facet.of(d.From), facet.of(f)))
		}
	}
	return text + ": " + strings.Join(parts, ", ")
}
