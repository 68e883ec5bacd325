package main

import (
	"strings"
	"testing"
)

func TestRulesCommand(t *testing.T) {
	for _, rule := range []string{"impossible-travel", "parallel-use", "revoked-replay"} {
		if list := invoke(t, "", nil, "rules"); list.code != 0 || !strings.Contains(list.stdout, rule) {
			t.Errorf("the list lacks %s: %s", rule, list.stdout)
		}
		got := invoke(t, "", nil, "rules", rule)
		for _, part := range []string{rule + " (version", "Why\n", "Method\n", "Keys\n", "rules." + rule + ".", "Response\n", "T1"} {
			if got.code != 0 || !strings.Contains(got.stdout, part) {
				t.Errorf("%s: no %q in\n%s", rule, part, got.stdout)
			}
		}
		for line := range strings.Lines(got.stdout) {
			if n := len([]rune(line)); n > ruleWidth+1 && strings.HasPrefix(line, "  ") {
				t.Errorf("%s: %d columns: %s", rule, n, line)
			}
		}
	}
	if got := invoke(t, "", nil, "rules", "parallel-used"); got.code != 2 || !strings.Contains(got.stderr, "did you mean parallel-use?") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}
