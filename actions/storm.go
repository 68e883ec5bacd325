package actions

import (
	"slices"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	// stormDefault is how many incidents of a minute get a card: more than people can read, and than Slack takes.
	stormDefault = 20
	// stormWait is how long after its minute, on the clock, a storm is told where no later signal has ended the minute.
	stormWait = 5 * time.Second
	// stormOld is how old a storm is that another owner has told for sure, if it was there at the time.
	stormOld   = time.Hour
	stormWorst = 5
	// stormApart bounds the subjects that are told apart; beyond, each finding counts.
	stormApart = 10_000
)

// storm gathers the findings of one minute of record time that get no incident, because too many opened in it. Nothing of it is in the
// log until the minute is over: an owner that comes within it finds its signals again before the commit, or behind.
type storm struct {
	minute int64 // Unix minute; 0: none
	Storm
	about map[incidentKey]bool
	fresh bool // not only remembered
	over  []*Storm
}

// turn begins another minute. What is remembered, not acted on, is left to the owner who acted on it.
func (s *storm) turn(at time.Time, acting bool) {
	if minute := at.Unix() / 60; minute > s.minute {
		s.end(acting)
		s.minute = minute
	}
}

func (s *storm) end(acting bool) {
	if s.Count > 0 && acting {
		over := s.Storm
		s.over = append(s.over, &over)
	}
	*s = storm{over: s.over}
}

// add counts a finding that gets no message.
func (s *storm) add(x *schema.Finding, acting bool) {
	s.fresh = s.fresh || acting
	if k := keyOf(x); !s.about[k] {
		if s.about == nil {
			s.about = map[incidentKey]bool{}
		}
		if len(s.about) < stormApart {
			s.about[k] = true
		}
		s.Count++
	}
	s.From = time.Unix(60*s.minute, 0).UTC()
	s.Until = s.From.Add(time.Minute)
	if len(s.Worst) == stormWorst && worseFirst(*x, s.Worst[stormWorst-1]) >= 0 || slices.ContainsFunc(s.Worst, func(o schema.Finding) bool { return o.ID == x.ID }) {
		return
	}
	s.Worst = append(slices.Clone(s.Worst), onCard(x))
	slices.SortStableFunc(s.Worst, worseFirst)
	s.Worst = s.Worst[:min(len(s.Worst), stormWorst)]
}

// storms makes the messages about storms that are over.
func (r *Response) storms(now time.Time) (rs []*record) {
	s := &r.fold.storm
	if s.Count > 0 && now.Sub(s.Until) >= stormWait && now.Sub(r.processed) >= stormWait {
		s.end(s.fresh || now.Sub(s.Until) < stormOld)
	}
	for _, over := range s.over {
		id := "storm_" + strconv.FormatInt(over.From.Unix()/60, 10)
		if r.partition > 0 { // which has storms of its own
			id += "_" + itoa(int(r.partition))
		}
		if a := r.fold.alert(&Alert{ID: id, Storm: over}); a != nil {
			rs = append(rs, r.message(a, now)...)
		}
	}
	s.over = nil
	return rs
}

// message makes the record of a message, unless nobody can be told.
func (r *Response) message(a *Alert, at time.Time) []*record {
	if r.deps.Alerter == nil {
		r.fold.forget(a)
		return nil
	}
	return []*record{{Alert: a, State: schema.ActionPending, Since: at}}
}

// stormEnds is when a storm is to be told, or zero.
func (r *Response) stormEnds() time.Time {
	s := &r.fold.storm
	if s.Count == 0 {
		return time.Time{}
	}
	at := s.Until
	if r.processed.After(at) {
		at = r.processed
	}
	return at.Add(stormWait)
}
