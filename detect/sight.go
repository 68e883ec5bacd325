package detect

import (
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// What a token lane tells subject lanes. Of the accepted uses of a token at one vantage in one cell of ten minutes the first one is told
// to the user; the first one of all and the first one at each vantage also to the network, the first one of all also to the session. What a
// late event shows to have been told wrongly is told again under the same event: moved or used corrects born, known corrects rejected.

// SightingCell is how often, in event time, a user's lane hears of a token that goes on being used at one vantage.
const SightingCell = int64(10 * 60 * 1e9)

// sight tells of a use that was just added. before is the session as it was.
func (t *Tokens) sight(s, before *session, e *schema.Event, u *use, late, named bool, out *Output) {
	if u.vantage == noVantage || t.loading {
		return
	}
	if u.flags&useRejected != 0 {
		if s.flags&sessionAccepted == 0 {
			t.sightRejected(s, e, u, out)
		}
		return
	}
	s.flags |= sessionAccepted
	cell := floorDiv(u.at(), SightingCell)
	turn := e.Type == schema.SessionStarted || e.Type == schema.SessionRotated
	if !late && !turn && u.vantage == before.vantage && before.flags&sessionAccepted != 0 && floorDiv(before.newest, SightingCell) == cell {
		return
	}
	if before.flags&sessionAccepted == 0 && before.flags&sessionHasUse != 0 {
		t.sightKnown(s, e, u, out)
	}
	place, next := t.placed(s, u)
	if turn {
		place = max(place, firstInCell)
	}
	t.tell(s, e, u, place, out)
	if place == firstOfAll && next != nil {
		t.tell(s, e, next, t.relation(s, next), out)
	}
	if named && late {
		t.sightAgain(s, e, out) // whose token it was then is known only now
	}
}

// standing is how a use stands among the uses of its token.
type standing uint8

const (
	seenBefore  standing = iota // not the first at its vantage in its cell
	firstInCell                 // of its vantage
	firstHere                   // at its vantage
	firstOfAll
)

// placed says how an accepted use stands; next is, for the first of all, the use that was the first before.
func (t *Tokens) placed(s *session, u *use) (place standing, next *use) {
	cell, first, here := floorDiv(u.at(), SightingCell), true, true
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if o.flags&(useRejected|useInherited) != 0 || o.vantage == noVantage || o.id == u.id && o.kind == u.kind {
				continue
			}
			if !t.before(o, u) {
				if next == nil || t.before(o, next) {
					next = o
				}
				continue
			}
			if o.vantage == u.vantage && floorDiv(o.at(), SightingCell) == cell {
				return seenBefore, nil
			}
			first, here = false, here && o.vantage != u.vantage
		}
	}
	switch {
	case first:
		return firstOfAll, next
	case here:
		return firstHere, nil
	}
	return firstInCell, nil
}

func (t *Tokens) relation(s *session, u *use) standing {
	place, _ := t.placed(s, u)
	return place
}

// tell makes the sightings of one use.
func (t *Tokens) tell(s *session, e *schema.Event, u *use, place standing, out *Output) {
	if place == seenBefore {
		return
	}
	kind := map[standing]schema.SightingKind{firstInCell: schema.SightingUsed, firstHere: schema.SightingMoved, firstOfAll: schema.SightingBorn}[place]
	g := t.sighting(s, e, u)
	g.Kind, g.Rotated = kind, e.Type == schema.SessionRotated && g.EventID == e.ID
	if g.User != "" {
		t.tellTo(g, schema.ScopeUser, g.User, out)
	}
	if place >= firstHere {
		t.tellTo(g, schema.ScopeNetwork, schema.Network(g.IP).String(), out)
	}
	if (place == firstOfAll || g.Started || g.Rotated) && g.Session != "" {
		t.tellTo(g, schema.ScopeSession, g.Session, out)
	}
}

func (t *Tokens) tellTo(g schema.Sighting, scope schema.Scope, subject string, out *Output) {
	g.Scope, g.Subject = scope, subject
	g.ID = schema.SightingID(g.Kind, g.Tenant, scope, subject, g.Token, g.EventID)
	out.Sightings = append(out.Sightings, g)
}

