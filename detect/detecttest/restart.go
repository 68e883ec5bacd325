package detecttest

import (
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
}

// rows are stored records by subject, in the order in which they were folded.
type rows[E any] struct {
	of    map[schema.Subject][]*E
	order []schema.Subject
}

func (r *rows[E]) add(s schema.Subject, e *E) {
	if r.of == nil {
		r.of = map[schema.Subject][]*E{}
	}
	if r.of[s] == nil {
		r.order = append(r.order, s)
	}
	r.of[s] = append(r.of[s], e)
}

// FoundAfterRestart is Found with the state of all lanes lost, and loaded again from what was stored, before the event at the position.
func FoundAfterRestart(running []detect.Running, events []*schema.Event, at int) []schema.Finding {
	s := &site{running: running, merged: map[string]schema.Finding{}}
	s.restart()
	for i, e := range events {
		if i == at {
			s.restart()
		}
		s.fold(e)
	}
	return detect.Sorted(s.merged)
}

// restart begins with empty folds and loads what is stored.
func (s *site) restart() {
	s.tokens = Fold(s.running)
	s.subjects = detect.NewSubjects(detect.Options{
		Rules: s.running, Budget: detect.NewBudget(256 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16),
	})
	for _, subject := range s.rows.order {
		all := s.rows.of[subject]
		s.tokens.Load(s.tokens.Key(all[0]), all, true)
	}
	for _, subject := range s.sighted.order {
		all := s.sighted.of[subject]
		s.subjects.Load(s.subjects.Key(all[0]), all, true)
	}
}

// fold folds an event and everything that it causes, first in first out.
func (s *site) fold(e *schema.Event) {
	notes, sightings := []*schema.Event{e}, []schema.Sighting(nil)
	for len(notes) > 0 || len(sightings) > 0 {
		notes, sightings = s.round(notes, sightings)
	}
}

func (s *site) round(events []*schema.Event, sightings []schema.Sighting) (notes []*schema.Event, sighted []schema.Sighting) {
	take := func() {
		detect.Merge(s.merged, s.out.Findings...)
		for i := range s.out.Notes {
			notes = append(notes, s.out.Notes[i].Clone())
		}
		sighted = append(sighted, slices.Clone(s.out.Sightings)...)
		s.out.Reset()
	}
	for _, e := range events {
		s.rows.add(s.tokens.Subject(e), e)
		s.tokens.Fold(e, &s.out)
		take()
	}
	for i := range sightings {
		s.sighted.add(s.subjects.Subject(&sightings[i]), &sightings[i])
		s.subjects.Fold(&sightings[i], &s.out)
		take()
	}
	return notes, sighted
}
