package actions

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// verdict is what is decided on a finding.
type verdict struct {
	decision, would schema.Decision
	suppressed      string
	risk            float64 // with every rule counted, as would is
	because         []string
	revoke          []revocation
	notify          []string // users
}

// revocation is what a finding asks for of one of its targets.
type revocation struct {
	target  schema.Target
	action  schema.Decision
	subject string
	risk    float64           // of the rules that may count under the policy
	with    []*schema.Finding // that the risk is made of, beside the finding itself
}

func (v *verdict) equal(o *verdict) bool {
	return v.decision == o.decision && v.would == o.would && v.suppressed == o.suppressed && v.risk == o.risk && slices.Equal(v.because, o.because) &&
		slices.EqualFunc(v.revoke, o.revoke, func(a, b revocation) bool {
			return a.target == b.target && a.action == b.action && a.subject == b.subject
		}) && slices.Equal(v.notify, o.notify)
}

// on returns the finding with what was decided on it.
func (v *verdict) on(f *schema.Finding) schema.Finding {
	c := *f
	c.Decision, c.Would, c.Suppressed, c.Risk = v.decision, v.would, v.suppressed, v.risk
	if v.because != nil {
		if c.Evidence = maps.Clone(c.Evidence); c.Evidence == nil {
			c.Evidence = map[string]any{}
		}
		c.Evidence["because"] = v.because
	}
	return c
}

func everyRule(string) Mode { return Enforce }

// judge decides on a finding together with what else is known of its tokens and their users around its event time. What
// was judged without the token's history never costs a session, and neither does a finding that names no token to revoke.
func (f *Fold) judge(h *held) verdict {
	x, p := h.finding, f.policy
	v := verdict{decision: schema.Observe, would: schema.Observe}
	switch {
	case x.Confidence <= 0: // withdrawn: a late event showed that there was nothing to find
		return v
	case h.suppressed != "":
		v.suppressed, v.risk = h.suppressed, riskOf(weigh(nil, x, x.Time, true, false))
		return v
	}
	v.would = schema.Alert
	mode := p.Mode(x.Rule)
	conclusive := x.Conclusive && !x.WithoutHistory
	for i, t := range targets(x) {
		var others []evidence
		if !x.WithoutHistory {
			others = f.around(h, &t)
		}
		would, is := f.assess(x, others)
		if i == 0 || would.risk > v.risk {
			v.risk, v.because = would.risk, would.because()
		}
		allow := f.allows.of(x, &t)
		if user := cmp.Or(t.User, x.User); user != "" && allow == nil && mode == Enforce && p.cfg.Responses[x.Rule].NotifyUser && !slices.Contains(v.notify, user) {
			v.notify = append(v.notify, user)
		}
		action, subject := p.subjectOf(x, &t)
		if subject == "" || !conclusive && !would.revokes() {
			continue
		}
		exempt := p.exempt(x, &t, action, subject)
		if allow != nil {
			exempt = allow.name()
		}
		if exempt != "" {
			v.suppressed = exempt
			continue
		}
		v.would = stronger(v.would, action)
		if mode == Enforce && conclusive || is.revokes() {
			v.revoke = append(v.revoke, revocation{t, action, subject, is.risk, is.with()})
			v.decision = stronger(v.decision, action)
		}
	}
	if acts(v.would) {
		v.suppressed = ""
	}
	switch {
	case len(v.revoke) > 0:
	case mode.rank() >= Warn.rank():
		v.decision = schema.Alert
	}
	return v
}

// stronger returns the decision that does more.
func stronger(a, b schema.Decision) schema.Decision {
	if slices.Index(ranks, b) > slices.Index(ranks, a) {
		return b
	}
	return a
}

// ranks are the decisions by what they do, the least first.
var ranks = []schema.Decision{
	schema.Observe, schema.Alert, schema.StepUp, schema.Restrict, schema.BlockIP, schema.RevokeSession, schema.RevokeUser,
}

// with lists the other findings that a risk is made of.
func (a *assessment) with() (fs []*schema.Finding) {
	for _, w := range a.sum {
		if !w.own && !slices.Contains(fs, w.finding) {
			fs = append(fs, w.finding)
		}
	}
	return fs
}

// decide folds a version of a finding and returns those whose decisions it changed, decided.
func (f *Fold) decide(at time.Time, x *schema.Finding) []*held {
	hs := f.recent.take(at, x)
	if h := f.recent.findings[x.ID]; len(hs) > 0 {
		h.suppressed = f.suppress(h)
	}
	if f.faults.arrivalOrder && len(hs) > 0 {
		hs = []*held{f.recent.findings[x.ID]}
	}
	return slices.DeleteFunc(hs, func(h *held) bool { return !f.redecide(h) })
}

// redecide decides on a finding again and reports whether that differs from what was told.
func (f *Fold) redecide(h *held) bool {
	v := f.judge(h)
	if h.told != nil && h.told.equal(&v) {
		return false
	}
	h.told, h.was, h.now = &v, h.now, v.decision
	return true
}