// sighting describes a use. Its texts are the symbols' own or copies.
func (t *Tokens) sighting(s *session, e *schema.Event, u *use) schema.Sighting {
	g := schema.Sighting{
		Tenant: strings.Clone(e.Tenant), Token: strings.Clone(e.Token), Lane: e.Partition, Time: u.at(), EventID: t.idText(eventID{u.id, u.kind}),
		Epoch: t.epochAt(s, e, u), Started: u.flags&useStart != 0, Rejected: u.flags&useRejected != 0,
	}
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		if p := t.vantages.at(r); p.number == u.vantage {
			v := t.decodeVantage(p)
			g.IP, g.Geo, g.Agent, g.Device, g.JA4 = v.IP, v.Geo, v.Agent, v.Device, v.ja4
		}
	}
	var f schema.Finding
	t.view.actors = s.actors
	t.name(&f, u.actor)
	t.named(&f, u.at())
	g.User, g.Session, g.App = f.User, f.Session, f.App
	return g
}

// epochAt is the life of the token that the use belongs to.
func (t *Tokens) epochAt(s *session, e *schema.Event, u *use) int {
	if s.flags&sessionEnded == 0 {
		return int(s.epoch)
	}
	return t.spread(s, e.Tenant, e.Token).Epoch(u.at(), t.idText(eventID{u.id, u.kind}))
}

// sightAgain tells of every use that is first at its vantage in its cell: its user was not known when it came.
func (t *Tokens) sightAgain(s *session, e *schema.Event, out *Output) {
	for _, u := range append([]use(nil), t.sorted(s)...) {
		if u.flags&(useRejected|useInherited) != 0 || u.vantage == noVantage {
			continue
		}
		place := t.relation(s, &u)
		if u.flags&useStart != 0 {
			place = max(place, firstInCell)
		}
		t.tell(s, e, &u, place, out)
	}
}

// sightRejected tells a network of a token that it presented and that nobody accepted before.
func (t *Tokens) sightRejected(s *session, e *schema.Event, u *use, out *Output) {
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			if o := &c.uses[i]; o.vantage == u.vantage && o.flags&useRejected != 0 && t.before(o, u) {
				return
			}
		}
	}
	g := t.sighting(s, e, u)
	g.Kind = schema.SightingRejected
	t.tellTo(g, schema.ScopeNetwork, schema.Network(g.IP).String(), out)
}

// sightKnown corrects what networks were told of a token's rejections, now that it was accepted before them.
func (t *Tokens) sightKnown(s *session, e *schema.Event, u *use, out *Output) {
	for _, o := range append([]use(nil), t.sorted(s)...) {
		if o.flags&useRejected != 0 && o.vantage != noVantage && t.before(u, &o) {
			g := t.sighting(s, e, &o)
			g.Kind = schema.SightingKnown
			t.tellTo(g, schema.ScopeNetwork, schema.Network(g.IP).String(), out)
		}
	}
}

// sightEnd tells a user that a token of theirs is gone.
func (t *Tokens) sightEnd(s *session, e *schema.Event, kind MarkKind, out *Output) {
	if t.loading {
		return
	}
	as := schema.SightingEnded
	if kind == Revoked {
		as = schema.SightingRevoked
	}
	g := schema.Sighting{
		Kind: as, Tenant: strings.Clone(e.Tenant), Token: strings.Clone(e.Token), Lane: e.Partition, Time: e.Time, EventID: strings.Clone(e.ID),
		Rotated: kind == RotatedOut,
	}
	f := schema.Finding{User: strings.Clone(e.User), Session: strings.Clone(e.Session)}
	t.view.actors = s.actors
	t.named(&f, e.Time)
	g.User, g.Session = f.User, f.Session
	if g.User != "" {
		t.tellTo(g, schema.ScopeUser, g.User, out)
	}
	if g.Session != "" {
		t.tellTo(g, schema.ScopeSession, g.Session, out)
	}
}

// dismiss tells a user or a session that all its tokens are to be revoked.
func dismiss(t *Tokens, e *schema.Event, out *Output) {
	g := schema.Sighting{
		Kind: schema.SightingDismiss, Tenant: strings.Clone(e.Tenant), Lane: e.Partition, Time: e.Time, EventID: strings.Clone(e.ID),
		User: strings.Clone(e.User), Session: strings.Clone(e.Session),
	}
	switch {
	case g.Session != "":
		t.tellTo(g, schema.ScopeSession, g.Session, out)
	case g.User != "":
		t.tellTo(g, schema.ScopeUser, g.User, out)
	}
}
