package detect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// What a token lane tells subject lanes. Of the accepted uses of a token at one vantage in one cell of half an hour the first one is told
// to the user; the first one of all and the first one at each vantage also to the network, the first one of all also to the session. What a
// late event shows to have been told wrongly is told again under the same event: moved or used corrects born, known corrects rejected, and
// back is taken back.

// SightingCell is how often, in event time, a user's lane hears of a token that goes on being used at one vantage.
const SightingCell = int64(30 * 60 * 1e9)

// sight tells of a use that was just added. before is the session as it was.
func (t *Tokens) sight(s, before *session, e *schema.Event, u *use, late, named bool, out *Output) {
	if t.loading || s.flags&sessionPartial != 0 { // judged without history: when that is back the lane starts again, and tells
		if u.own() {
			s.flags |= sessionAccepted
			if t.loading && (late || u.vantage != before.vantage) {
				t.sightBack(s, e, u, late, out) // so that it isn't told once more
			}
		}
		return
	}
	if known := before.flags&sessionHasUse != 0 && millis(e.Time) <= millis(before.newest) || s.flags&sessionEnded != 0; named && known && t.newlyNamed(s, e, u.actor) {
		defer t.sightAgain(s, e, out) // whose token it was then is known only now
	}
	if !late || named {
		s.flags &^= sessionTold
	}
	if u.vantage == noVantage {
		return
	}
	if u.flags&useRejected != 0 {
		if s.flags&sessionAccepted == 0 {
			t.sightRejected(s, e, u, out)
		}
		return
	}
	s.flags |= sessionAccepted
	if !late {
		s.flags |= sessionTold
	}
	turn := u.flags&(useStart|useRotation) != 0
	if !late && !named && !turn && u.vantage == before.vantage && before.flags&sessionTold != 0 &&
		floorDiv(before.newest, SightingCell) == floorDiv(u.at(), SightingCell) && !t.namedBetween(s, before.newest, u.at()) {
		return
	}
	if before.flags&sessionAccepted == 0 && before.flags&sessionHasUse != 0 {
		t.sightKnown(s, e, u, out)
	}
	t.names(s)
	at := t.place(s, u)
	if turn {
		for scope := range at.standing {
			at.standing[scope] = max(at.standing[scope], firstInCell)
		}
	}
	t.tell(s, e, u, at.standing, false, out)
	if late && at.standing[toNetwork] >= firstHere {
		t.sightMoves(s, e, u, out)
	}
	if late || u.vantage != before.vantage || before.flags&sessionTold == 0 {
		t.sightBack(s, e, u, late, out)
	}
	for scope, next := range at.next {
		for i, o := range next {
			if o == nil || at.standing[scope] < [...]standing{firstOfAll, firstHere}[i] {
				continue
			}
			var now [audiences]standing
			now[scope] = max(t.place(s, o).standing[scope], firstInCell)
			t.tell(s, e, o, now, true, out)
		}
	}
}

// standing is how a use stands among the uses of its token that concern one audience.
type standing uint8

const (
	seenBefore  standing = iota // not the first at its vantage in its cell
	firstInCell                 // of its vantage
	firstHere                   // at its vantage
	firstOfAll
)

// Audiences of sightings.
const (
	toNetwork = iota
	toUser    // of the uses that are known to be the user's
	toSession
	audiences
)

func (p standing) kind() schema.SightingKind {
	switch p {
	case firstOfAll:
		return schema.SightingBorn
	case firstHere:
		return schema.SightingMoved
	}
	return schema.SightingUsed
}

// placing is how a use stands, and which uses were the first of all and the first at its vantage before it.
type placing struct {
	standing [audiences]standing
	next     [audiences][2]*use
}

func (t *Tokens) place(s *session, u *use) (p placing) {
	user, session := t.whose(u)
	ranks := [audiences]rank{}
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if o.flags&(useRejected|useInherited) != 0 || o.vantage == noVantage || o.id == u.id && o.kind == u.kind {
				continue
			}
			t.rank(&ranks[toNetwork], o, u)
			if user == "" && session == "" {
				continue
			}
			by, under := t.whose(o)
			if by == user {
				t.rank(&ranks[toUser], o, u)
			}
			if under == session {
				t.rank(&ranks[toSession], o, u)
			}
		}
	}
	concerned := [audiences]bool{true, user != "", session != ""}
	for scope := range ranks {
		if concerned[scope] {
			p.standing[scope], p.next[scope] = ranks[scope].standing(), ranks[scope].next
		}
	}
	return p
}

