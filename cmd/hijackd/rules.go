package main

import (
	"fmt"
	"strings"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
)

type rulesCommand struct {
	Name string `arg:"" optional:"" help:"The rule to explain."`
}

func (c rulesCommand) Run(p *process) error {
	if c.Name == "" {
		for _, r := range rules.All {
			_, _ = fmt.Fprintf(p.stdout, "%-20s %-9s %-8s %s\n", r.Name, r.Severity, r.DefaultMode, r.Title)
		}
		return nil
	}
	r := rules.Named(c.Name)
	if r == nil {
		var names []string
		for _, r := range rules.All {
			names = append(names, r.Name)
		}
		hint := ""
		if near := nearest(c.Name, names); near != "" {
			hint = ", did you mean " + near + "?"
		}
		return usageError{fmt.Errorf("there is no rule %q%s", c.Name, hint)}
	}
	_, err := fmt.Fprint(p.stdout, explainRule(r))
	return err
}

// ruleWidth is how wide the explanation of a rule is set.
const ruleWidth = 90

func explainRule(r *detect.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (version %d): %s\n", r.Name, r.Version, r.Title)
	fmt.Fprintf(&b, "severity %s, mode %s, ATT&CK %s\n", r.Severity, r.DefaultMode, strings.Join(r.Attack, ", "))
	section := func(title string, paragraphs ...string) {
		if len(paragraphs) == 0 || paragraphs[0] == "" {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, p := range paragraphs {
			b.WriteString(wrap(p, "  ", ruleWidth) + "\n")
		}
	}
	section("Why", r.Why)
	section("How it is computed", strings.Split(r.Method, "\n\n")...)
	var keys []string
	for _, k := range r.Keys {
		def := ""
		if k.Default != nil {
			def = " (default " + settingString(k, k.Default) + ")"
		}
		keys = append(keys, "rules."+r.Name+"."+k.Name+def+": "+k.Doc)
	}
	section("Thresholds", keys...)
	section("Known false positives", r.KnownFalsePositives...)
	section("What to do", r.Response)
	section("Example", r.Example)
	if f := rules.Finding(r.Name); f != "" {
		b.WriteString("\n" + f)
	}
	return b.String()
}

// wrap sets text in lines of at most width columns, each behind an indentation.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
