package slack

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

// Slack's own limits: 50 blocks, 3000 characters in a section, 2000 in a field, 150 in a header. Texts here stay below: each value
// is cut at so many bytes before escaping, which makes it at most five times longer.
const (
	maxSummary = 550
	maxValue   = 256
	maxHeader  = 140
)

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// safe makes hostile text harmless: cleaned, cut, and & < > escaped as Slack wants in every text.
func safe(s string, maxBytes int) string {
	return escaper.Replace(string(schema.CleanText(s, maxBytes)))
}

func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, s, false, false)
}

func section(s string) slack.Block { return slack.NewSectionBlock(plain(s), nil, nil) }

// message makes the blocks of an alert, and the one line that notifications show.
func message(a *actions.Alert) (fallback string, blocks []slack.Block) {
	if a.Finding == nil {
		text := safe(a.Page, maxSummary)
		return "hijackd needs a person: " + text, []slack.Block{slack.NewHeaderBlock(plain("hijackd needs a person")), section(text)}
	}
	f := a.Finding
	title := safe(fmt.Sprintf("%s: %s (%s)", headline(a), f.Rule, f.Severity), maxHeader)
	blocks = []slack.Block{
		slack.NewHeaderBlock(plain(title)),
		section(safe(f.Summary, maxSummary)),
		slack.NewSectionBlock(nil, fields(
			[2]string{"User", f.User}, [2]string{"Session", f.Session}, [2]string{"App", f.App}, [2]string{"Token", f.Token}, [2]string{"Tenant", f.Tenant},
			[2]string{"Rule", fmt.Sprintf("%s v%d", f.Rule, f.RuleVersion)},
			[2]string{"Severity", fmt.Sprintf("%s, confidence %.0f %%%s", f.Severity, 100*f.Confidence, conclusive(f))},
			[2]string{"When", f.Time.UTC().Format(time.RFC3339)},
		), nil),
	}
	if ends := fields([2]string{"From", end(f.From)}, [2]string{"To", end(f.To)}); len(ends) > 0 {
		blocks = append(blocks, slack.NewSectionBlock(nil, ends, nil))
	}
	blocks = append(blocks, section(safe(done(a), maxSummary)))
	if sum := arithmetic(f); sum != "" {
		blocks = append(blocks, section(safe(sum, maxSummary)))
	}
	ids := "decision " + string(f.Decision) + ", with every mode at enforce " + string(f.Would) + " · " + f.ID
	if a.Action != nil {
		ids += " · " + a.Action.ID
	}
	if f.EventID != "" {
		ids += " · event " + f.EventID
	}
	blocks = append(blocks, slack.NewContextBlock("", plain(safe(ids, maxSummary))))
	return title + " — " + safe(f.Summary, maxSummary), blocks
}

// fields makes fields of named values, leaving those without a value out.
func fields(named ...[2]string) (fs []*slack.TextBlockObject) {
	for _, f := range named {
		if f[1] != "" {
			fs = append(fs, plain(f[0]+"\n"+safe(f[1], maxValue)))
		}
	}
	return fs
}

func conclusive(f *schema.Finding) string {
	switch {
	case f.WithoutHistory:
		return ", judged without history"
	case f.Conclusive:
		return ", conclusive"
	}
	return ""
}

// end is one side of a finding in one line: "Paris FR · 192.0.2.1 · AS3215 Orange · Firefox on Windows".
func end(e *schema.End) string {
	if e == nil {
		return ""
	}
	var parts []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			parts = append(parts, string(schema.CleanText(s, 80)))
		}
	}
	add(e.City + " " + e.Country)
	if e.IP.IsValid() {
		add(e.IP.String())
	}
	if e.ASN != 0 {
		add(fmt.Sprintf("AS%d %s", e.ASN, e.ASOrg))
	}
	add(e.Network)
	add(e.UA)
	return strings.Join(parts, " · ")
}

// headline says in two words what happened to the session.
func headline(a *actions.Alert) string {
	if a.Action == nil {
		return "Session alert"
	}
	switch a.Action.State {
	case schema.ActionDelivered:
		return "Session revoked"
	case schema.ActionHeld:
		return "Revocation held"
	case schema.ActionFailed:
		return "Revocation FAILED"
	case schema.ActionDiscarded:
		return "Revocation discarded"
	}
	return "Revocation ordered"
}

// done says what was done and why.
func done(a *actions.Alert) string {
	f := a.Finding
	if a.Action == nil {
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
	x := a.Action
	switch x.State {
	case schema.ActionDelivered:
		return fmt.Sprintf("The session was revoked %s after the decision (answer %s, attempt %d), because %s.",
			x.FinishedAt.Sub(x.DecidedAt).Round(10*time.Millisecond), x.Outcome, x.Attempts, why(x))
	case schema.ActionHeld:
		return "The revocation is held: it exceeds policy.limits. A person must release or discard " + x.ID + "."
	case schema.ActionFailed:
		return fmt.Sprintf("The revocation failed for good (%s, %d attempts): revoke the session by hand.", x.Outcome, x.Attempts)
	case schema.ActionDiscarded:
		return "The revocation was held and a person discarded it."
	}
	return fmt.Sprintf("The session's revocation is ordered, because %s; the receiver has not acknowledged it yet.", why(x))
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

// why says what decided an action: a conclusive finding, or several that add up.
func why(x *schema.Action) string {
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
