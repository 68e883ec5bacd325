package slack

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// headline says in two words what happened to the session.
func headline(x *schema.Action) string {
	if x == nil {
		return "Session alert"
	}
	what, was := "Revocation", "Session revoked"
	switch x.Action {
	case schema.RevokeUser:
		was = "All sessions revoked"
	case schema.StepUp:
		what, was = "Fresh login", "Fresh login asked for"
	case schema.Restrict:
		what, was = "Restriction", "Session restricted"
	case schema.BlockIP:
		what, was = "Block", "Address blocked"
	case schema.NotifyUser:
		what, was = "Message to the user", "User asked"
	}
	switch x.State {
	case schema.ActionDelivered:
		return was
	case schema.ActionHeld:
		return what + " held"
	case schema.ActionFailed:
		return what + " FAILED"
	case schema.ActionDiscarded:
		return what + " discarded"
	}
	return what + " ordered"
}

// done says what was done and why.
func done(a *actions.Alert) string {
	if a.Action == nil {
		return nothing(a.Finding)
	}
	x := a.Action
	switch x.State {
	case schema.ActionDelivered:
		return fmt.Sprintf("%s %s after the decision (answer %s, attempt %d), because %s.",
			headline(x), x.FinishedAt.Sub(x.DecidedAt).Round(10*time.Millisecond), x.Outcome, x.Attempts, why(x))
	case schema.ActionHeld:
		return headline(x) + ": " + held(x) + ". A person must release or discard " + x.ID + "."
	case schema.ActionFailed:
		return fmt.Sprintf("%s for good (%s, attempt %d): it must be done by hand.", headline(x), x.Outcome, x.Attempts)
	case schema.ActionDiscarded:
		return headline(x) + ": it was held and a person discarded it."
	}
	return fmt.Sprintf("%s, because %s; the receiver has not acknowledged it yet.", headline(x), why(x))
}

// nothing says why nothing was done.
func nothing(f *schema.Finding) string {
	why := "the finding is not conclusive"
	switch {
	case f.Suppressed != "":
		why = "exempt by " + f.Suppressed
	case f.WithoutHistory:
		why = "judged while the token's history could not be read"
	case f.Would != f.Decision:
		why = "the mode of " + f.Rule + " or of the policy allows no more than an alert"
	case f.Conclusive:
		why = "there is no token to revoke"
	}
	return "Nothing was revoked: " + why + "."
}

// held says why an action is held.
func held(x *schema.Action) string {
	if x.Outcome != "" {
		return cut(x.Outcome)
	}
	return "it exceeds policy.limits"
}

// state is how one action came out, in one line of a card.
func state(x *schema.Action, several bool, ref time.Time) string {
	s := headline(x)
	switch x.State {
	case schema.ActionDelivered:
		s += fmt.Sprintf(" at %s (answer %s, attempt %d)", clock(x.FinishedAt, ref), cut(x.Outcome), x.Attempts)
	case schema.ActionHeld:
		s += ": " + held(x)
	case schema.ActionFailed:
		s += fmt.Sprintf(" (%s, attempt %d): it must be done by hand or ordered again", cut(x.Outcome), x.Attempts)
	case schema.ActionDiscarded:
	default:
		s += " at " + clock(x.DecidedAt, ref) + ", not acknowledged yet"
		if x.Attempts > 0 {
			s += fmt.Sprintf(" (%s, attempt %d)", cut(x.Outcome), x.Attempts)
		}
	}
	if x.By != "" {
		s += ", ordered by " + cut(x.By)
	}
	if several {
		to := cut(x.To)
		if to == "" {
			to = "primary"
		}
		s = to + ": " + s
	}
	return s
}

// arithmetic is how a finding's risk adds up, if others add to it: the sum and what follows, which are the last two lines.
func arithmetic(f *schema.Finding) string {
	lines, _ := f.Evidence["because"].([]any) // the alert has been JSON
	var last []string
	for _, line := range lines[max(0, len(lines)-2):] {
		last = append(last, fmt.Sprint(line))
	}
	return strings.Join(last, "; ")
}

// why says what decided an action: a conclusive finding, several that add up, or a person.
func why(x *schema.Action) string {
	if x.By != "" {
		return cut(x.By) + " ordered it"
	}
	if len(x.Findings) == 0 || x.Findings[0].Conclusive {
		return fmt.Sprintf("%s is conclusive and in mode %s", x.Reason, x.Mode)
	}
	var names []string
	for i := range x.Findings {
		if name := x.Findings[i].Rule; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return fmt.Sprintf("%s add up to a risk of %.2f", strings.Join(names, " and "), x.Risk)
}
