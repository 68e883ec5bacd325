package actions

import (
	"cmp"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Kinds of audit lines.
const (
	auditDecision = "decision"
	auditAction   = "action"
	auditCommand  = "command"
	auditAllow    = "allow"
	auditSwitch   = "switch"
)

// line is an audit line with the offset of the log record that it tells of.
type line struct {
	offset int64
	schema.Audit
}

// heard takes note of what a valid record of the log says that is news. Before the lane acts, what turns out to be archived is dropped
// again; after a crash the log says the same lines, under the same ids.
func (r *Response) heard(offset int64, at time.Time, rec *record) {
	if rec.Filed != nil {
		for len(r.lines) > 0 && r.lines[0].offset < *rec.Filed {
			r.lines = r.lines[1:]
		}
		return
	}
	for _, a := range rec.audit(at) {
		r.lines = append(r.lines, line{offset, a})
	}
}

// audit is what a record of the log says to the audit trail at its record time.
func (r *record) audit(at time.Time) []schema.Audit {
	switch {
	case r.Action != nil:
		return []schema.Audit{auditOf(r.Action, at)}
	case r.Command != nil:
		return r.Command.audit()
	case r.Allow != nil:
		return []schema.Audit{r.Allow.audit(at)}
	case r.Switch != nil:
		return []schema.Audit{r.Switch.audit()}
	}
	return nil
}

// auditOf tells of a state of an action at a destination.
func auditOf(a *schema.Action, at time.Time) schema.Audit {
	what := a.State.String()
	if a.State == schema.ActionReleased {
		what = "released"
	}
	by, why := a.By, a.Why
	if by == "" || !a.Released && a.State == schema.ActionPending {
		by, why = byRule(a.Reason, a.Mode), ""
	}
	about := a.EntryID()
	return schema.Audit{
		ID: schema.AuditID(auditAction, what, about, itoa(a.Round)), Time: at, Tenant: a.Tenant, Kind: auditAction, What: what, About: about,
		Subject: a.Subject, By: by, Via: cmp.Or(a.To, "primary"), Why: cleaned(why), Detail: cleaned(a.Outcome),
	}
}

// byRule names a rule and its mode as what decided.
func byRule(rule, mode string) string { return rule + " (" + mode + ")" }

func cleaned(s string) string { return string(schema.CleanText(s, whyMost)) }

// audit tells what became of each thing that the command names.
func (o *order) audit() (lines []schema.Audit) {
	c := &o.Command
	for i := range o.Answers {
		a := &o.Answers[i]
		about := cmp.Or(a.About, c.Incident, c.ID)
		l := schema.Audit{
			ID: schema.AuditID(auditCommand, string(c.Verb), about, c.ID+"/"+strconv.Itoa(i)), Time: o.At, Tenant: c.Tenant, Kind: auditCommand, What: string(c.Verb),
			About: about, By: c.By, Via: c.Via, Why: c.Why,
		}
		if a.Refused != "" {
			l.Detail = "refused: " + a.Refused
		}
		for j := range c.Targets {
			if t := &c.Targets[j]; isFingerprint(t.Token) && about == o.revocation(t) {
				l.Subject = t.Token
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func (a *allowance) audit(at time.Time) schema.Audit {
	what := "allow"
	if a.Ended {
		what = "disallow"
	}
	return schema.Audit{
		ID: schema.AuditID(auditAllow, what, a.ID, a.Tenant+"/"+strconv.FormatInt(a.N, 10)), Time: at, Tenant: a.Tenant, Kind: auditAllow, What: what, About: a.ID,
		Subject: cleaned(cmp.Or(a.User, a.Token, a.Network)), By: a.By, Why: a.Why, Detail: "until " + a.Expires.UTC().Format(time.RFC3339),
	}
}

func (t *turned) audit() schema.Audit {
	what := string(schema.Unkill)
	if t.On {
		what = string(schema.Kill)
	}
	return schema.Audit{
		ID: schema.AuditID(auditSwitch, what, t.ID, strconv.FormatInt(t.N, 10)), Time: t.At, Kind: auditSwitch, What: what, About: t.ID, By: t.By, Via: t.Via, Why: t.Why,
	}
}

// auditDecided tells of a decision on a finding that is not what was decided before. The cause in its id is the decision before.
func auditDecided(at time.Time, x *schema.Finding, before schema.Decision, mode Mode) schema.Audit {
	return schema.Audit{
		ID: schema.AuditID(auditDecision, string(x.Decision), x.ID, string(before)+"/"+x.Suppressed), Time: at, Tenant: x.Tenant, Kind: auditDecision,
		What: string(x.Decision), About: x.ID, Subject: x.Subject, By: byRule(x.Rule, string(mode)), Via: "policy", Why: cleaned(x.Summary), Detail: cleaned(x.Suppressed),
	}
}
