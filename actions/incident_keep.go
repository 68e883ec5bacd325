package actions

import (
	"cmp"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// said folds what the log says of an incident. What is known and what the log says are joined, whichever came first: a reader that began
// behind records that its writer knew has followed other changes than the writer, under the same numbers. Of its message the latest
// counts that was shown.
func (s *incidents) said(at time.Time, c *Card) {
	i := s.byID[c.ID]
	switch {
	case i == nil:
		i = &incident{card: *c.clone(), uncertain: true}
		i.said = at
		s.enter(i)
		return
	case i.card.same(c):
		i.card.Version = max(i.card.Version, c.Version)
	default:
		s.merge(i, c)
	}
	if c.Shown >= i.card.Shown {
		i.card.Shown = c.Shown
		if c.Message != (Message{}) {
			i.card.Message = c.Message
		}
	}
	if c.Version == i.card.Version {
		i.said = at
	}
	s.showable(i)
}

// merge joins what the log says with what is known. The version that results is above those that say less.
func (s *incidents) merge(i *incident, c *Card) {
	known, version, dirty := i.card.clone(), i.card.Version, i.dirty
	for n := range c.Findings {
		s.add(i, c.Changed, &c.Findings[n])
	}
	for _, id := range c.Rest {
		if s.byFinding[id] == nil && len(i.card.Rest) < cardRest {
			i.card.Rest = append(slices.Clone(i.card.Rest), id)
			i.card.More = len(i.card.Rest)
			s.byFinding[id] = i
		}
	}
	for n := range c.Actions {
		s.act(i, c.Changed, &c.Actions[n])
	}
	for _, n := range c.Notes {
		s.note(i, c.Changed, n)
	}
	i.card.Uses = max(known.Uses, c.Uses)
	for _, app := range c.StillAccepted {
		i.card.accept(app)
	}
	if i.card.Changed.Before(c.Changed) {
		i.card.Changed = c.Changed
	}
	i.dirty = dirty
	switch i.card.Version = max(version, c.Version); {
	case i.card.same(c):
		i.card.Version = max(version+1, c.Version)
	case i.card.same(known):
		i.card.Version = max(version, c.Version+1)
	default:
		i.card.Version++
	}
	s.index(i)
}

// same reports whether two cards show the same.
func (c *Card) same(o *Card) bool {
	return c.More == o.More && c.Uses == o.Uses && slices.Equal(c.StillAccepted, o.StillAccepted) && slices.Equal(c.Notes, o.Notes) &&
		slices.EqualFunc(c.Findings, o.Findings, func(a, b schema.Finding) bool {
			return a.ID == b.ID && a.Compare(&b) == 0 && severer(a.Decision) == severer(b.Decision)
		}) &&
		slices.EqualFunc(c.Actions, o.Actions, func(a, b schema.Action) bool {
			return a.ID == b.ID && a.To == b.To && a.Round == b.Round && a.State == b.State
		})
}

// has reports whether the log's version of an incident was read back. One that was forgotten over too many others was, too.
func (s *incidents) has(c *Card) bool {
	i := s.byID[c.ID]
	return i != nil && i.card.Version >= c.Version || i == nil && len(s.byID) > incidentsMost*3/4
}

// unwritten lists the records of what findings have changed.
func (s *incidents) unwritten() (rs []*record) {
	for _, i := range s.dirty {
		if i.dirty && s.byID[i.card.ID] == i {
			rs = append(rs, &record{Incident: i.card.clone()})
		}
		i.dirty = false
	}
	s.dirty = nil
	return rs
}

// unsaid lists the open incidents that the log last said longer than age ago, in a fixed order.
func (s *incidents) unsaid(now time.Time, age time.Duration) (rs []*record) {
	for _, i := range s.byID {
		if (i.open(now) || s.unshown[i.card.ID] == i) && now.Sub(i.said) >= age {
			rs = append(rs, &record{Incident: i.card.clone()})
		}
	}
	slices.SortFunc(rs, func(a, b *record) int { return cmp.Compare(a.Incident.ID, b.Incident.ID) })
	return rs
}
