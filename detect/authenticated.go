package detect

import (
	"bytes"
	"math"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	// maxAuthentications bounds the Authenticated marks of a token, those with a vantage and those without; the oldest makes room. Of
	// uses before the oldest of so many it is not known when their user had authenticated.
	maxAuthentications = 16
	// authAhead is how far an auth_time may be ahead of its event; what is further is no time of an authentication.
	authAhead = int64(5 * time.Minute)
)

// authenticate notes what a use says about when its user authenticated; news where that was not known.
func (t *Tokens) authenticate(s *session, e *schema.Event, where uint8) (news bool) {
	if e.Type == schema.SessionReauthenticated && e.Accepted() {
		return t.noteAuthentication(s, e.ID, mark{time: e.Time, auth: wholeSeconds(e.Time), vantage: where})
	}
	at := e.AuthTime
	if at <= 0 || at-authAhead > e.Time || s.flags&sessionHasUse != 0 && wholeSeconds(at) <= s.fresh && e.Time >= s.newest {
		return false
	}
	return t.noteAuthentication(s, e.ID, mark{time: e.Time, auth: wholeSeconds(at), vantage: noVantage})
}

// noteAuthentication enters a mark, where it says more than those that are there.
func (t *Tokens) noteAuthentication(s *session, id string, m mark) bool {
	n, oldest := 0, ref(0)
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		o := t.marks.at(r)
		switch MarkKind(o.kind) {
		case Authenticated:
			if o.time == m.time && o.auth == m.auth && o.vantage == m.vantage {
				return false
			}
			if (o.vantage == noVantage) != (m.vantage == noVantage) {
				break
			}
			if n++; oldest == 0 || o.time < t.marks.at(oldest).time {
				oldest = r
			}
		case Started:
		default:
			continue
		}
		if m.vantage == noVantage && o.time <= m.time && o.auth >= m.auth {
			return false // known before, or a later one was
		}
	}
	if n >= maxAuthentications {
		if t.marks.at(oldest).time >= m.time {
			return false
		}
		t.unmark(s, oldest)
	}
	packed, short := packID(id)
	if !short {
		packed = textID(t.texts.add(id))
	}
	m.id, m.idk, m.kind, m.actor = packed.b, packed.kind, uint8(Authenticated), noActor
	t.mark(s, m)
	s.fresh = max(s.fresh, m.auth)
	if m.vantage != noVantage {
		t.setMain(s)
	}
	return true
}

// mark enters a turn.
func (t *Tokens) mark(s *session, m mark) {
	r := t.marks.get()
	m.next = s.marks
	*t.marks.at(r) = m
	s.marks = r
	s.nmarks++
	t.remember(s, eventID{m.id, m.idk})
}

// unmark drops one.
func (t *Tokens) unmark(s *session, victim ref) {
	for link := &s.marks; *link != 0; link = &t.marks.at(*link).next {
		if *link != victim {
			continue
		}
		p := t.marks.at(victim)
		*link = p.next
		t.forget(eventID{p.id, p.idk})
		t.texts.drop(p.text)
		t.marks.put(victim)
		s.nmarks--
		return
	}
}

// setMain works out which vantage is the main one now: where the session was started or last authenticated again, else the first.
// Where two are the first, none is.
func (t *Tokens) setMain(s *session) {
	if last := t.lastProof(s); last != nil {
		s.main = last.vantage
		return
	}
	s.main = noVantage
	var first *vantage
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		switch p := t.vantages.at(r); {
		case first == nil || p.first < first.first:
			first, s.main = p, p.number
		case p.first == first.first:
			s.main = noVantage
		}
	}
}

// lastProof is the mark of the last start or authentication of which it is known where it was, or nil.
func (t *Tokens) lastProof(s *session) (last *mark) {
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		m := t.marks.at(r)
		if (MarkKind(m.kind) == Started || MarkKind(m.kind) == Authenticated) && m.vantage != noVantage &&
			(last == nil || m.time > last.time || m.time == last.time && bytes.Compare(m.id[:], last.id[:]) > 0) {
			last = m
		}
	}
	return last
}

// mainSince is when the main vantage became that for a start or an authentication, the least time where it did not.
func (t *Tokens) mainSince(s *session) int64 {
	if last := t.lastProof(s); last != nil {
		return last.time
	}
	return math.MinInt64
}

// Main is the main vantage as of a use: where the session was started or last authenticated again, else the first seen, and since when it
// is that; nil where there is none.
func (s *Session) Main(u *Use) (v *Vantage, since int64) {
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Time > u.Time || m.Time == u.Time && m.ID > u.ID() {
			break
		}
		if (m.Kind == Started || m.Kind == Authenticated) && m.Vantage != nil {
			v, since = m.Vantage, m.Time
		}
	}
	if v != nil {
		return v, since
	}
	for _, w := range s.Vantages {
		if w.First <= u.Time && (v == nil || w.First < v.First || w.First == v.First && w.precedes(v)) {
			v = w
		}
	}
	if v != nil {
		since = v.First
	}
	return v, since
}

// precedes orders vantages first seen at the same instant, arbitrarily.
func (v *Vantage) precedes(o *Vantage) bool {
	if c := v.IP.Compare(o.IP); c != 0 {
		return c < 0
	}
	if x, y := v.Label(), o.Label(); x != y {
		return x < y
	}
	return v.device < o.device || v.device == o.device && (v.cnf < o.cnf || v.cnf == o.cnf && v.Agent.Major < o.Agent.Major)
}

// AuthenticatedAt is when the user had last authenticated as of a use, as far as was known then, in Unix seconds; ok is false where it
// was not known.
func (s *Session) AuthenticatedAt(u *Use) (at uint32, ok bool) {
	var known [2]int // without a vantage and with one
	var oldest [2]int64
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Kind == Authenticated {
			class := 0
			if m.Vantage != nil {
				class = 1
			}
			if known[class]++; known[class] == 1 {
				oldest[class] = m.Time
			}
		}
		if (m.Kind == Started || m.Kind == Authenticated) && m.Time <= u.Time && m.Auth >= at {
			at, ok = m.Auth, true
		}
	}
	for class, n := range known {
		ok = ok && (n < maxAuthentications || oldest[class] <= u.Time)
	}
	return at, ok
}
