package detect

import (
	"math"
	"slices"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// What is kept of a subject's sightings.
//
// Births and moves of the last lateness + window of event time before the newest sighting, and other uses of the last lateness +
// UseWindow, are kept whole: what comes up to lateness late finds what it would have found in order. Of what token lanes say of one event the
// word of the highest rank counts, for it corrects what they said before; of a token's uses at one vantage in one cell of ten minutes
// the earliest counts. So what judges see is, within the lateness and the bounds, a function of the set of sightings.

// news is what a sighting changed.
type news struct {
	at      Moment
	sight   *Sight // entered or corrected
	token   *Token // whose births or ends changed; nil for a dismissal
	late    bool   // something in event order after it was known already
	changed bool
}

// word ranks what is said of one event.
func word(k schema.SightingKind) int {
	return slices.Index([]schema.SightingKind{schema.SightingBorn, schema.SightingMoved, schema.SightingUsed, schema.SightingRejected, schema.SightingKnown}, k)
}

// enter keeps what a sighting says.
func (t *Subjects) enter(s *subject, e *schema.Sighting) news {
	n := news{at: Moment{e.Time, e.EventID}, late: e.Time <= s.newest}
	s.newest = max(s.newest, e.Time)
	if s.newest > s.pruned+t.lateness || s.pruned == math.MinInt64 {
		t.prune(s)
	}
	switch e.Kind {
	case schema.SightingDismiss:
		n.changed = s.scope != schema.ScopeNetwork && s.addGone(n.at)
	case schema.SightingEnded, schema.SightingRevoked:
		if s.scope != schema.ScopeNetwork && e.Token != "" {
			n.token = t.tokenOf(s, e)
			n.changed = s.addTurn(n.token, turn{n.at, true, e.Rotated})
			if e.Rotated {
				n.at.Event = "" // it throws a light on its successor's birth, at the same time
			}
		}
	case schema.SightingBorn, schema.SightingMoved, schema.SightingUsed:
		if e.Token != "" && !e.Rejected {
			t.enterUse(s, e, &n)
		}
	case schema.SightingBack:
		if s.scope == schema.ScopeNetwork && e.Token != "" {
			t.enterBack(s, e, &n)
		}
	case schema.SightingRejected, schema.SightingKnown:
		if s.scope == schema.ScopeNetwork && e.Token != "" && s.room(n.at.Time, rejects) {
			n.sight = t.addSight(s, t.tokenOf(s, e), e)
			n.changed = n.sight != nil
		}
	}
	return n
}

// enterBack keeps that a token is used elsewhere again, or takes it back.
func (t *Subjects) enterBack(s *subject, e *schema.Sighting, n *news) {
	k := s.token(e.Token)
	known := k != nil && slices.ContainsFunc(k.sights, func(o *Sight) bool { return o.Moment == n.at })
	if !known && (!e.Apart || !s.room(e.Time, acts)) {
		return
	}
	n.sight = t.addSight(s, t.tokenOf(s, e), e)
	if n.changed = n.sight != nil; n.changed && !e.Apart {
		for _, o := range n.sight.Token.sights { // what was found of the token's arrival stands without it
			if o.Before(n.at) {
				n.at = o.Moment
			}
		}
	}
}

func (t *Subjects) enterUse(s *subject, e *schema.Sighting, n *news) {
	class := (&Sight{Kind: e.Kind, Started: e.Started, Rotated: e.Rotated}).class()
	if s.scope == schema.ScopeNetwork && !s.room(e.Time, class) {
		return
	}
	k := t.tokenOf(s, e)
	n.token = k
	if n.at.Before(k.first) || k.first == (Moment{}) {
		s.bytes += len(e.EventID) - len(k.first.Event)
		k.first = Moment{e.Time, strings.Clone(e.EventID)}
		n.changed = true
	}
	if e.Started && s.addTurn(k, turn{Moment: n.at}) {
		n.changed = true
	}
	if s.addNaming(k, e) {
		n.changed = true
		n.at.Event = "" // it holds for all that is of its time
	}
	if s.scope != schema.ScopeSession {
		n.sight = t.addSight(s, k, e)
		n.changed = n.changed || n.sight != nil
	}
}

// tokenOf returns the token that a sighting is about, entering it where it is new.
func (t *Subjects) tokenOf(s *subject, e *schema.Sighting) *Token {
	k := s.token(e.Token)
	if k == nil {
		k = &Token{Name: strings.Clone(e.Token), Lane: e.Lane, last: e.Time}
		s.tokens = append(s.tokens, k)
		if s.index != nil {
			s.index[k.Name] = k
		} else if len(s.tokens) > fewTokens {
			s.index = map[string]*Token{}
			for _, o := range s.tokens {
				s.index[o.Name] = o
			}
		}
		s.bytes += tokenBytes + len(k.Name)
		if len(s.tokens) > maxTokens && s.scope != schema.ScopeNetwork { // its sights are bounded, and so its tokens
			t.forgetTokens(s, k)
		}
	}
	k.last = max(k.last, e.Time)
	return k
}

// addSight keeps a use or a rejection; nil where it says nothing new, or is older than what is kept.
func (t *Subjects) addSight(s *subject, k *Token, e *schema.Sighting) *Sight {
	x := &Sight{
		Moment: Moment{e.Time, e.EventID}, Kind: e.Kind, Token: k, Epoch: e.Epoch, Started: e.Started, Rotated: e.Rotated, Apart: e.Apart, NewDevice: e.NewDevice,
	}
	for _, o := range k.sights {
		if o.Moment == x.Moment {
			return s.correct(o, x)
		}
	}
	place := t.placeOf(s, e)
	cell := floorDiv(x.Time, SightingCell)
	for _, o := range k.sights {
		if !o.place.akin(place) || o.Kind == schema.SightingBack || x.Kind == schema.SightingBack || o.class() == rejects || o.Started || o.Rotated || x.class() == rejects || x.Started || x.Rotated || floorDiv(o.Time, SightingCell) != cell {
			continue
		}
		if o.Before(x.Moment) {
			s.unplace(place)
			return nil
		}
		s.removeSight(o)
		break
	}
	if s.habits != nil && place != nil {
		s.habits.learn(s, x, place)
	}
	if x.Time < t.horizon(s, x.class()) {
		s.unplace(place)
		return nil
	}
	if place != nil {
		place.sights++
		x.place, x.Vantage = place, &place.vantage
	}
	x.Event, x.App = strings.Clone(x.Event), t.keepText(e.App)
	s.insert(x)
	if s.crowd != nil {
		s.serve(x)
	}
	if s.scope == schema.ScopeUser && s.count[x.class()] > mostSights[s.scope][x.class()] {
		s.dropOldest(x.class())
	}
	return x
}

// correct takes over what is said anew of an event; nil where that is nothing.
func (s *subject) correct(o, x *Sight) *Sight {
	was := *o
	switch rise := word(x.Kind) - word(o.Kind); {
	case rise > 0:
		if s.crowd != nil {
			s.unserve(o)
		}
		s.count[o.class()]--
		o.Kind, o.Apart, o.NewDevice = x.Kind, x.Apart, x.NewDevice
		s.count[o.class()]++
	case rise == 0 && x.Kind == schema.SightingBack: // the last word counts
		o.Apart = x.Apart
	case rise == 0: // an earlier use that comes to light can only explain more
		o.Apart, o.NewDevice = o.Apart && x.Apart, o.NewDevice && x.NewDevice
	}
	o.Epoch = max(o.Epoch, x.Epoch)
	if *o == was {
		return nil
	}
	return o
}

func (s *subject) insert(x *Sight) {
	after := func(o *Sight, at Moment) int {
		if o.Before(at) {
			return -1
		}
		return 1
	}
	i, _ := slices.BinarySearchFunc(s.sights, x.Moment, after)
	s.sights = slices.Insert(s.sights, i, x)
	x.Token.sights = append(x.Token.sights, x)
	s.count[x.class()]++
	s.bytes += sightBytes + len(x.Event)
}

// forgetSight gives back what a sight takes, the lists of subject and token apart.
func (s *subject) forgetSight(x *Sight) {
	s.count[x.class()]--
	s.bytes -= sightBytes + len(x.Event)
	if x.place != nil {
		x.place.sights--
		s.unplace(x.place)
	}
}

func (s *subject) removeSight(x *Sight) {
	s.sights = slices.DeleteFunc(s.sights, func(o *Sight) bool { return o == x })
	x.Token.sights = slices.DeleteFunc(x.Token.sights, func(o *Sight) bool { return o == x })
	s.forgetSight(x)
}

func (s *subject) dropOldest(class int) {
	for _, x := range s.sights {
		if x.class() == class {
			s.thinned = s.newest
			s.removeSight(x)
			return
		}
	}
}

// room reports whether a network has room for one more sight of a class.
func (s *subject) room(at int64, class int) bool {
	if s.count[class] < mostSights[s.scope][class] {
		return true
	}
	s.thinned = max(s.thinned, at)
	return false
}

// addTurn keeps a birth or an end; false where it is known.
func (s *subject) addTurn(k *Token, n turn) bool {
	if slices.Contains(k.turns, n) {
		return false
	}
	if len(k.turns) >= maxTurns {
		oldest := slices.IndexFunc(k.turns, func(o turn) bool {
			return !slices.ContainsFunc(k.turns, func(p turn) bool { return p.Before(o.Moment) })
		})
		if n.Before(k.turns[oldest].Moment) {
			return false
		}
		s.bytes -= turnBytes + len(k.turns[oldest].Event)
		k.turns = slices.Delete(k.turns, oldest, oldest+1)
	}
	n.Event = strings.Clone(n.Event)
	k.turns = append(k.turns, n)
	s.bytes += turnBytes + len(n.Event)
	return true
}

// addNaming keeps whose a token is; false where it is known.
func (s *subject) addNaming(k *Token, e *schema.Sighting) bool {
	n := naming{e.Time, e.User, e.Session}
	if n.user == "" && n.session == "" {
		return false
	}
	for i := range k.names {
		if o := &k.names[i]; o.user == n.user && o.session == n.session {
			earlier := n.since < o.since
			o.since = min(o.since, n.since)
			return earlier
		}
	}
	if len(k.names) >= maxNamings {
		return false
	}
	n.user, n.session = strings.Clone(n.user), strings.Clone(n.session)
	k.names = append(k.names, n)
	s.bytes += namingBytes + len(n.user) + len(n.session)
	return true
}

func (s *subject) addGone(at Moment) bool {
	if slices.Contains(s.gone, at) {
		return false
	}
	at.Event = strings.Clone(at.Event)
	s.gone = append(s.gone, at)
	slices.SortFunc(s.gone, func(a, b Moment) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	s.bytes += momentBytes + len(at.Event)
	if len(s.gone) > maxDismissed {
		s.bytes -= momentBytes + len(s.gone[0].Event)
		s.gone = slices.Delete(s.gone, 0, 1)
	}
	return true
}
