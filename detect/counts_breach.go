package detect

import (
	"math"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// breach is that a token was accepted against a limit of an app on a UTC day. Each counts once, in the first hour of the day.
type breach struct {
	first int64 // time of the first use that shows it, Unix nanoseconds; of Idle, 0
	next  ref
	app   uint32 // symbol
	day   uint32
	uses  uint16 // of Idle: how many uses show it
	kind  uint8  // a Fact
}

// maxBreaches bounds those kept of a token. Only such of today and yesterday may still be taken back, so older ones make room.
const maxBreaches = 32

// countBreaches judges a use that was just added by the limits of its app, and again those that it throws another light on.
func (t *Tokens) countBreaches(s, before *session, e *schema.Event, u *use, late bool, w *watch) {
	switch {
	case t.counts.needs.Idle == nil:
	case late:
		t.splitGap(s, e, u)
	case w.idle > 0 && before.flags&sessionHasUse != 0 && e.Time-before.newest > w.idle && u.flags&(useRejected|useStart) == 0:
		t.idle(s, e, w.app, u, 1)
	}
	if late {
		since := int64(math.MaxInt64)
		if u.flags&useStart != 0 {
			since = e.Time
		}
		t.recheck(s, e, since)
		return
	}
	t.aged(s, e, u, w)
}

// countInherited judges the token's own uses again by what a use of its predecessor says.
func (t *Tokens) countInherited(s *session, e *schema.Event, u *use) {
	if t.counts.policies {
		if t.counts.needs.Idle != nil {
			t.splitGap(s, e, u)
		}
		t.recheck(s, e, math.MaxInt64)
	}
}

// countNamed judges the token's own uses again now that another app is known to have seen it.
func (t *Tokens) countNamed(s *session, e *schema.Event) {
	if t.counts.needs.Apps != nil {
		t.recheck(s, e, math.MaxInt64)
	}
}

// splitGap judges the use after a late one again: it was not idle that long.
func (t *Tokens) splitGap(s *session, e *schema.Event, u *use) {
	var before, after *use
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			switch o := &c.uses[i]; {
			case o.id == u.id && o.kind == u.kind:
			case t.before(o, u):
				if before == nil || t.before(before, o) {
					before = o
				}
			case after == nil || t.before(o, after):
				after = o
			}
		}
	}
	if after != nil {
		was, is := before != nil && t.exceeds(s, e, before, after), t.exceeds(s, e, u, after)
		switch {
		case is && !was:
			t.idle(s, e, t.appOf(s, after), after, 1)
		case was && !is:
			t.idle(s, e, t.appOf(s, after), after, -1)
		}
	}
	if before != nil && t.exceeds(s, e, before, u) {
		t.idle(s, e, t.appOf(s, u), u, 1)
	}
}

// exceeds reports whether a token was accepted after it had not been used for too long.
func (t *Tokens) exceeds(s *session, e *schema.Event, before, u *use) bool {
	if u.flags&(useRejected|useStart|useInherited) != 0 {
		return false
	}
	limit := t.counts.watched(e.Tenant, t.appOf(s, u)).idle
	return limit > 0 && u.at()-before.at() > limit
}

// idle counts a use after an idle time, or takes it back.
func (t *Tokens) idle(s *session, e *schema.Event, app string, u *use, n int) {
	p := t.breach(s, Idle, app, dayOf(u.at()), n > 0)
	if p == nil {
		return
	}
	switch {
	case n > 0 && p.uses == 0:
		t.breached(e, Idle, app, p.day, 1)
	case n < 0 && p.uses == 1:
		t.breached(e, Idle, app, p.day, -1)
	}
	p.uses = uint16(max(0, min(int(p.uses)+n, math.MaxUint16))) // #nosec G115 -- clamped
}

func dayOf(at int64) uint32 { return uint32(floorDiv(at, hour*hoursPerDay)) } // #nosec G115 -- days

// breached counts a token for a day.
func (t *Tokens) breached(e *schema.Event, kind Fact, app string, day uint32, n int64) {
	t.tally(e, app, int64(day)*hoursPerDay).about(kind, e.Token, n)
}

