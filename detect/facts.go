package detect

import (
	"math"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// needs sums up what judges want to hear of.
func (t *Tokens) needs(judges []Running) {
	for _, r := range judges {
		n := r.Judge.Needs()
		if n.On == 0 {
			n.On = OnMove
		}
		t.asked = append(t.asked, n.On)
		w := &t.wanted
		w.On |= n.On
		w.Window = max(w.Window, n.Window)
		w.Intervals = max(w.Intervals, n.Intervals)
		w.Jitter = max(w.Jitter, n.Jitter)
		if n.Crowd > 0 && (w.Crowd == 0 || n.Crowd < w.Crowd) {
			w.Crowd = n.Crowd
		}
		if n.On&OnTurn != 0 {
			w.Grace = n.Grace
		}
		if n.On&OnSensitive != 0 {
			w.Fresh = n.Fresh
		}
	}
}

// facts says what a use that was just added may be news about, and notes what later ones depend on. before is the session as it was.
func (t *Tokens) facts(s, before *session, e *schema.Event, u *use, late bool) (on Trigger) {
	w := &t.wanted
	moved := u.vantage != noVantage && u.vantage != before.vantage
	another := u.actor != before.actor
	if u.vantage != noVantage && s.nvantage > 1 {
		crowded := w.Crowd > 0 && int(s.nvantage) > w.Crowd && e.Time-s.moved <= int64(w.Window)
		if moved || late || crowded {
			on |= OnMove
		}
		if late || u.vantage != s.main && (moved || t.regular(s, u)) {
			on |= OnPeriod
		}
	}
	if s.flags&sessionEnded != 0 || s.latest > 0 && (late || seconds(e.Time) > s.latest) {
		on |= OnEnd
	}
	if s.flags&sessionUsers != 0 && (late || another) {
		on |= OnUser
	}
	if e.Binding == schema.BindingFailed || s.flags&sessionBound != 0 && (late || moved || another) {
		on |= OnBinding
	}
	if e.Sensitive {
		s.flags |= sessionSensitive
		if age := e.Time - int64(s.fresh)*second; late || s.fresh != 0 && (age < 0 || age > int64(w.Fresh)) {
			on |= OnSensitive
		}
	}
	return on | t.turns(s, e, u, late)
}

// possible is what a session may have findings about, by all that is known of it.
func (s *session) possible() Trigger {
	on := OnEnd | OnBinding
	if s.nvantage > 1 {
		on |= OnMove | OnPeriod
	}
	if s.flags&sessionUsers != 0 {
		on |= OnUser
	}
	if s.flags&sessionSensitive != 0 {
		on |= OnSensitive
	}
	if s.flags&(sessionAnonymous|sessionNamed) == sessionAnonymous|sessionNamed {
		on |= OnLogin | OnTurn
	}
	if s.flags&sessionTurned != 0 {
		on |= OnTurn
	}
	return on
}

// turns says so of logins and elevations.
func (t *Tokens) turns(s *session, e *schema.Event, u *use, late bool) (on Trigger) {
	switch {
	case e.User != "":
		if !late && s.flags&(sessionAnonymous|sessionNamed) == sessionAnonymous {
			on |= OnLogin
			t.turned(s, e.Time)
		}
		s.flags |= sessionNamed
	case u.anonymous():
		s.flags |= sessionAnonymous
	}
	if late && s.flags&(sessionAnonymous|sessionNamed) == sessionAnonymous|sessionNamed {
		on |= OnLogin | OnTurn
	}
	overdue := s.turn != 0 && u.flags&useRejected == 0 && e.Time-int64(s.turn)*second > int64(t.wanted.Grace)
	if overdue || late && s.flags&sessionTurned != 0 {
		on |= OnTurn
	}
	if u.flags&useElevation != 0 {
		if late {
			on |= OnTurn
		}
		t.turned(s, e.Time)
	}
	return on
}

const second = int64(time.Second)

// turned notes a login or an elevation, after which the token should not go on.
func (t *Tokens) turned(s *session, at int64) {
	s.flags |= sessionTurned
	if s.turn == 0 {
		s.turn = wholeSeconds(at)
	}
}

// pending is the oldest turn that uses to come may still show to have kept the token, 0 for none.
func (t *Tokens) pending(view *Session) (turn uint32) {
	newest := int64(math.MinInt64)
	for i := len(view.Uses) - 1; i >= 0 && newest == math.MinInt64; i-- {
		if u := &view.Uses[i]; u.Accepted && !u.Inherited {
			newest = u.Time
		}
	}
	for _, u := range view.Turns() {
		if newest <= u.Time || newest-u.Time <= int64(t.wanted.Grace) {
			turn = wholeSeconds(u.Time)
		}
	}
	return turn
}

// wholeSeconds rounds a time down to full Unix seconds.
func wholeSeconds(ns int64) uint32 {
	return uint32(max(0, min(floorDiv(ns, second), math.MaxUint32))) // #nosec G115 -- clamped
}

// anonymous reports whether the app let somebody use the token, itself, without knowing who it is.
func (u *use) anonymous() bool {
	return u.flags&(useRejected|useInherited|useStart|useRotation) == 0
}

// farBack bounds how many uses regular looks at.
const farBack = 64

// regular reports whether a use may complete a row of intervals alike at its vantage. Where it can't tell, it says so, too.
func (t *Tokens) regular(s *session, u *use) bool {
	w := &t.wanted
	if w.Intervals == 0 || u.flags&useRejected != 0 {
		return false
	}
	last, shortest, longest := u.at(), int64(math.MaxInt64), int64(0)
	steps, found := 0, 0
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := int(c.n) - 1; i >= 0; i-- {
			o := &c.uses[i]
			if o.vantage != u.vantage || o.flags&useRejected != 0 || o.id == u.id && o.kind == u.kind {
				continue
			}
			if steps++; steps > farBack {
				return true
			}
			gap := last - o.at()
			last, shortest, longest = o.at(), min(shortest, gap), max(longest, gap)
			// The longest is at most the shortest / (1 − jitter), or their difference exceeds jitter × median.
			if float64(longest-shortest) > w.Jitter/(1-w.Jitter)*float64(shortest) {
				return false
			}
			if found++; found == w.Intervals {
				return s.moved >= last || !t.alike(s, s.main, u.vantage)
			}
		}
	}
	return false
}

// alike reports whether all is the same that two vantages say of their devices.
func (t *Tokens) alike(s *session, x, y uint8) bool {
	var a, b *vantage
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		p := t.vantages.at(r)
		switch p.number {
		case x:
			a = p
		case y:
			b = p
		}
	}
	return a != nil && b != nil && a.device == b.device && a.cnf == b.cnf && a.family == b.family && a.os == b.os && a.class == b.class &&
		a.major == b.major && a.ja4 == b.ja4
}
