package detect

import (
	"hash/maphash"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// DefaultLateness is how late, in event time, an event may come and still give the same findings as in order.
const DefaultLateness = 10 * time.Minute

// Options are what a token fold depends on.
type Options struct {
	Rules    []Running
	Lateness time.Duration // 0 for DefaultLateness
	Budget   *Budget       // shared by all lanes of a process
	Keyer    schema.Keyer
	Symbols  *Symbols // shared by all lanes of a process
	// GeoIP is when the GeoIP databases in use were built, for people to read; findings that rest on places or providers show it.
	GeoIP string
}

// Output is what folding an event or a sighting caused. Its strings share no memory with it.
type Output struct {
	Findings  []schema.Finding
	Notes     []schema.Event    // hijackd's notes to itself, to be published keyed by their token
	Sightings []schema.Sighting // of token lanes, to be published keyed by their subject
	Commands  []schema.Command  // of subject lanes, to the response lane
}

// Reset empties o for use again.
func (o *Output) Reset() {
	clear(o.Findings)
	clear(o.Notes)
	clear(o.Sightings)
	clear(o.Commands)
	o.Findings, o.Notes, o.Sightings, o.Commands = o.Findings[:0], o.Notes[:0], o.Sightings[:0], o.Commands[:0]
}

// Tokens is the fold of a token lane: what is known of each token, and the rules over it. It is not safe for concurrent use.
type Tokens struct {
	rules    []Running
	asked    []Trigger // of each rule
	wanted   Needs     // over all rules
	lateness int64     // ns
	keep     int64     // how far back from a token's newest use all uses are kept, ns
	budget   *Budget
	keyer    schema.Keyer
	symbols  *Symbols
	seed     maphash.Seed
	table    table
	sessions pool[session]
	vantages pool[vantage]
	actors   pool[actor]
	uses     pool[useChunk]
	marks    pool[mark]
	found    pool[found]
	breaches pool[breach]
	twins    pool[twin]
	counts   counts
	texts    texts
	stored   int64 // rows of events before this offset are stored
	hand     ref   // of the clock
	pinned   ref   // the session being folded
	pressed  bool
	loading  bool
	geoip    geoip
	view     view
	scratch  Output
	said     []said
	outlines [64]outline
	touched  uint64 // what Warm read, so that it isn't left out
}

// NewTokens returns a fold without any state.
func NewTokens(o Options) *Tokens {
	if o.Lateness == 0 {
		o.Lateness = DefaultLateness
	}
	var judges []Running
	for _, r := range o.Rules {
		if r.Judge != nil {
			judges = append(judges, r)
		}
	}
	t := &Tokens{rules: judges, budget: o.Budget, keyer: o.Keyer, symbols: o.Symbols, seed: maphash.MakeSeed(), geoip: geoip(o.GeoIP)}
	t.needs(judges)
	t.lateness, t.keep = int64(o.Lateness), int64(o.Lateness+max(t.wanted.Window, issueSlack))
	t.sessions.owner, t.vantages.owner, t.actors.owner, t.uses.owner = t, t, t, t
	t.marks.owner, t.found.owner, t.texts.owner, t.breaches.owner, t.twins.owner = t, t, t, t, t
	t.counts = newCounts(o)
	return t
}

// Subject names the token that an event is about; its Name is empty where the event names none.
func (t *Tokens) Subject(e *schema.Event) schema.Subject {
	return schema.Subject{Tenant: e.Tenant, Name: e.Token}
}

// Key is the key of the event's subject.
func (t *Tokens) Key(e *schema.Event) schema.Key { return t.keyer.Key(e.Tenant, e.Token) }

// Has reports whether the state of a key is in memory.
func (t *Tokens) Has(k schema.Key) bool { return t.table.find(k, &t.sessions) != 0 }

// Load begins a key from its stored events in offset order, without saying again what it found in them. complete is false where
// the history could not be read: what is found until the state is dropped is then marked so, and not conclusive.
func (t *Tokens) Load(k schema.Key, history []*schema.Event, complete bool) {
	r := t.table.find(k, &t.sessions)
	if r == 0 {
		r = t.begin(k)
	}
	if !complete {
		t.sessions.at(r).flags |= sessionPartial
	}
	t.loading = true
	for _, e := range history {
		t.Fold(e, &t.scratch)
		t.scratch.Reset()
	}
	t.loading = false
}

// Stored says that the rows of all events before an offset are stored, so that keys last touched before it may be evicted.
func (t *Tokens) Stored(before int64) { t.stored, t.pressed = before, false }

// Pressed reports whether the budget was overdrawn since the last call of Stored, because nothing could be evicted: time to wait
// for the store.
func (t *Tokens) Pressed() bool { return t.pressed }

// Len is the number of sessions in memory.
func (t *Tokens) Len() int { return t.table.used }

// Close gives the budget back. The fold is of no use afterwards.
func (t *Tokens) Close() {
	t.budget.force(-t.bytes())
	t.counts.close()
	*t = Tokens{}
}

// Fold folds one event and appends what it causes to out. An event that was folded before, or whose time is ahead of Kafka's,
// or that names no token, causes nothing.
func (t *Tokens) Fold(e *schema.Event, out *Output) {
	if e.Ahead || e.Type == schema.LoginFailed {
		t.countApart(e, out)
		return
	}
	if e.Token == "" {
		if e.Type == schema.SessionRevoked {
			dismiss(t, e, out)
		}
		return
	}
	k := t.Key(e)
	r := t.table.find(k, &t.sessions)
	if r == 0 {
		r = t.begin(k)
	}
	t.pinned = r
	s := t.sessions.at(r)
	s.flags |= sessionRecent
	if !t.loading {
		s.last = max(s.last, e.Offset)
	}
	id, short := packID(e.ID)
	if t.known(s, id, short, e.ID) {
		t.pinned = 0
		return
	}
	if !short {
		id = textID(t.texts.add(e.ID))
	}
	switch {
	case e.Type.IsUse():
		t.foldUse(s, e, id, out)
	case e.Type == schema.SessionEnded:
		t.foldMark(s, e, mark{kind: uint8(Ended)}, id, "", out)
	case e.Type == schema.SessionRevoked:
		t.foldMark(s, e, mark{kind: uint8(Revoked)}, id, "", out)
	case e.Type == schema.Superseded:
		t.foldMark(s, e, mark{kind: uint8(RotatedOut)}, id, e.PreviousToken, out)
	case e.Type == schema.Sentenced:
		t.foldMark(s, e, mark{kind: uint8(Sentence)}, id, e.Note, out)
	case e.Type == schema.Inherited:
		t.forget(id) // its uses have ids of their own
		t.foldInherited(s, e, out)
	default:
		t.forget(id)
	}
	t.pinned = 0
}
