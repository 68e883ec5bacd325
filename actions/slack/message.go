package slack

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

// Kinds of metadata, by which messages are found again.
const (
	findingEvent  = "hijackd_finding"
	incidentEvent = "hijackd_incident"
)

// message is what is sent: the blocks, the one line that notifications show, and what it is found again by.
type message struct {
	fallback  string // escaped already
	blocks    []slack.Block
	event, id string
}

func (m *message) options() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.fallback, false),
		slack.MsgOptionBlocks(m.blocks...),
		slack.MsgOptionDisableMarkdown(), slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false), // chat.update would parse the text
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: m.event, EventPayload: map[string]any{"id": m.id}}),
	}
}

// render makes the message of an alert.
func render(a *actions.Alert) *message {
	m := &message{event: findingEvent, id: a.ID}
	switch {
	case a.Finding != nil:
		m.finding(a)
	case a.Storm != nil:
		m.storm(a.Storm)
	case a.Digest != nil:
		m.digest(a.Digest)
	default:
		m.page(a.Page)
	}
	return m
}

func (m *message) page(text string) {
	text = safe(text, maxSummary)
	m.fallback = "hijackd needs a person: " + text
	m.blocks = []slack.Block{header("hijackd needs a person"), section(text)}
}

// finding tells all about one finding; in the thread of its incident's card, where there is one.
func (m *message) finding(a *actions.Alert) {
	f := a.Finding
	title := fmt.Sprintf("%s: %s (%s)", headline(a.Action), f.Rule, f.Severity)
	m.blocks = []slack.Block{
		header(title),
		section(safe(f.Summary, maxSummary)),
		slack.NewSectionBlock(nil, fields(
			[2]string{"User", f.User}, [2]string{"Session", f.Session}, [2]string{"App", f.App}, [2]string{"Token", f.Token}, [2]string{"Tenant", f.Tenant},
			[2]string{"Rule", fmt.Sprintf("%s v%d", f.Rule, f.RuleVersion)},
			[2]string{"Severity", certainty(f)},
			[2]string{"When", f.Time.UTC().Format(time.RFC3339)},
		), nil),
	}
	m.blocks = withFields(m.blocks, fields([2]string{"From", end(f.From)}, [2]string{"To", end(f.To)},
		[2]string{"Distance", journey(f)}, [2]string{"Device", devices(f)}))
	m.blocks = append(m.blocks, section(safe(done(a), maxSummary)))
	if sum := arithmetic(f); sum != "" {
		m.blocks = append(m.blocks, section(safe(sum, maxSummary)))
	}
	ids := "decision " + string(f.Decision) + ", with every mode at enforce " + string(f.Would) + " · " + f.ID
	if a.Action != nil {
		ids += " · " + a.Action.ID
	}
	if f.EventID != "" {
		ids += " · event " + cut(f.EventID)
	}
	m.blocks = append(m.blocks, context1(ids))
	m.fallback = safe(title, maxHeader) + " — " + safe(f.Summary, maxSummary)
}

// line is a finding in one line of a list.
func line(f *schema.Finding, ref time.Time) string {
	who := cut(f.User)
	if who == "" {
		who = cut(f.Subject)
	}
	return safe(fmt.Sprintf("• %s %s, %s, %.0f %%, %s: %s", clock(f.Time, ref), f.Rule, f.Severity, 100*f.Confidence, orUnknown(who),
		schema.CleanText(f.Summary, 200)), maxLine)
}
