package detect

import (
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/hijackd/hijackd/schema"
)

// subject is what is kept of a user, a network or a session. Of a session only tokens and dismissals are.
type subject struct {
	key     schema.Key
	scope   schema.Scope
	slot    int   // its place in the ring
	last    int64 // offset of the last sighting folded
	newest  int64 // time of the newest sighting, Unix nanoseconds
	pruned  int64 // newest as it was when last pruned
	thinned int64 // newest as it was when something that might matter was last dropped, 0 for never
	tokens  []*Token
	index   map[string]*Token // of tokens, where they are many
	sights  []*Sight          // in event order
	count   [kinds]int        // of sights
	places  []*placed
	gone    []Moment // dismissals, in event order
	habits  *habits  // of a user
	crowd   *crowd   // of a network
	said    []saying
	bytes   int  // what it takes
	paid    int  // what of it the budget knows
	recent  bool // touched since the clock hand passed
	partial bool // its history could not be read
}

// Kinds of sights as far as their bounds go.
const (
	acts    = iota // births, moves, logins, returns
	uses           // others
	rejects        // rejections
	kinds
)

func (x *Sight) class() int {
	switch {
	case x.Kind == schema.SightingRejected || x.Kind == schema.SightingKnown:
		return rejects
	case x.Kind == schema.SightingUsed && !x.Started && !x.Rotated:
		return uses
	}
	return acts
}

// placed is a vantage of a subject, with the number of its sights.
type placed struct {
	vantage Vantage
	spot    uint64 // its network in coarse form; of users
	since   int64  // when the user's habits learned it, if they did
	learned bool
	sights  int
}

// Bounds per subject. What is beyond: of tokens the one longest unseen is forgotten; of a user's sights the oldest; of a network's the
// one that just came, so that a flood does not wash away what came before it.
const (
	maxTokens    = 1024
	idleTokens   = 64 // beyond so many, tokens unseen for idleFor are forgotten
	idleFor      = 24 * int64(UseWindow)
	maxNamings   = 8
	maxTurns     = 8 // of a token: the latest
	maxDismissed = 16
	fewTokens    = 16 // up to so many are searched one by one
)

var mostSights = map[schema.Scope][kinds]int{
	schema.ScopeUser:    {64, 256, 0},
	schema.ScopeNetwork: {512, 512, 1024}, // of a network's uses only corrections come
}

// Sizes that are accounted for, with what slices and the allocator add.
const (
	subjectBytes = int(unsafe.Sizeof(subject{})) + 96 // with its place in table and ring
	tokenBytes   = int(unsafe.Sizeof(Token{})) + 24
	sightBytes   = int(unsafe.Sizeof(Sight{})) + 32
	placedBytes  = int(unsafe.Sizeof(placed{})) + 16
	namingBytes  = int(unsafe.Sizeof(naming{}))
	turnBytes    = int(unsafe.Sizeof(turn{}))
	momentBytes  = int(unsafe.Sizeof(Moment{}))
)

// begin makes an empty record for a key.
func (t *Subjects) begin(k schema.Key, scope schema.Scope) *subject {
	s := &subject{key: k, scope: scope, slot: len(t.ring), last: -1, newest: math.MinInt64, pruned: math.MinInt64, bytes: subjectBytes}
	switch scope {
	case schema.ScopeUser:
		s.habits = &habits{}
		s.bytes += habitsBytes
	case schema.ScopeNetwork:
		s.crowd = &crowd{}
		s.bytes += crowdBytes
	}
	t.table[k] = s
	t.ring = append(t.ring, s)
	return s
}

// settle accounts for what the subjects take now, evicting others where it is more than there is.
func (t *Subjects) settle(s *subject) {
	more := s.bytes - s.paid
	for more > 0 && !t.budget.take(more) {
		if !t.evict() {
			t.pressed = true
			t.budget.force(more)
			break
		}
	}
	if more < 0 {
		t.budget.force(more)
	}
	t.taken += more
	s.paid += more
}

// evict drops one subject that was not touched lately and is stored whole (CLOCK); false where none is found.
func (t *Subjects) evict() bool {
	for range 2 * len(t.ring) {
		t.hand++
		if t.hand >= len(t.ring) {
			t.hand = 0
		}
		s := t.ring[t.hand]
		switch {
		case s == t.pinned || s.last >= t.stored:
		case s.recent:
			s.recent = false
		default:
			t.drop(s)
			return true
		}
	}
	return false
}

func (t *Subjects) drop(s *subject) {
	delete(t.table, s.key)
	last := t.ring[len(t.ring)-1]
	t.ring[s.slot], last.slot = last, s.slot
	t.ring = t.ring[:len(t.ring)-1]
	t.budget.force(-s.paid)
	t.taken -= s.paid
}

// keepText returns a copy of a text that recurs, shared with others where there is room for it.
func (t *Subjects) keepText(s string) string {
	if kept := t.symbols.Text(t.symbols.Number(s)); kept == s {
		return kept
	}
	return strings.Clone(s)
}

// akin is what the function of that name is in token lanes: of uses at such places they tell the first.
func (p *placed) akin(o *placed) bool {
	if p == o || p == nil || o == nil {
		return p == o
	}
	a, b := &p.vantage, &o.vantage
	return a.Geo.ASN != 0 && a.Geo.ASN == b.Geo.ASN && a.Geo.Country == b.Geo.Country && a.Geo.City == b.Geo.City && a.Geo.Network == b.Geo.Network &&
		a.Agent.Family == b.Agent.Family && a.Agent.OS == b.Agent.OS && a.Agent.Class == b.Agent.Class && a.device == b.device
}

// placeOf returns where and how the event of a sighting was, entering it where it is new; nil for an event without an address.
func (t *Subjects) placeOf(s *subject, e *schema.Sighting) *placed {
	v, ok := vantageOf(&schema.Event{IP: e.IP, Geo: e.Geo, Agent: e.Agent, Device: e.Device, JA4: e.JA4})
	if !ok {
		return nil
	}
	if v.Geo.Network > schema.NetworkAnycast {
		v.Geo.Network = schema.NetworkUnknown
	}
	if g := &v.Geo; !g.HasPlace || math.IsNaN(g.Lat+g.Lon) || math.IsInf(g.Lat+g.Lon, 0) {
		g.HasPlace, g.Lat, g.Lon = false, 0, 0
	} else {
		g.Lat, g.Lon = max(-90, min(90, g.Lat)), max(-180, min(180, g.Lon))
	}
	for _, p := range s.places {
		if p.vantage == v {
			return p
		}
	}
	for _, text := range []*string{&v.Geo.Country, &v.Geo.City, &v.Geo.ASOrg, &v.Agent.Family, &v.Agent.OS, &v.ja4} {
		*text = t.keepText(*text)
	}
	v.Device = strings.Clone(v.Device)
	p := &placed{vantage: v}
	if s.habits != nil {
		p.spot = spotOf(&v)
	}
	s.places = append(s.places, p)
	s.bytes += placedBytes + len(v.Device)
	return p
}

// unplace drops a place without sights.
func (s *subject) unplace(p *placed) {
	if p == nil || p.sights > 0 {
		return
	}
	s.places = slices.DeleteFunc(s.places, func(o *placed) bool { return o == p })
	s.bytes -= placedBytes + len(p.vantage.Device)
}

// token finds a token of the subject, or nil.
func (s *subject) token(name string) *Token {
	if s.index != nil {
		return s.index[name]
	}
	for _, k := range s.tokens {
		if k.Name == name {
			return k
		}
	}
	return nil
}
