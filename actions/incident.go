package actions

import (
	"cmp"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	// incidentGap is how far, in event time, a finding may be from those of an incident to belong to it.
	incidentGap = time.Hour
	// openFor is how long after its last change, in record time, an incident is open.
	openFor = 24 * time.Hour
	// incidentsMost bounds the incidents in memory; those shown, over and changed longest ago go first.
	incidentsMost = 1000
	// Of one incident a card holds so much. Findings beyond the strongest are counted by their ids, so that one that comes again does not
	// count again; of a life no more are kept anyway.
	cardFindings = 8
	cardRest     = perSubject - cardFindings
	cardActions  = 16
	cardNotes    = 32
	cardApps     = 8
	noteMost     = 256 // bytes of a reason
)

// incidents are those that a lane remembers. The log has the cards; what actions and orders change in them follows from the records
// of those, so that every reader of the log comes to the same version.
type incidents struct {
	byID      map[string]*incident
	byFinding map[string]*incident
	byAction  map[string][]*incident
	about     map[incidentKey][]*incident // by opening
	lives     map[incidentKey][]*incident // by the lives that their actions revoked
	opened    map[int64]int               // Unix minute of record time: how many opened
	dirty     []*incident                 // changed by findings, and not in the log yet
	unshown   map[string]*incident
	forgotten []string // that messages may wait for
	perMinute int      // opened per minute at most; 0: without limit
	boardless bool     // what is opened gets no card
}

// incidentKey is what an incident is about: a life of a token, or a user, network or app.
type incidentKey struct {
	tenant  string
	scope   schema.Scope
	subject string
	epoch   int
}

// incident is a card and how far it is shown.
type incident struct {
	card      Card
	dirty     bool
	said      time.Time // record time at which the log said this version last
	uncertain bool      // its message may stand already
	first, at time.Time // of showing: when this owner tried first, and not before
	tries     int
}

func newIncidents() incidents {
	return incidents{
		byID: map[string]*incident{}, byFinding: map[string]*incident{}, byAction: map[string][]*incident{}, about: map[incidentKey][]*incident{},
		lives: map[incidentKey][]*incident{}, opened: map[int64]int{}, unshown: map[string]*incident{}, perMinute: stormDefault,
	}
}

// keyOf is what the incident of a finding is about.
func keyOf(x *schema.Finding) incidentKey {
	if x.Token != "" {
		return incidentKey{x.Tenant, schema.ScopeToken, x.Token, x.Epoch}
	}
	return incidentKey{x.Tenant, x.Scope, x.Subject, 0}
}

func (i *incident) key() incidentKey {
	return incidentKey{i.card.Tenant, i.card.Scope, i.card.Subject, i.card.Epoch}
}

// open reports whether more is to be expected of an incident at a record time.
func (i *incident) open(at time.Time) bool { return at.Sub(i.card.Changed) < openFor || i.unfinished() }

func (i *incident) unfinished() bool {
	return slices.ContainsFunc(i.card.Actions, func(a schema.Action) bool { return a.State < schema.ActionDiscarded })
}

// cardless reports whether the incident has no message and gets none: there was no board, or it refused the card for good.
func (c *Card) cardless() bool { return c.Shown > 0 && c.Message == Message{} }

// join returns the incident that a finding belongs to: of the same subject within an hour, or the one in which its token was revoked,
// while that is open. Only those count that had opened by then, so that a signal that is read again finds no later one.
func (s *incidents) join(at time.Time, x *schema.Finding) *incident {
	k := keyOf(x)
	for _, i := range slices.Backward(s.about[k]) {
		if !i.card.At.After(at) && x.Time.Sub(i.card.Last) <= incidentGap && i.card.Opened.Sub(x.Time) <= incidentGap {
			return i
		}
	}
	if x.Token == "" {
		return nil
	}
	ended := s.lives[k]
	if x.User != "" {
		ended = append(slices.Clone(s.lives[incidentKey{x.Tenant, schema.ScopeUser, x.User, 0}]), ended...)
	}
	for _, i := range slices.Backward(ended) {
		if !i.card.At.After(at) && i.open(at) && (i.key() == k || replays(x)) {
			return i
		}
	}
	return nil
}

