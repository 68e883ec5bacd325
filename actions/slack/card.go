package slack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

// Most that a card lists; what is beyond is counted.
const (
	maxStates   = 8
	maxFindings = 6
	maxNotes    = 8
	maxApps     = 3
)

// card makes the message of an incident. seal signs the values of its buttons; nil: there are none.
func card(c *actions.Card, seal *sealer) *message {
	m := &message{event: incidentEvent, id: c.ID}
	var worst schema.Finding
	if len(c.Findings) > 0 {
		worst = c.Findings[0]
	}
	title := headline(foremost(c.Actions))
	if worst.Rule != "" {
		title += fmt.Sprintf(": %s (%s)", worst.Rule, worst.Severity)
	}
	m.blocks = []slack.Block{header(title)}
	m.fallback = safe(title, maxHeader) + " — " + safe(worst.Summary, maxSummary)
	if w := accepted(c); w != "" {
		// A header, since that is the only block whose text is bold and yet plain: the app's name is not ours.
		m.blocks = append(m.blocks, header("⚠ "+w))
		m.fallback = safe(w, maxHeader) + " — " + m.fallback
	}
	if worst.Summary != "" {
		m.blocks = append(m.blocks, section(safe(worst.Summary, maxSummary)))
	}
	m.blocks = withFields(m.blocks, who(c, &worst))
	m.blocks = withFields(m.blocks, fields([2]string{"From", end(worst.From)}, [2]string{"To", end(worst.To)},
		[2]string{"Distance", journey(&worst)}, [2]string{"Device", devices(&worst)}))
	m.blocks = append(m.blocks, whatWasDone(c, &worst))
	if n := len(c.Findings); n > 1 || c.More > 0 {
		var ls []string
		for i := range c.Findings[:min(n, maxFindings)] {
			ls = append(ls, line(&c.Findings[i], c.Opened))
		}
		m.blocks = append(m.blocks, paragraph("Findings, the worst first (each in the thread):", ls, c.More+n-len(ls)))
	}
	if len(c.Notes) > 0 {
		m.blocks = append(m.blocks, notes(c))
	}
	if b := buttons(c, seal); b != nil {
		m.blocks = append(m.blocks, b)
	}
	m.blocks = append(m.blocks, context1(fmt.Sprintf("%s · opened %s, last %s · decision %s, with every mode at enforce %s",
		c.ID, c.Opened.UTC().Format("2006-01-02 15:04:05")+" UTC", clock(c.Last, c.Opened), orUnknown(string(worst.Decision)), orUnknown(string(worst.Would)))))
	return m
}

// who are the fields that name whom it is about, and how sure it is.
func who(c *actions.Card, worst *schema.Finding) []*slack.TextBlockObject {
	subject := c.Subject
	if c.Scope == schema.ScopeUser && subject == c.User || c.Scope == schema.ScopeApp && subject == c.App {
		subject = "" // it has a field of its own
	}
	about := string(c.Scope)
	if about == "" {
		about = "subject"
	}
	rules := ruleNames(c.Findings)
	if c.More > 0 {
		rules += fmt.Sprintf(" (and %s)", counted(c.More, "more"))
	}
	var sure string
	if worst.Rule != "" {
		sure = certainty(worst)
	}
	return fields([2]string{"User", c.User}, [2]string{"Session", c.Session}, [2]string{"App", c.App}, [2]string{"Tenant", c.Tenant},
		[2]string{strings.ToUpper(about[:1]) + about[1:], subject}, [2]string{"Rules", rules}, [2]string{"Severity", sure})
}

// rank puts what a person must know first.
func rank(x *schema.Action) int {
	switch x.State {
	case schema.ActionFailed:
		return 0
	case schema.ActionHeld:
		return 1
	case schema.ActionPending, schema.ActionReleased:
		return 2
	case schema.ActionDelivered:
		return 3
	}
	return 4
}

// foremost is the action that the headline is about.
func foremost(as []schema.Action) *schema.Action {
	var first *schema.Action
	for i := range as {
		if as[i].Action != schema.NotifyUser && (first == nil || rank(&as[i]) < rank(first)) {
			first = &as[i]
		}
	}
	return first
}

// whatWasDone says of every action how it ended, and whether that had an effect.
func whatWasDone(c *actions.Card, worst *schema.Finding) slack.Block {
	if len(c.Actions) == 0 {
		if worst.Rule == "" {
			return section("Nothing was revoked.")
		}
		return section(safe(nothing(worst), maxSummary))
	}
	as := slices.SortedStableFunc(slices.Values(pointers(c.Actions)), func(a, b *schema.Action) int { return cmp.Compare(rank(a), rank(b)) })
	places := map[string]bool{}
	for _, a := range as {
		places[a.To] = true
	}
	var ls []string
	for _, a := range as[:min(len(as), maxStates)] {
		l := state(a, len(places) > 1, c.Opened)
		if a.State == schema.ActionDelivered && (a.Action == schema.RevokeSession || a.Action == schema.RevokeUser) {
			l += "; " + uses(c.Uses) + " since"
		}
		ls = append(ls, safe(l, maxLine))
	}
	return paragraph("", ls, len(as)-len(ls))
}

// uses is how often a token was used since; what is counted are findings, of one use or more.
func uses(n int) string {
	if n == 0 {
		return "0 uses"
	}
	return "at least " + counted(n, "use")
}

func pointers(as []schema.Action) []*schema.Action {
	ps := make([]*schema.Action, len(as))
	for i := range as {
		ps[i] = &as[i]
	}
	return ps
}

// accepted is the warning about apps that go on accepting what was revoked, or empty.
func accepted(c *actions.Card) string {
	if len(c.StillAccepted) == 0 {
		return ""
	}
	var apps []string
	for _, a := range c.StillAccepted[:min(len(c.StillAccepted), maxApps)] {
		apps = append(apps, orUnknown(string(schema.CleanText(strings.TrimSpace(a), 30))))
	}
	s := "Still accepted by app " + strings.Join(apps, ", ")
	if more := len(c.StillAccepted) - len(apps); more > 0 {
		s += " and " + counted(more, "more")
	}
	return s
}

// did are people's orders in words.
var did = map[schema.Verb]string{
	schema.Release: "released what was held", schema.Discard: "discarded what was held", schema.Hold: "held it", schema.Revoke: "ordered the revocation",
	schema.Again: "ordered it again", schema.Retry: "had it tried again", schema.Allowed: "made an allow entry", schema.Disallow: "ended an allow entry",
	schema.Dismiss: "called it a false positive", schema.Acknowledge: "looks into it", schema.Kill: "stopped all effects", schema.Unkill: "let effects go on",
}

// notes are the last things that people said and did.
func notes(c *actions.Card) slack.Block {
	ns := c.Notes[max(0, len(c.Notes)-maxNotes):]
	var ls []string
	for _, n := range ns {
		verb := did[n.Verb]
		if verb == "" {
			verb = cut(string(n.Verb))
		}
		l := fmt.Sprintf("• %s %s %s", clock(n.At, c.Opened), orUnknown(cut(n.By)), verb)
		if n.Why != "" {
			l += ": " + string(schema.CleanText(n.Why, 160))
		}
		ls = append(ls, safe(l, maxLine))
	}
	title := "People:"
	if earlier := len(c.Notes) - len(ns); earlier > 0 {
		title = "People (" + counted(earlier, "more") + " before):"
	}
	return paragraph(title, ls, 0)
}
