package actions

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// TestResponsesAreDocumented holds docs/response.md to the figures and names of the code.
func TestResponsesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/response.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(b)), " ")
	want := []string{
		fmt.Sprintf("no more than %d findings do", answersMost), fmt.Sprintf("for %.0f days", AllowFor.Hours()/24),
		fmt.Sprintf("default %d; 0 holds", Defaults().Limits.RevokesPerUserPerHour), fmt.Sprintf("tried for %.0f h", giveUp.Hours()),
		fmt.Sprintf("%v–%v s in the first minute", hardFirst.Seconds(), hardMost.Seconds()), fmt.Sprintf("%v s–%v min apart, for %v h", softFirst.Seconds(), softMost.Minutes(), giveUp.Hours()),
		fmt.Sprintf("up to %.0f h |", retryAfter.Hours()), fmt.Sprintf("Pending for %.0f min", pageAfter.Minutes()),
		"pending < held < released < discarded < failed < delivered", "already revoked: order again",
	}
	for _, d := range []schema.Decision{schema.RevokeSession, schema.RevokeUser, schema.StepUp, schema.Restrict, schema.BlockIP, schema.NotifyUser} {
		want = append(want, "`"+string(d)+"`")
	}
	for _, v := range []schema.Verb{schema.Release, schema.Discard, schema.Hold, schema.Revoke, schema.Again, schema.Retry, schema.Allowed, schema.Disallow, schema.Kill, schema.Unkill} {
		want = append(want, "`"+string(v)+"`")
	}
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("docs/response.md lacks %q", w)
		}
	}
	if hardFor != time.Minute || fileEvery != time.Second {
		t.Error("docs/response.md says the first minute and every second")
	}
}
