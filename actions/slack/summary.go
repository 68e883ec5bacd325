package slack

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

// Most that a summary lists.
const (
	maxWorst = 5
	maxRules = 10
)

func lines(fs []schema.Finding, most int) (ls []string) {
	for i := range fs[:min(len(fs), most)] {
		ls = append(ls, line(&fs[i], fs[i].Time.AddDate(1, 0, 0))) // with the date
	}
	return ls
}

// storm stands for the cards that would have come too fast.
func (m *message) storm(s *actions.Storm) {
	title := "Storm: " + counted(s.Count, "incident") + " without a card of their own"
	text := "Between " + clock(s.From, s.From) + " and " + clock(s.Until, s.From) +
		" incidents came faster than cards are posted (actions.slack.storm_per_minute). Every one is in the table findings, and what is done about them does not wait for this channel."
	m.fallback = title
	m.blocks = []slack.Block{header(title), section(text)}
	if ls := lines(s.Worst, maxWorst); len(ls) > 0 {
		m.blocks = append(m.blocks, paragraph("The worst of them:", ls, 0))
	}
}

// digest is the day in one message.
func (m *message) digest(d *actions.Digest) {
	title := "hijackd, the last day: " + counted(d.Findings, "finding")
	m.blocks = []slack.Block{header(title)}
	would := "Enforcing would have revoked nothing that was not revoked."
	if d.Would > 0 {
		would = "Enforcing would have revoked " + counted(d.Would, "session") + " that the policy in force did not:"
	}
	m.fallback = title + ". " + would
	m.blocks = append(m.blocks, paragraph(would, lines(d.Examples, maxRules), max(0, d.Would-min(len(d.Examples), maxRules))*min(1, len(d.Examples))))
	m.blocks = withFields(m.blocks, fields(
		[2]string{"Revoked", counted(d.Revoked, "session")}, [2]string{"Held", counted(d.Held, "action")}, [2]string{"Failed", counted(d.Failed, "action")},
		[2]string{"Allow entries in force", grouped(float64(d.Allows))},
	))
	rules := slices.SortedFunc(maps.Keys(d.Rules), func(a, b string) int { return cmp.Or(-cmp.Compare(d.Rules[a], d.Rules[b]), cmp.Compare(a, b)) })
	var ls []string
	for _, r := range rules[:min(len(rules), 4*maxRules)] {
		ls = append(ls, safe("• "+cut(r)+": "+grouped(float64(d.Rules[r])), maxLine))
	}
	if len(ls) > 0 {
		m.blocks = append(m.blocks, paragraph("Findings by rule:", ls, len(rules)-len(ls)))
	}
	m.blocks = append(m.blocks, context1("from "+clock(d.From, d.Until.AddDate(-1, 0, 0))+" until "+clock(d.Until, d.Until.AddDate(-1, 0, 0))))
}
