package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

func TestRulesCommand(t *testing.T) {
	list := invoke(t, "", nil, "rules")
	for _, rule := range rules.All {
		for _, part := range []string{rule.Name, string(rule.Severity), rule.DefaultMode} {
			if list.code != 0 || !strings.Contains(list.stdout, part) {
				t.Errorf("the list lacks %s: %s", part, list.stdout)
			}
		}
		got := invoke(t, "", nil, "rules", rule.Name)
		for _, part := range []string{rule.Name + " (version", "Why\n", "How it is computed\n", "Known false positives\n", "What to do\n", "Example\n", "T1"} {
			if got.code != 0 || !strings.Contains(got.stdout, part) {
				t.Errorf("%s: no %q in\n%s", rule.Name, part, got.stdout)
			}
		}
		for _, k := range rule.Keys {
			if !strings.Contains(got.stdout, "rules."+rule.Name+"."+k.Name) {
				t.Errorf("%s: no key %s in\n%s", rule.Name, k.Name, got.stdout)
			}
		}
		prose, example, _ := strings.Cut(got.stdout, "\n{\n")
		for line := range strings.Lines(prose) {
			if n := len([]rune(line)); n > ruleWidth+1 && strings.HasPrefix(line, "  ") {
				t.Errorf("%s: %d columns: %s", rule.Name, n, line)
			}
		}
		var f schema.Finding
		if err := json.Unmarshal([]byte("{"+example), &f); err != nil || f.Rule != rule.Name {
			t.Errorf("%s: the example is a finding of %q: %v", rule.Name, f.Rule, err)
		}
	}
	if got := invoke(t, "", nil, "rules", "parallel-used"); got.code != 2 || !strings.Contains(got.stderr, "did you mean parallel-use?") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}
