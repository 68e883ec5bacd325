package actions

import (
	"cmp"
	"math"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// DecideAll decides on a whole set of merged findings as a response lane does that has seen them all, and the commands with them. The
// result is by (time, id) and a function of the two sets; the arguments stay as they are. To see what a rule adds, decide again
// without its findings.
func DecideAll(p *Policy, findings []schema.Finding, commands []schema.Command) []schema.Finding {
	f := NewFold(p)
	f.recent.most = math.MaxInt
	for i := range commands {
		c := &commands[i]
		if o, ok := readPool(c); ok {
			f.pools.learn(o)
		}
		if c.Verb == schema.Allowed || c.Verb == schema.Disallow {
			if o := f.order(c, int64(i), c.At, nil); len(o.Answers) == 1 && o.Answers[0].Refused == "" {
				f.allows.say(c.At, *o.allowance())
			}
		}
	}
	type one struct {
		x *schema.Finding
		h *held
	}
	all := make([]one, len(findings))
	for i := range findings {
		all[i].x = &findings[i]
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Or(a.x.Time.Compare(b.x.Time), cmp.Compare(a.x.ID, b.x.ID)) })
	for i := range all {
		f.decide(all[i].x.Time, all[i].x)
		all[i].h = f.recent.findings[all[i].x.ID]
	}
	decided := make([]schema.Finding, len(all))
	for i, o := range all {
		decided[i] = o.h.told.on(o.x)
	}
	return decided
}
