package detect

import (
	"slices"
	"strconv"

	"github.com/hijackd/hijackd/schema"
)

// What the network is told that a token moves onto, beside the move: whether the token was elsewhere before, whether with another device,
// and that it is used elsewhere again. A late use may explain a move; the move is then told again, and what explains more holds.

// moved compares where and how a token is used with where and how it was used before: apart if no vantage of before is equivalent, a new
// device if none shows the same device. Both are false where there is nothing to compare with.
func (t *Tokens) moved(s *session, u *use) (apart, newDevice bool) {
	here := t.vantageAt(s, u.vantage)
	if here == nil {
		return false, false
	}
	apart, newDevice = true, true
	any := false
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		p := t.vantages.at(r)
		if p.number == u.vantage || p.first >= u.at() {
			continue
		}
		v := t.decodeVantage(p)
		any = true
		apart = apart && !Equivalent(v, here)
		newDevice = newDevice && !Updated(v, here)
	}
	return apart && any, newDevice && any
}

func (t *Tokens) vantageAt(s *session, number uint8) *Vantage {
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		if p := t.vantages.at(r); p.number == number {
			return t.decodeVantage(p)
		}
	}
	return nil
}

// sightMoves tells again of moves that a late use throws another light on: those to other vantages after it.
func (t *Tokens) sightMoves(s *session, e *schema.Event, late *use, out *Output) {
	first := t.firstUses(s, nil)
	for i := range first {
		u := &first[i]
		if u.vantage == noVantage || u.vantage == late.vantage || !t.before(late, u) {
			continue
		}
		if at := t.place(s, u).standing; at[toNetwork] == firstHere {
			t.tell(s, e, u, [audiences]standing{toNetwork: firstHere}, true, out)
		}
	}
}

// firstUses returns the first use that is kept of each vantage, by number, of those that this token itself was accepted at but one.
func (t *Tokens) firstUses(s *session, without *use) (first [maxVantages + 1]use) {
	for i := range first {
		first[i].vantage = noVantage
	}
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if !o.own() || o.is(without) {
				continue
			}
			if f := &first[o.vantage]; f.vantage == noVantage || t.before(o, f) {
				*f = *o
			}
		}
	}
	return first
}

// sightBack tells networks that a token had moved onto that it is used elsewhere again: of each the first use at a vantage that it had
// before it came there. Only those that a thief may rent are told, or may be for all that is known of them: anybody's phone comes and goes.
// What a late use shows to be another first one, or none, is told again: the last word of an event counts.
func (t *Tokens) sightBack(s *session, e *schema.Event, u *use, late bool, out *Output) {
	open := func(p *vantage) bool {
		return rentable(schema.NetworkClass(p.network)) && (late || p.flags&vantageLeft == 0)
	}
	any := false
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		any = any || open(t.vantages.at(r))
	}
	if !any || s.nvantage < 2 {
		return
	}
	var without *use
	if late {
		without = u
	}
	stood, stand := returns{}, returns{}
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		p := t.vantages.at(r)
		if !open(p) {
			continue
		}
		network := schema.Network(t.decodeVantage(p).IP).String()
		is := t.back(s, p, nil)
		if late {
			was := t.back(s, p, without)
			if was == nil && p.flags&vantageLeft != 0 {
				continue // it was told of a use that is not kept any more
			}
			stood.add(network, was)
		}
		stand.add(network, is)
		p.flags &^= vantageLeft
		if is != nil {
			p.flags |= vantageLeft
		}
	}
	for _, x := range stood {
		if !stand.has(x) {
			t.tellBack(s, e, x, false, late, out)
			t.pin(s, &x.use, false)
		}
	}
	for _, x := range stand {
		t.pin(s, &x.use, true)
		if !stood.has(x) && (late || x.use.is(u)) {
			t.tellBack(s, e, x, true, late, out)
		}
	}
}

// pin notes on a use that a return rests on it.
func (t *Tokens) pin(s *session, u *use, stands bool) {
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			if o := &c.uses[i]; o.is(u) {
				o.flags &^= useReturned
				if stands {
					o.flags |= useReturned
				}
			}
		}
	}
}

// pinReturns keeps the uses that returns rest on: the first at each vantage, and those that were told.
func (t *Tokens) pinReturns(s *session, kept []use, stay []bool) {
	rented := false
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		rented = rented || rentable(schema.NetworkClass(t.vantages.at(r).network))
	}
	if !rented || s.nvantage < 2 {
		return
	}
	var seen uint64
	for i := range kept {
		u := &kept[i]
		if !u.own() {
			continue
		}
		bit := uint64(1) << u.vantage
		stay[i] = stay[i] || seen&bit == 0 || u.flags&useReturned != 0
		seen |= bit
	}
}

// returns are first uses elsewhere again, by network.
type returns []comeback

type comeback struct {
	network string
	use     use
}

func (all *returns) add(network string, u *use) {
	if u != nil {
		if x := (comeback{network, *u}); !all.has(x) {
			*all = append(*all, x)
		}
	}
}

func (all *returns) has(x comeback) bool {
	return slices.ContainsFunc(*all, func(o comeback) bool { return o.network == x.network && o.use.is(&x.use) })
}

// tellBack makes the sighting: apart, if the use stands for a return, and not, if it turned out to be none, or not the first.
func (t *Tokens) tellBack(s *session, e *schema.Event, x comeback, stands, late bool, out *Output) {
	g := t.sighting(s, e, &x.use)
	g.Kind, g.Apart, g.Scope, g.Subject = schema.SightingBack, stands, schema.ScopeNetwork, x.network
	event := g.EventID
	if late { // each change of what is said of one event is another sighting
		event += "\x00" + strconv.FormatBool(stands) + e.ID
	}
	g.ID = schema.SightingID(g.Kind, g.Tenant, g.Scope, g.Subject, g.Token, event)
	out.Sightings = append(out.Sightings, g)
}

// back finds, of the uses that are kept but one, the first one since the token came to a vantage that is elsewhere, at a vantage that it
// had before; nil where there is none.
func (t *Tokens) back(s *session, p *vantage, without *use) (next *use) {
	first := t.firstUses(s, without)
	came := &first[p.number]
	if came.vantage == noVantage {
		return nil
	}
	var home [maxVantages + 1]bool
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		o := t.vantages.at(r)
		f := &first[o.number]
		home[o.number] = f.vantage != noVantage && t.before(f, came) && !Equivalent(t.decodeVantage(o), t.decodeVantage(p))
	}
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if o.own() && home[o.vantage] && !o.is(without) && t.before(came, o) && (next == nil || t.before(o, next)) {
				next = o
			}
		}
	}
	return next
}

// own reports whether this token was accepted at a vantage.
func (u *use) own() bool { return u.flags&(useRejected|useInherited) == 0 && u.vantage != noVantage }

func (u *use) is(o *use) bool { return o != nil && u.id == o.id && u.kind == o.kind }

func rentable(c schema.NetworkClass) bool {
	switch c {
	case schema.NetworkUnknown, schema.NetworkHosting, schema.NetworkVPN, schema.NetworkTor:
		return true
	}
	return false
}