// aged judges a use by the limits of age, and by the apps that the token may be used at.
func (t *Tokens) aged(s *session, e *schema.Event, u *use, w *watch) {
	if u.flags&(useRejected|useStart|useInherited) != 0 {
		return
	}
	if w.overage > 0 || w.renewal > 0 {
		started, issued := t.beginning(s, u)
		if w.overage > 0 && u.at()-started > w.overage {
			t.exceeded(s, e, Overaged, w.app, u)
		}
		if w.renewal > 0 && u.at()-issued > w.renewal {
			t.exceeded(s, e, Unrenewed, w.app, u)
		}
	}
	if t.counts.needs.Apps == nil {
		return
	}
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		a := t.actors.at(r)
		if a.since() > millis(u.at()) {
			continue
		}
		home := t.counts.watched(e.Tenant, t.symbols.Text(a.app))
		if home.apps != nil && home.app != w.app && !slices.Contains(home.apps, w.app) {
			t.exceeded(s, e, Strayed, home.app, u)
		}
	}
}

// beginning is when, as far as a use shows, its session was started and the token issued: at the latest start, else the session's and the
// token's first use.
func (t *Tokens) beginning(s *session, u *use) (started, issued int64) {
	latest := int64(math.MinInt64)
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		if m := t.marks.at(r); MarkKind(m.kind) == Started && m.time <= u.at() {
			latest = max(latest, m.time)
		}
	}
	if latest != math.MinInt64 {
		return latest, latest
	}
	issued = u.at()
	if s.born != 0 {
		issued = min(issued, int64(s.born)*1e9)
	}
	started = issued
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		started = min(started, t.vantages.at(r).first)
	}
	return started, issued
}

// exceeded counts a token for the day of a use, once.
func (t *Tokens) exceeded(s *session, e *schema.Event, kind Fact, app string, u *use) {
	p := t.breach(s, kind, app, dayOf(u.at()), true)
	if p == nil {
		return
	}
	if p.first == 0 {
		t.breached(e, kind, app, p.day, 1)
		p.first = u.at()
	}
	p.first = min(p.first, u.at())
}

// recheck judges all own uses that are kept again, after something came late. A start from since on may clear uses after it.
func (t *Tokens) recheck(s *session, e *schema.Event, since int64) {
	for r := s.breaches; r != 0; r = t.breaches.at(r).next {
		if p := t.breaches.at(r); Fact(p.kind) != Idle && Fact(p.kind) != Strayed && p.first >= since {
			p.first = math.MaxInt64
		}
	}
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			if o := &c.uses[i]; o.flags&(useRejected|useStart|useInherited) == 0 {
				t.aged(s, e, o, t.counts.watched(e.Tenant, t.appOf(s, o)))
			}
		}
	}
	for link := &s.breaches; *link != 0; {
		r := *link
		p := t.breaches.at(r)
		if p.first != math.MaxInt64 {
			link = &p.next
			continue
		}
		t.breached(e, Fact(p.kind), t.symbols.Text(p.app), p.day, -1)
		*link = p.next
		t.breaches.put(r)
	}
}

// breach finds or makes the record of a breach; nil where there is none.
func (t *Tokens) breach(s *session, kind Fact, app string, day uint32, make bool) *breach {
	if app == "" {
		app = NoApp
	}
	symbol, n := t.symbols.Number(app), 0
	for r := s.breaches; r != 0; r = t.breaches.at(r).next {
		if p := t.breaches.at(r); p.day == day && Fact(p.kind) == kind && p.app == symbol {
			return p
		}
		n++
	}
	if !make {
		return nil
	}
	if n >= maxBreaches/2 {
		n -= t.dropBreaches(s, day)
	}
	if n >= maxBreaches {
		return nil
	}
	r := t.breaches.get()
	*t.breaches.at(r) = breach{next: s.breaches, app: symbol, day: day, kind: uint8(kind)}
	s.breaches = r
	return t.breaches.at(r)
}

// dropBreaches drops those of more than a day before.
func (t *Tokens) dropBreaches(s *session, day uint32) (dropped int) {
	for link := &s.breaches; *link != 0; {
		r := *link
		if p := t.breaches.at(r); p.day+1 >= day {
			link = &p.next
			continue
		}
		*link = t.breaches.at(r).next
		t.breaches.put(r)
		dropped++
	}
	return dropped
}
