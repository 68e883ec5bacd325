package detect

import (
	"cmp"
	"math"
	"slices"
)

// Arrival is the first use of a vantage in a session, with what was known of the session before it.
type Arrival struct {
	Use *Use
	// Before is the use before it, at whatever vantage.
	Before *Use
	// Prior are the vantages used before it in the same life of the token, the first one first. Prior[0] is where the session began.
	Prior []Prior
}

// Prior is a vantage used before an arrival.
type Prior struct {
	*Vantage
	Last *Use // its last use before the arrival
}

// Arrivals are the first uses of vantages, from the new uses on, that come after uses at other vantages. Each is the same whenever and
// in whatever order events came: those so far back that not all that came before is kept are left out, being judged already.
//
// What is said of an arrival may be taken back by an event that comes late: it rests on all that came before it.
func (s *Session) Arrivals() []Arrival {
	if s.arrived == nil || s.arrivedFrom != s.From {
		s.arrived, s.arrivedFrom = s.arrivals(), s.From
	}
	return s.arrived
}

func (s *Session) arrivals() []Arrival {
	all := []Arrival{}
	for i := s.From; i < len(s.Uses); i++ {
		if u := &s.Uses[i]; u.Vantage != nil && !u.Inherited && u.Time >= s.Whole && u.Time == u.Vantage.First && !s.usedAt(u, i) {
			if a := s.arrival(i); a.Before != nil {
				all = append(all, a)
			}
		}
	}
	return all
}

// usedAt reports whether the vantage of a use was used earlier in that very instant.
func (s *Session) usedAt(u *Use, i int) bool {
	for i--; i >= 0 && s.Uses[i].Time == u.Time; i-- {
		if s.Uses[i].Vantage == u.Vantage {
			return true
		}
	}
	return false
}

func (s *Session) arrival(i int) Arrival {
	a := Arrival{Use: &s.Uses[i]}
	start, id := s.life(a.Use)
	var seen uint64
	for k := i - 1; k >= 0; k-- {
		u := &s.Uses[k]
		if u.Time < start || u.Time == start && u.ID() < id {
			break
		}
		if u.First(&seen) {
			a.Prior = append(a.Prior, Prior{u.Vantage, u})
			if a.Before == nil {
				a.Before = u
			}
		}
	}
	// One that is older than the life counts as known from its beginning.
	slices.SortFunc(a.Prior, func(x, y Prior) int {
		if c := cmp.Or(cmp.Compare(max(x.First, start), max(y.First, start)), cmp.Compare(x.First, y.First), x.IP.Compare(y.IP)); c != 0 {
			return c
		}
		return cmp.Compare(x.Label(), y.Label())
	})
	return a
}

// life is the start that the use's life of the token began with; where no end came before, it began before everything.
func (s *Session) life(u *Use) (start int64, id string) {
	start = math.MinInt64
	ended := false
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Time > u.Time || m.Time == u.Time && m.ID > u.ID() {
			break
		}
		switch m.Kind {
		case Started:
			if ended {
				start, id = m.Time, m.ID
			}
			ended = false
		case Ended, Revoked:
			ended = true
		}
	}
	return start, id
}