// start opens an incident with its first finding, or returns nil where too many opened in the same minute.
func (s *incidents) start(at time.Time, x *schema.Finding, first string) *incident {
	minute := at.Unix() / 60
	if s.perMinute > 0 && s.opened[minute] >= s.perMinute {
		return nil
	}
	k := keyOf(x)
	i := &incident{card: Card{ID: schema.IncidentID(k.tenant, k.scope, k.subject, first), Tenant: k.tenant, Scope: k.scope, Subject: k.subject, Epoch: k.epoch, Opened: x.Time, Last: x.Time, At: at}}
	if s.boardless {
		i.card.Shown = 1
	}
	s.enter(i)
	return i
}

// enter takes an incident in that is not known.
func (s *incidents) enter(i *incident) {
	k := i.key()
	s.byID[i.card.ID] = i
	s.about[k] = append(s.about[k], i)
	slices.SortStableFunc(s.about[k], func(a, b *incident) int {
		return cmp.Or(a.card.At.Compare(b.card.At), cmp.Compare(a.card.ID, b.card.ID))
	})
	s.opened[i.card.At.Unix()/60]++
	s.index(i)
	s.trim(i)
}

// index makes an incident known by what its card holds.
func (s *incidents) index(i *incident) {
	for n := range i.card.Findings {
		s.byFinding[i.card.Findings[n].ID] = i
	}
	for _, id := range i.card.Rest {
		s.byFinding[id] = i
	}
	for n := range i.card.Actions {
		s.indexAction(i, &i.card.Actions[n])
	}
	s.showable(i)
}

func (s *incidents) indexAction(i *incident, a *schema.Action) {
	if is := s.byAction[a.ID]; !slices.Contains(is, i) {
		s.byAction[a.ID] = append(is, i)
	}
	if k, ok := lifeOf(a); ok && !slices.Contains(s.lives[k], i) {
		s.lives[k] = append(s.lives[k], i)
	}
}

// showable keeps the incidents whose cards are behind.
func (s *incidents) showable(i *incident) {
	if i.card.Version > i.card.Shown && !i.card.cardless() {
		s.unshown[i.card.ID] = i
	} else {
		delete(s.unshown, i.card.ID)
	}
}

// trim keeps the bound: an eighth goes at once, but never the one that is being entered.
func (s *incidents) trim(but *incident) {
	if len(s.byID) <= incidentsMost {
		return
	}
	var is []*incident
	for _, i := range s.byID {
		if i != but && !i.dirty {
			is = append(is, i)
		}
	}
	rank := func(i *incident) int {
		switch {
		case i.card.Version > i.card.Shown && !i.card.cardless():
			return 2
		case i.unfinished():
			return 1
		}
		return 0
	}
	slices.SortFunc(is, func(a, b *incident) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.card.Changed.Compare(b.card.Changed), cmp.Compare(a.card.ID, b.card.ID))
	})
	for _, i := range is[:min(len(is), incidentsMost/8)] {
		s.forget(i)
	}
}

func (s *incidents) forget(i *incident) {
	without := func(m map[incidentKey][]*incident, k incidentKey) {
		if m[k] = slices.DeleteFunc(m[k], func(o *incident) bool { return o == i }); len(m[k]) == 0 {
			delete(m, k)
		}
	}
	for n := range i.card.Findings {
		delete(s.byFinding, i.card.Findings[n].ID)
	}
	for _, id := range i.card.Rest {
		delete(s.byFinding, id)
	}
	for n := range i.card.Actions {
		a := &i.card.Actions[n]
		if s.byAction[a.ID] = slices.DeleteFunc(s.byAction[a.ID], func(o *incident) bool { return o == i }); len(s.byAction[a.ID]) == 0 {
			delete(s.byAction, a.ID)
		}
		if k, ok := lifeOf(a); ok {
			without(s.lives, k)
		}
	}
	without(s.about, i.key())
	minute := i.card.At.Unix() / 60
	if s.opened[minute]--; s.opened[minute] <= 0 {
		delete(s.opened, minute)
	}
	delete(s.byID, i.card.ID)
	delete(s.unshown, i.card.ID)
	s.forgotten = append(s.forgotten, i.card.ID)
}