// rank is what is known of a use's standing so far.
type rank struct {
	older, here, seen bool    // there is an older use; at the vantage; in its cell
	next              [2]*use // the next use, and the next at the vantage
}

func (t *Tokens) rank(k *rank, o, u *use) {
	if !t.before(o, u) {
		if k.next[0] == nil || t.before(o, k.next[0]) {
			k.next[0] = o
		}
		if t.akin(o, u) && (k.next[1] == nil || t.before(o, k.next[1])) {
			k.next[1] = o
		}
		return
	}
	k.older = true
	if t.akin(o, u) {
		k.here = true
		k.seen = k.seen || floorDiv(o.at(), SightingCell) == floorDiv(u.at(), SightingCell)
	}
}

// akin reports whether two uses are of one device in one city on one provider's network: which address of it, nobody needs to be told.
func (t *Tokens) akin(a, b *use) bool {
	if a.vantage == b.vantage {
		return true
	}
	x, y := t.outlines[a.vantage&63], t.outlines[b.vantage&63]
	return x == y && x.asn != 0
}

// outline is a vantage without its address and browser version.
type outline struct {
	device, cnf        uint64
	asn, country, city uint32
	family, os         uint32
	network, class     uint8
}

// chart has akin know the session's vantages.
func (t *Tokens) chart(s *session) {
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		p := t.vantages.at(r)
		t.outlines[p.number&63] = outline{device: p.device, cnf: p.cnf, asn: p.asn, country: p.country, city: p.city, family: p.family, os: p.os,
			network: p.network, class: p.class}
	}
}

func (k *rank) standing() standing {
	switch {
	case k.seen:
		return seenBefore
	case !k.older:
		return firstOfAll
	case !k.here:
		return firstHere
	}
	return firstInCell
}

// said is what one actor of the session says.
type said struct {
	since         int64 // Unix milliseconds
	user, session string
	number        uint8
}

// whose is who used the token and under which session, as far as was said up to then: by the event itself, else by the last that goes
// with the rest, as for findings.
func (t *Tokens) whose(u *use) (user, session string) {
	names := t.said
	for i := range names {
		if names[i].number == u.actor {
			user, session = names[i].user, names[i].session
		}
	}
	until := millis(u.at())
	if user == "" {
		last := int64(-1)
		for i := range names {
			n := &names[i]
			fits := session == "" || n.session == "" || n.session == session
			if n.user != "" && fits && n.since <= until && (n.since > last || n.since == last && n.user > user) {
				last, user = n.since, n.user
			}
		}
	}
	if session == "" {
		last := int64(-1)
		for i := range names {
			n := &names[i]
			fits := user == "" || n.user == "" || n.user == user
			if n.session != "" && fits && n.since <= until && (n.since > last || n.since == last && n.session > session) {
				last, session = n.since, n.session
			}
		}
	}
	return user, session
}

// names has whose know the session's actors.
func (t *Tokens) names(s *session) {
	t.chart(s)
	t.said = t.said[:0]
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		a := t.actors.at(r)
		t.said = append(t.said, said{a.since(), t.texts.text(a.user), t.texts.text(a.session), a.number})
	}
}

// tell makes the sightings of one use: a correction goes to whoever was told otherwise.
func (t *Tokens) tell(s *session, e *schema.Event, u *use, at [audiences]standing, correction bool, out *Output) {
	if at == [audiences]standing{} {
		return
	}
	g := t.sighting(s, e, u)
	turn := g.Started || g.Rotated || correction
	if at[toUser] != seenBefore && g.User != "" {
		g.Kind = at[toUser].kind()
		t.tellTo(g, schema.ScopeUser, g.User, out)
	}
	if at[toNetwork] >= firstHere || at[toNetwork] != seenBefore && turn {
		n := g
		if n.Kind = at[toNetwork].kind(); n.Kind == schema.SightingMoved {
			n.Apart, n.NewDevice = t.moved(s, u)
		}
		t.tellTo(n, schema.ScopeNetwork, schema.Network(g.IP).String(), out)
	}
	if g.Session != "" && (at[toSession] == firstOfAll || at[toSession] != seenBefore && turn) {
		g.Kind = at[toSession].kind()
		t.tellTo(g, schema.ScopeSession, g.Session, out)
	}
}

