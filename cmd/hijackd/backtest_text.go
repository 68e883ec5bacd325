package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// text writes a report: what was judged, what was found by rule, and each finding with its arithmetic.
func (b *backtest) text(w io.Writer, findings []schema.Finding) error {
	out := bufio.NewWriter(w)
	_, _ = fmt.Fprintf(out, "%s judged", counted(b.events, "event"))
	if b.events > 0 {
		_, _ = fmt.Fprintf(out, ", from %s to %s", stamp(b.earliest), stamp(b.latest))
	}
	_, _ = fmt.Fprintf(out, "\n%s\n", counted(len(findings), "finding"))
	type row struct{ rule, would string }
	counts := map[row]int{}
	for i := range findings {
		counts[row{findings[i].Rule, string(findings[i].Would)}]++
	}
	rows := slices.SortedFunc(maps.Keys(counts), func(a, b row) int { return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.would, b.would)) })
	for _, r := range rows {
		_, _ = fmt.Fprintf(out, "  %-20s %6d  would %s\n", r.rule, counts[r], r.would)
	}
	for i := range findings {
		_, _ = fmt.Fprint(out, "\n"+describe(&findings[i]))
	}
	return out.Flush()
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
	who := []string{"token " + f.Token}
	if f.User != "" {
		who = append([]string{"user " + f.User}, who...)
	}
	_, _ = fmt.Fprintf(&b, "  %s\n", schema.CleanText(strings.Join(who, ", "), 400))
	_, _ = fmt.Fprintf(&b, "  decision %s, would %s%s\n", f.Decision, f.Would, suppressed(f))
	_, _ = fmt.Fprintf(&b, "%s\n", wrap("because "+operands(f), "  ", ruleWidth))
	return b.String()
}

func suppressed(f *schema.Finding) string {
	if f.Suppressed == "" {
		return ""
	}
	return ", suppressed by " + f.Suppressed
}

// operands lists the numbers and words of a finding's evidence, sorted by name.
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
			parts = append(parts, fmt.Sprintf("%s=%v", name, v))
		}
	}
	return strings.Join(parts, " ")
}
