package actions

import (
	"cmp"
	"slices"
	"time"
)

// said folds what the log says of an incident. The highest version counts, and of its message the latest that was shown.
func (s *incidents) said(at time.Time, c *Card) {
	i := s.byID[c.ID]
	switch {
	case i == nil:
		i = &incident{card: *c.clone(), uncertain: true}
		i.said = at
		s.enter(i)
		return
	case c.Version > i.card.Version:
		shown, message := i.card.Shown, i.card.Message
		i.card = *c.clone()
		i.card.Shown = max(shown, c.Shown)
		if c.Message == (Message{}) {
			i.card.Message = message
		}
		s.index(i)
	default:
		if c.Shown >= i.card.Shown && c.Message != (Message{}) {
			i.card.Message = c.Message
		}
		i.card.Shown = max(i.card.Shown, c.Shown)
	}
	if c.Version == i.card.Version {
		i.said = at
	}
	s.showable(i)
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