func (t *Tokens) tellTo(g schema.Sighting, scope schema.Scope, subject string, out *Output) {
	g.Scope, g.Subject = scope, subject
	event := g.EventID
	if g.Apart || g.NewDevice { // told again, it is another sighting
		event += "\x00" + strconv.FormatBool(g.Apart) + strconv.FormatBool(g.NewDevice)
	}
	g.ID = schema.SightingID(g.Kind, g.Tenant, scope, subject, g.Token, event)
	out.Sightings = append(out.Sightings, g)
}

// sighting describes a use. Its texts are the symbols' own or copies.
func (t *Tokens) sighting(s *session, e *schema.Event, u *use) schema.Sighting {
	g := schema.Sighting{
		Tenant: strings.Clone(e.Tenant), Token: strings.Clone(e.Token), Lane: e.Partition, Time: u.at(), EventID: t.idText(eventID{u.id, u.kind}),
		Epoch: t.epochAt(s, e, u), Started: u.flags&useStart != 0, Rotated: u.flags&useRotation != 0, Rejected: u.flags&useRejected != 0,
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
	g.App = f.App
	g.User, g.Session = t.whose(u)
	return g
}

// epochAt is the life of the token that the use belongs to.
func (t *Tokens) epochAt(s *session, e *schema.Event, u *use) int {
	if s.flags&sessionEnded == 0 {
		return int(s.epoch)
	}
	return t.spread(s, e.Tenant, e.Token).Epoch(u.at(), t.idText(eventID{u.id, u.kind}))
}

// newlyNamed reports whether an event names a user or a session that nothing named up to its time.
func (t *Tokens) newlyNamed(s *session, e *schema.Event, who uint8) bool {
	user, session := e.User != "", e.Session != ""
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.number != who && a.since() <= millis(e.Time) {
			user = user && !t.texts.equal(a.user, e.User)
			session = session && !t.texts.equal(a.session, e.Session)
		}
	}
	return user || session
}

// namedBetween reports whether a user or a session was first named after one time and up to another, be it by an event that came before both.
func (t *Tokens) namedBetween(s *session, after, until int64) bool {
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.since() > millis(after) && a.since() <= millis(until) && (a.user != 0 || a.session != 0) {
			return true
		}
	}
	return false
}

// sightAgain tells the user of every use that is first at its vantage in its cell: it was not known whose they were when they came.
func (t *Tokens) sightAgain(s *session, e *schema.Event, out *Output) {
	if t.loading || s.flags&sessionPartial != 0 {
		return
	}
	t.names(s)
	for _, u := range slices.Clone(t.sorted(s)) {
		if u.flags&(useRejected|useInherited) != 0 || u.vantage == noVantage {
			continue
		}
		at := t.place(s, &u).standing
		at[toNetwork], at[toUser], at[toSession] = seenBefore, max(at[toUser], firstInCell), max(at[toSession], firstInCell)
		t.tell(s, e, &u, at, true, out) // which of them was told to be the first is not kept
	}
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		m := t.marks.at(r)
		t.sightEnd(s, e, MarkKind(m.kind), m.time, t.idText(eventID{m.id, m.idk}), out)
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
	t.names(s)
	g := t.sighting(s, e, u)
	g.Kind = schema.SightingRejected
	t.tellTo(g, schema.ScopeNetwork, schema.Network(g.IP).String(), out)
}

// sightKnown corrects what networks were told of a token's rejections, now that it was accepted before them.
func (t *Tokens) sightKnown(s *session, e *schema.Event, u *use, out *Output) {
	t.names(s)
	for _, o := range slices.Clone(t.sorted(s)) {
		if o.flags&useRejected != 0 && o.vantage != noVantage && t.before(u, &o) {
			g := t.sighting(s, e, &o)
			g.Kind = schema.SightingKnown
			t.tellTo(g, schema.ScopeNetwork, schema.Network(g.IP).String(), out)
		}
	}
}
