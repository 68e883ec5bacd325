package detecttest

import (
	"math"
	"slices"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// site is token and subject lanes with what was stored of their topics, as the daemon has them.
type site struct {
	running  []detect.Running
	tokens   *detect.Tokens
	subjects *detect.Subjects
	rows     rows[schema.Event]
	sighted  rows[schema.Sighting]
	merged   map[string]schema.Finding
	out      detect.Output
	next     int64 // offset of the next sighting
}

// rows are stored records by subject, in the order in which they were folded.
type rows[E any] struct {
	of    map[schema.Subject][]row[E]
	order []schema.Subject
}

// row is a record, and the event that brought it about.
type row[E any] struct {
	record *E
	event  int
}

func (r *rows[E]) add(s schema.Subject, e *E, event int) {
	if r.of == nil {
		r.of = map[schema.Subject][]row[E]{}
	}
	if r.of[s] == nil {
		r.order = append(r.order, s)
	}
	r.of[s] = append(r.of[s], row[E]{e, event})
}

// load hands over the rows that events before one brought about, and forgets those of later ones: they come again.
func (r *rows[E]) load(before int, each func(history []*E)) {
	for _, s := range r.order {
		n := slices.IndexFunc(r.of[s], func(x row[E]) bool { return x.event >= before })
		if n >= 0 {
			r.of[s] = r.of[s][:n]
		}
		var history []*E
		for _, x := range r.of[s] {
			history = append(history, x.record)
		}
		if len(history) > 0 {
			each(history)
		}
	}
}

// FoundAfterRestart is Found with the state of all lanes lost, and loaded again from what was stored, before the event at the position.
func FoundAfterRestart(running []detect.Running, events []*schema.Event, at int) []schema.Finding {
	s := &site{running: running, merged: map[string]schema.Finding{}}
	events = Arriving(events)
	s.restart(0)
	from := 0 // what is committed: a lane's commits don't pass what its fold has summed up and not told
	for i, e := range events[:at] {
		if i > 0 && s.tokens.Rewind(e.Offset) == e.Offset {
			s.tokens.FlushCounts(&s.out)
			s.settle(nil, s.take(), i)
			from = i
		}
		s.fold(e, i)
	}
	s.restart(from)
	for i, e := range events[from:] {
		s.fold(e, from+i)
	}
	s.flush(len(events))
	return detect.Sorted(s.merged)
}

// restart begins with empty folds and loads what is stored: a token lane goes back to the start of a stretch, the event from, and knows
// what was stored before it. A subject lane goes on where it was.
func (s *site) restart(from int) {
	s.tokens = Fold(s.running)
	s.subjects = detect.NewSubjects(detect.Options{
		Rules: s.running, Budget: detect.NewBudget(256 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16),
	})
	s.rows.load(from, func(all []*schema.Event) { s.tokens.Load(s.tokens.Key(all[0]), all, true) })
	s.sighted.load(math.MaxInt, func(all []*schema.Sighting) { s.subjects.Load(s.subjects.Key(all[0]), all, true) })
}

// fold folds an event and everything that it causes, first in first out.
func (s *site) fold(e *schema.Event, n int) { s.settle([]*schema.Event{e}, nil, n) }

func (s *site) settle(notes []*schema.Event, sightings []schema.Sighting, n int) {
	for len(notes) > 0 || len(sightings) > 0 {
		notes, sightings = s.round(notes, sightings, n)
	}
}

// flush has the token lane tell what it counted, at the end of the events.
func (s *site) flush(n int) {
	s.tokens.FinishCounts(&s.out)
	s.settle(nil, s.take(), n)
}

// take empties the outbox of sightings.
func (s *site) take() []schema.Sighting {
	sightings := slices.Clone(s.out.Sightings)
	s.out.Reset()
	return sightings
}

func (s *site) round(events []*schema.Event, sightings []schema.Sighting, n int) (notes []*schema.Event, sighted []schema.Sighting) {
	take := func() {
		detect.Merge(s.merged, s.out.Findings...)
		for i := range s.out.Notes {
			note := s.out.Notes[i].Clone()
			note.Offset = int64(n)*apart + 1
			notes = append(notes, note)
		}
		sighted = append(sighted, slices.Clone(s.out.Sightings)...)
		s.out.Reset()
	}
	for _, e := range events {
		s.rows.add(s.tokens.Subject(e), e, n)
		s.tokens.Fold(e, &s.out)
		take()
	}
	for i := range sightings {
		sightings[i].Offset = s.next
		s.next++
		s.sighted.add(s.subjects.Subject(&sightings[i]), &sightings[i], n)
		s.subjects.Fold(&sightings[i], &s.out)
		take()
	}
	return notes, sighted
}
