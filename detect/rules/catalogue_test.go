package rules_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

// TestEachRuleIsDocumented: an undocumented rule fails the build.
func TestEachRuleIsDocumented(t *testing.T) {
	severities := []schema.Severity{schema.Low, schema.Medium, schema.High, schema.Critical}
	technique := regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	for _, r := range rules.All {
		t.Run(r.Name, func(t *testing.T) {
			for what, text := range map[string]string{"title": r.Title, "why": r.Why, "method": r.Method, "response": r.Response, "example": r.Example} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("no %s", what)
				}
			}
			if r.Version < 1 || !slices.Contains(severities, r.Severity) || !slices.Contains(rules.Modes, r.DefaultMode) {
				t.Errorf("version %d, severity %q, mode %q", r.Version, r.Severity, r.DefaultMode)
			}
			if len(r.KnownFalsePositives) == 0 || len(r.Attack) == 0 {
				t.Error("known false positives or techniques are missing")
			}
			for _, a := range r.Attack {
				if !technique.MatchString(a) {
					t.Errorf("no ATT&CK technique: %q", a)
				}
			}
			for _, k := range r.Keys {
				if k.Doc == "" || k.Default == nil && k.PerApp == nil {
					t.Errorf("key %s is not documented", k.Name)
				}
				if !strings.Contains(rules.Doc(r.Name), "`"+k.Name+"`") {
					t.Errorf("key %s is not in the documentation", k.Name)
				}
			}
		})
	}
}

func TestDocumentationIsGenerated(t *testing.T) {
	have, err := os.ReadFile("../../docs/rules.md")
	if err != nil || string(have) != rules.Catalogue() {
		t.Errorf("docs/rules.md is not what the rules say (%v): run go generate ./detect/rules", err)
	}
}

func TestDocOfNoRule(t *testing.T) {
	if got := rules.Doc("no-such-rule"); got != "" {
		t.Errorf("documentation of no rule: %q", got)
	}
}
