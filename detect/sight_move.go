package detect

import "github.com/hijackd/hijackd/schema"

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
	first := t.firstUses(s)
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

// firstUses returns the first use that is kept of each vantage, by number, of those that this token itself was accepted at.
func (t *Tokens) firstUses(s *session) (first [maxVantages + 1]use) {
	for i := range first {
		first[i].vantage = noVantage
	}
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if o.flags&(useRejected|useInherited) != 0 || o.vantage == noVantage {
				continue
			}
			if f := &first[o.vantage]; f.vantage == noVantage || t.before(o, f) {
				*f = *o
			}
		}
	}
	return first
}

// sightBack tells networks that a token had moved onto that it is used elsewhere again: once each, at a vantage that it had before it came
// there. Only those that a thief may rent are told, or may be for all that is known of them: anybody's phone comes and goes.
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
	first := t.firstUses(s)
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		p := t.vantages.at(r)
		came := &first[p.number]
		if !open(p) || came.vantage == noVantage {
			continue
		}
		x := u
		if u.vantage == p.number {
			if x = t.nextElsewhere(s, u, &first); !late || x == nil {
				continue
			}
		}
		home := &first[x.vantage]
		if home.vantage == noVantage || !t.before(home, came) || !t.before(came, x) {
			continue
		}
		if Equivalent(t.vantageAt(s, x.vantage), t.decodeVantage(p)) {
			continue
		}
		p.flags |= vantageLeft
		g := t.sighting(s, e, x)
		g.Kind = schema.SightingBack
		t.tellTo(g, schema.ScopeNetwork, schema.Network(t.decodeVantage(p).IP).String(), out)
	}
}

// nextElsewhere finds the first use after u at a vantage that the token had before it came to that of u.
func (t *Tokens) nextElsewhere(s *session, u *use, first *[maxVantages + 1]use) (next *use) {
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if o.flags&(useRejected|useInherited) != 0 || o.vantage == noVantage || o.vantage == u.vantage || !t.before(u, o) {
				continue
			}
			if t.before(&first[o.vantage], &first[u.vantage]) && (next == nil || t.before(o, next)) {
				next = o
			}
		}
	}
	return next
}

func rentable(c schema.NetworkClass) bool {
	switch c {
	case schema.NetworkUnknown, schema.NetworkHosting, schema.NetworkVPN, schema.NetworkTor:
		return true
	}
	return false
}
