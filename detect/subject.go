package detect

import (
	"github.com/hijackd/hijackd/schema"
)

// Subjects is the fold of a subject lane: what is known of each user, network, session and app, and the rules over it. It is not safe for
// concurrent use.
type Subjects struct {
	apps     *apps
	rules    []Running // those with a judge of users or networks
	windows  map[schema.Scope]int64
	lateness int64
	budget   *Budget
	keyer    schema.Keyer
	symbols  *Symbols
	table    map[schema.Key]*subject
	ring     []*subject          // all of table, for the clock
	hand     int                 // of the clock
	empty    map[schema.Key]bool // loaded without any history; whether that is complete
	taken    int                 // bytes of the budget
	stored   int64               // rows of sightings before this offset are stored
	pinned   *subject            // the one being folded
	pressed  bool
	loading  bool
	geoip    geoip
	view     Subject
	scratch  Output
}

// NewSubjects returns a fold without any state.
func NewSubjects(o Options) *Subjects {
	if o.Lateness == 0 {
		o.Lateness = DefaultLateness
	}
	t := &Subjects{
		apps: newApps(o), lateness: int64(o.Lateness), budget: o.Budget, keyer: o.Keyer, symbols: o.Symbols, geoip: geoip(o.GeoIP),
		table: map[schema.Key]*subject{}, empty: map[schema.Key]bool{}, windows: map[schema.Scope]int64{},
	}
	for _, r := range o.Rules {
		if r.Subject != nil {
			t.rules = append(t.rules, r)
			t.windows[r.Subject.Scope()] = max(t.windows[r.Subject.Scope()], int64(r.Subject.Window()))
		}
	}
	return t
}

// Subject names what a sighting is about: scope and subject, for names of users and networks may be the same.
func (t *Subjects) Subject(e *schema.Sighting) schema.Subject {
	return schema.Subject{Tenant: e.Tenant, Name: string(e.Scope) + ":" + e.Subject}
}

// Key is the key of the sighting's subject.
func (t *Subjects) Key(e *schema.Sighting) schema.Key {
	s := t.Subject(e)
	return t.keyer.Key(s.Tenant, s.Name)
}

// Has reports whether the state of a key is in memory.
func (t *Subjects) Has(k schema.Key) bool {
	_, loaded := t.empty[k]
	return loaded || t.table[k] != nil || t.apps.has(k)
}

// Load begins a key from its stored sightings in offset order, without saying again what it found in them. complete is false where the
// history could not be read: what is found until the state is dropped is then marked so, and not conclusive.
func (t *Subjects) Load(k schema.Key, history []*schema.Sighting, complete bool) {
	if len(history) == 0 {
		t.empty[k] = complete // of which scope it is, its first sighting will tell
		return
	}
	if history[0].Scope == schema.ScopeApp {
		t.apps.load(k, history, complete)
		return
	}
	s := t.table[k]
	if s == nil {
		s = t.begin(k, history[0].Scope)
	}
	s.partial = s.partial || !complete
	t.loading = true
	for _, e := range history {
		t.Fold(e, &t.scratch)
		t.scratch.Reset()
	}
	t.loading = false
}

// Stored says that the rows of all sightings before an offset are stored, so that subjects last touched before it may be evicted.
func (t *Subjects) Stored(before int64) {
	t.stored, t.pressed = before, false
	t.apps.stored(before)
}

// Pressed reports whether the budget was overdrawn since the last call of Stored, because nothing could be evicted.
func (t *Subjects) Pressed() bool { return t.pressed || t.apps.pressed() }

// Len is the number of users, networks, sessions and apps in memory.
func (t *Subjects) Len() int { return len(t.ring) + t.apps.len() }

// Close gives the budget back. The fold is of no use afterwards.
func (t *Subjects) Close() {
	t.budget.force(-t.taken)
	t.apps.close()
	*t = Subjects{apps: t.apps}
}

// Fold folds one sighting and appends what it causes to out. One that was folded before, or of an unknown kind or scope, causes nothing.
func (t *Subjects) Fold(e *schema.Sighting, out *Output) {
	k := t.Key(e)
	complete, loaded := t.empty[k]
	delete(t.empty, k)
	switch e.Scope {
	case schema.ScopeApp:
		if loaded {
			t.apps.load(k, nil, complete)
		}
		t.apps.fold(e, out)
		return
	case schema.ScopeUser, schema.ScopeNetwork, schema.ScopeSession:
	default:
		return
	}
	s := t.table[k]
	if s == nil {
		s = t.begin(k, e.Scope)
	}
	if loaded && !complete {
		s.partial = true
	}
	s.recent = true
	if !t.loading {
		s.last = max(s.last, e.Offset)
	}
	t.pinned = s
	t.fold(s, e, out)
	t.settle(s)
	t.pinned = nil
}

// fold enters a sighting and asks the rules where it changed anything.
func (t *Subjects) fold(s *subject, e *schema.Sighting, out *Output) {
	n := t.enter(s, e)
	if !n.changed {
		return
	}
	if s.scope != schema.ScopeNetwork {
		t.dismiss(s, e, n.token, out)
	}
	if s.scope == schema.ScopeNetwork && n.sight != nil {
		t.learnPool(s, e, n.sight, out)
	}
	if n.sight != nil || n.late {
		t.judge(s, e, n, out)
	}
}
