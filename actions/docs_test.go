package actions

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// TestRiskIsDocumented holds docs/risk.md to the figures and the table of the code.
func TestRiskIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/risk.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(b)), " ")
	want := []string{
		fmt.Sprintf("a risk of at least **%.2f**", enough), fmt.Sprintf("| threshold | %.2f |", enough),
		fmt.Sprintf("each weighs at least **%.2f**", floor), fmt.Sprintf("| floor | %.2f |", floor),
		fmt.Sprintf("2^(−age / %.0f h)", halfLife.Hours()), fmt.Sprintf("| half-life | %.0f h |", halfLife.Hours()),
		fmt.Sprintf("less than **%.0f h** before it", horizon.Hours()), fmt.Sprintf("less than **%.0f h** after it", ahead.Hours()), fmt.Sprintf("| horizon | %.0f h |", horizon.Hours()),
		fmt.Sprintf("(share **%.1f**)", sharedShare), fmt.Sprintf("| share of another session | %.1f |", sharedShare),
		fmt.Sprintf("the last %s findings of ten hours", thousands(recentMost)), fmt.Sprintf("the last %s of three hours", thousands(wholeMost)),
		fmt.Sprintf("the %d that weigh most", perSubject), fmt.Sprintf("%s records at most", thousands(lookBack)),
		fmt.Sprintf("At most %d targets", targetsMost), fmt.Sprintf("never binds below %d revocations", neverBelow),
	}
	for _, p := range pairings {
		want = append(want, fmt.Sprintf("| %s | %s | %s | %s |", p.a, p.b, map[bool]string{true: "yes", false: "no"}[p.independent], p.why))
	}
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("docs/risk.md lacks %q", w)
		}
	}
	if recentFor != 10*time.Hour || wholeFor != 3*time.Hour || censusFor != 3*time.Hour {
		t.Error("docs/risk.md says ten, three and three hours")
	}
}

func thousands(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }

// Every two kinds are in the table, once.
func TestEveryTwoKindsArePaired(t *testing.T) {
	for i, a := range kinds {
		for j, b := range kinds {
			n := 0
			for _, p := range pairings {
				if p.a == a && p.b == b {
					n++
				}
			}
			if want := map[bool]int{true: 1}[i < j]; n != want {
				t.Errorf("%s, %s: %d times", a, b, n)
			}
			if independent(a, b) != independent(b, a) || a == b && independent(a, b) || independent(a, b) != apart[a][b] {
				t.Errorf("%s, %s: %v", a, b, independent(a, b))
			}
		}
	}
	if independent("", schema.SignalDevice) || independent("unknown", schema.SignalDevice) {
		t.Error("what has no kind is independent of something")
	}
}

// The example of docs/risk.md.
func TestExampleOfTheDocumentation(t *testing.T) {
	ds := DecideAll(policyOf(t, Enforce, nil), []schema.Finding{
		weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.8)), weak("device-change", 30, signalOf(schema.SignalDevice, 0.9)),
	}, nil)
	b, err := os.ReadFile("../docs/risk.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range ds[1].Evidence["because"].([]string) {
		if line = strings.ReplaceAll(line, ds[0].ID, "fnd_…"); !strings.Contains(string(b), "      "+line+"\n") {
			t.Errorf("docs/risk.md lacks %q", line)
		}
	}
}
