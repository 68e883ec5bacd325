package main

import (
	"fmt"
	"slices"
	"strings"
)

// The page docs/evaluation.md has two generated parts: the full run, and the quick one that every change of a rule is held against.
const (
	fullBegin, fullEnd   = "<!-- generated: full -->\n", "<!-- end of full -->\n"
	quickBegin, quickEnd = "<!-- generated: quick -->\n", "<!-- end of quick -->\n"
)

// full is the generated part about the full run.
func (s *score) full() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n### Attacks\n\n", s.totals())
	s.attacks(&b)
	b.WriteString("### Harmless traffic\n\n")
	s.harmTable(&b)
	b.WriteString("### Where it falls short\n\n")
	s.shortcomings(&b)
	b.WriteString("### What each rule contributes\n\n")
	s.ruleTable(&b)
	b.WriteString("### Each rule left out\n\n")
	s.leftOut(&b)
	return b.String()
}

// quick is the generated part about the quick run.
func (s *score) quick() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s false alerts, %s false revocations.\n\n", s.totals(), number(s.alerts), number(s.revocations))
	s.attacks(&b)
	s.ruleTable(&b)
	return b.String()
}

// replaced puts a generated part in its place on the page.
func replaced(page, begin, end, part string) (string, error) {
	before, rest, found := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("the page has lost its marks %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + part + end + after, nil
}

// lineDiff lists the lines that only one of two texts has, in order: - for the old one, + for the new one.
func lineDiff(old, now string) string {
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	// lengths[i][k] is that of the longest common subsequence of a[i:] and b[k:].
	lengths := make([][]int, len(a)+1)
	for i := range lengths {
		lengths[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for k := len(b) - 1; k >= 0; k-- {
			if a[i] == b[k] {
				lengths[i][k] = lengths[i+1][k+1] + 1
			} else {
				lengths[i][k] = max(lengths[i+1][k], lengths[i][k+1])
			}
		}
	}
	var out strings.Builder
	i, k := 0, 0
	for i < len(a) || k < len(b) {
		switch {
		case i < len(a) && k < len(b) && a[i] == b[k]:
			i, k = i+1, k+1
		case k == len(b) || i < len(a) && lengths[i+1][k] >= lengths[i][k+1]:
			fmt.Fprintf(&out, "- %s\n", a[i])
			i++
		default:
			fmt.Fprintf(&out, "+ %s\n", b[k])
			k++
		}
	}
	return out.String()
}
