package detect

import (
	"math"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// What is counted of tokens and not of events: births, tokens active in an hour, ages. Each is a function of the token's own accepted uses,
// so that it comes out the same in whatever order they arrive within the lateness: what a late event shows to have been counted
// wrongly is taken back.

// issueSlack is how long after the first use of a token the app may say that it was issued, and it still counts as issued: its parts
// report by different ways and clocks.
const (
	issueSlack    = 2 * time.Minute
	issueUnknown  = math.MaxUint8
	activeHours   = 7 // hours before the latest one of which is known whether the token was counted in them
	dayBefore     = 1 << activeHours
	hoursPerDay   = 24
	secondsPerDay = 24 * 3600
)

// count counts a use that was just added. before is the session as it was.
func (t *Tokens) count(s, before *session, e *schema.Event, u *use, out *Output) {
	c := &t.counts
	var at *cached
	if t.loading {
		at = c.unseen(e)
	} else {
		if e.Time >= c.due || e.Offset>>stretchShift > c.newest {
			c.turn(e, out)
		}
		c.clock = max(c.clock, e.Time)
		at = c.at(e)
		c.use(e, at)
	}
	late := before.flags&sessionHasUse != 0 && e.Time <= before.newest
	if u.flags&useRejected == 0 {
		if s.born == 0 || late || u.flags&(useStart|useRotation) != 0 {
			t.countBirth(s, e, u)
		}
		if s.active>>8 != at.hour || late {
			t.countActive(s, e, u, at.hour, at)
		}
	}
	if c.policies {
		t.countBreaches(s, before, e, u, late, at.watch)
	}
}

func (n *AppNeeds) policies() bool {
	return n.Idle != nil || n.Overage != nil || n.Renewal != nil || n.Apps != nil
}

// tally is the counter of a fact about a token that an event shows, of an app and an hour which need not be the event's own.
func (t *Tokens) tally(e *schema.Event, app string, h int64) *counter {
	if t.loading {
		return &t.counts.spare
	}
	k := t.counts.counter(t.counts.stretch(e), t.counts.watched(e.Tenant, app).appKey, h)
	t.counts.touch(k)
	return k
}

// countBirth counts a token where its first accepted use is, as issued or not.
func (t *Tokens) countBirth(s *session, e *schema.Event, u *use) {
	sec := uint32(max(1, floorDiv(e.Time, int64(time.Second)))) // #nosec G115 -- until 2106
	born, issued := s.born, s.issued
	if born == 0 {
		s.born, s.issued = sec, issueUnknown
		if u.flags&(useStart|useRotation) != 0 {
			s.issued = 0
		}
		t.birth(e, e.App, s, 1)
		return
	}
	first := t.firstOwn(s, u)
	old := session{born: born, issued: issued}
	if sec < born {
		s.born, s.issued = sec, issuedAfter(issued, born-sec)
	}
	if u.flags&(useStart|useRotation) != 0 {
		s.issued = min(s.issued, issuedAfter(0, sec-s.born))
	}
	if sec > born && (issued == issueUnknown) == (s.issued == issueUnknown) || first == nil {
		return
	}
	was := t.appOf(s, first)
	t.birth(e, was, &old, -1)
	if sec > born || sec == born && t.before(first, u) {
		t.birth(e, was, s, 1)
		return
	}
	t.birth(e, e.App, s, 1)
	if d, was := bornDay(s.born), bornDay(born); d != was && s.active>>8/hoursPerDay == was {
		k := t.tally(e, t.appOf(s, first), int64(was)*hoursPerDay)
		k.n[Ages]--
		k.n[ageClass(int64(was)-int64(d))]++
	}
}

func bornDay(sec uint32) uint32 { return sec / secondsPerDay }

func issuedAfter(issued uint8, seconds uint32) uint8 {
	if n := uint32(issued) + seconds; issued != issueUnknown && n <= uint32(issueSlack/time.Second) {
		return uint8(n) // #nosec G115 -- at most 120
	}
	return issueUnknown
}

func (t *Tokens) birth(e *schema.Event, app string, s *session, n int64) {
	k := t.tally(e, app, int64(s.born)/3600)
	if s.issued != issueUnknown {
		k.n[Issued] += n
		return
	}
	k.about(Unissued, e.Token, n)
	k.n[Strangers+slotIn(int64(s.born)*int64(time.Second))] += n
}

// about counts a token that a fact is about.
func (k *counter) about(f Fact, token string, n int64) {
	k.urgent = k.urgent || k.n[f] == 0
	k.n[f] += n
	if k.key.app != "" { // else it is the one that is never told
		k.sample(f, token, n)
	}
}

// countActive counts a token in the hour and on the day of its first accepted use in them.
func (t *Tokens) countActive(s *session, e *schema.Event, u *use, h uint32, at *cached) {
	latest := s.active >> 8
	k := at.counter
	switch {
	case s.active == 0 || h > latest:
		mask := uint32(0)
		if s.active != 0 {
			mask = (s.active&(dayBefore-1)<<1 | 1) << (h - latest - 1) & (dayBefore - 1)
			switch h/hoursPerDay - latest/hoursPerDay {
			case 0:
				mask |= s.active & dayBefore
			case 1:
				mask |= dayBefore
			}
		}
		fresh := s.active == 0 || h/hoursPerDay != latest/hoursPerDay
		s.active = h<<8 | mask
		k.n[Active]++
		if fresh {
			k.n[ageClass(int64(h/hoursPerDay)-int64(bornDay(s.born)))]++
		}
		return
	case h == latest:
	case latest-h <= activeHours && s.active>>(latest-h-1)&1 == 0:
		s.active |= 1 << (latest - h - 1)
		k.n[Active]++
		if h/hoursPerDay+1 == latest/hoursPerDay && s.active&dayBefore == 0 {
			s.active |= dayBefore
			k.n[ageClass(int64(h/hoursPerDay)-int64(bornDay(s.born)))]++
			return
		}
	default:
	}
	t.countEarlier(s, e, u, h, k)
}

// countEarlier moves a token that several apps share to the app that used it first in the hour and on the day.
func (t *Tokens) countEarlier(s *session, e *schema.Event, u *use, h uint32, k *counter) {
	if !t.shared(s, u) {
		return
	}
	for _, span := range []struct {
		f      Fact
		length int64
	}{{Active, hour}, {ageClass(int64(h/hoursPerDay) - int64(bornDay(s.born))), hour * hoursPerDay}} {
		var first *use
		for r := s.uses; r != 0; r = t.uses.at(r).next {
			c := t.uses.at(r)
			for i := range c.n {
				o := &c.uses[i]
				if o.flags&(useInherited|useRejected) == 0 && (o.id != u.id || o.kind != u.kind) &&
					floorDiv(o.at(), span.length) == floorDiv(u.at(), span.length) && (first == nil || t.before(o, first)) {
					first = o
				}
			}
		}
		if first == nil || !t.before(u, first) {
			continue
		}
		if app := t.appOf(s, first); app != e.App {
			t.tally(e, app, floorDiv(first.at(), hour)).n[span.f]--
			k.n[span.f]++
		}
	}
}

// shared reports whether others than whoever made a use made some that are kept.
func (t *Tokens) shared(s *session, u *use) bool {
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			if c.uses[i].actor != u.actor {
				return true
			}
		}
	}
	return false
}

// firstOwn is the first of the token's own accepted uses that are kept, one left out.
func (t *Tokens) firstOwn(s *session, but *use) (first *use) {
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			o := &c.uses[i]
			if o.flags&(useInherited|useRejected) == 0 && (but == nil || o.id != but.id || o.kind != but.kind) && (first == nil || t.before(o, first)) {
				first = o
			}
		}
	}
	return first
}

// appOf is the app that a use was at.
func (t *Tokens) appOf(s *session, u *use) string {
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.number == u.actor {
			return t.symbols.Text(a.app)
		}
	}
	return ""
}
