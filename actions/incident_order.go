package actions

import (
	"cmp"

	"github.com/hijackd/hijackd/schema"
)

// orderIncident answers an order about an incident. Its note follows from the order's record; dismissing it also enters an allow entry.
func (f *Fold) orderIncident(o *order) {
	c := &o.Command
	i := f.incidents.byID[c.Incident]
	switch {
	case i == nil || i.card.Tenant != c.Tenant:
		o.refuse(c.Incident, "there is no such incident, or it is long over")
	case c.Verb == schema.Acknowledge:
		o.Answers = append(o.Answers, answer{About: c.Incident})
	default:
		if c.Allow == nil {
			c.Allow = vantageOf(&i.card)
		}
		if c.Allow == nil {
			o.refuse(c.Incident, "it says neither whose nor what vantage to allow: enter an allow entry by hand")
			return
		}
		if c.Allow.Expires.IsZero() {
			c.Allow.Expires = o.At.Add(AllowFor)
		}
		f.orderAllow(o)
	}
}

// vantageOf is the allow entry that relieves the user of an incident, or its token where no user is known, at the vantage that the worst
// finding was about: the provider (the network, where it has no number), the country and the kind of browser. It is nil where the
// incident is about neither, or nothing says where it was used.
func vantageOf(c *Card) *schema.Allow {
	a := schema.Allow{User: c.User}
	if c.User == "" {
		if c.Scope != schema.ScopeToken {
			return nil
		}
		a.Token = c.Subject
	}
	for i := range c.Findings {
		end := cmp.Or(c.Findings[i].To, c.Findings[i].From)
		if end == nil {
			continue
		}
		a.ASN, a.Country, a.UA = end.ASN, end.Country, end.UA
		if a.ASN == 0 && end.IP.IsValid() {
			a.Network = schema.Network(end.IP).String()
		}
		if a.ASN != 0 || a.Network != "" {
			return &a
		}
	}
	return nil
}
