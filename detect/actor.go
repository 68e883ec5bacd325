package detect

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	noActor      = 0xFF
	unknownActor = 0xFE
)

// never is the time of what says who used a token only at second hand, such as a sentence.
const never = 1<<48 - 1

func (a *actor) since() int64 { return int64(a.sinceHigh)<<16 | int64(a.sinceLow) }

func (a *actor) setSince(ms int64) { a.sinceHigh, a.sinceLow = uint32(ms>>16), uint16(ms) } // #nosec G115 -- 48 bits

// millis rounds a time up to Unix milliseconds.
func millis(ns int64) int64 {
	const ms = int64(time.Millisecond)
	return max(0, min(ns/ms+min(1, max(0, ns%ms)), never))
}

// actor returns the number of (user, session, app) among the session's actors, entering it where it is new. news says that it was not
// known at that time, in Unix milliseconds, before.
func (t *Tokens) actor(s *session, user, sid, app string, since int64) (number uint8, news bool) {
	if user == "" && sid == "" && app == "" {
		return noActor, false
	}
	h := maphash.String(t.seed, user)*3 + bits.RotateLeft64(maphash.String(t.seed, sid), 21) + bits.RotateLeft64(maphash.String(t.seed, app), 42)
	n := uint8(0)
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.look == h {
			if news = since < a.since(); news {
				a.setSince(since)
			}
			return a.number, news
		}
		n++
	}
	if n >= maxActors {
		return noActor, false
	}
	for r := s.actors; r != 0 && user != ""; r = t.actors.at(r).next {
		if other := t.actors.at(r).user; other != 0 && !t.texts.equal(other, user) {
			s.flags |= sessionUsers
		}
	}
	u, i := t.texts.add(user), t.texts.add(sid)
	r := t.actors.get()
	a := t.actors.at(r)
	*a = actor{look: h, app: t.symbols.Number(app), user: u, session: i, next: s.actors, number: n}
	a.setSince(since)
	s.actors = r
	return n, since < never
}

// firstNamed is when a user of the session was first known, Unix milliseconds rounded up.
func (t *Tokens) firstNamed(s *session) int64 {
	first := int64(never)
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.user != 0 {
			first = min(first, a.since())
		}
	}
	return first
}

// identify spreads out who the actors of a session are.
func (t *Tokens) identify(s *session) {
	v := &t.view
	v.actors = s.actors
	v.users, v.apps = [256]uint8{}, [256]uint32{}
	var names [maxActors + 1]ref
	n := uint8(0)
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		a := t.actors.at(r)
		v.apps[a.number] = a.app
		if a.user == 0 {
			continue
		}
		number := uint8(1)
		for number <= n && (n > 1 || s.flags&sessionUsers != 0) && !t.texts.equal(a.user, t.texts.text(names[number])) {
			number++
		}
		if number > n {
			n = number
			names[n] = a.user
		}
		v.users[a.number] = number
	}
}

// actorOf finds an actor of the session being judged.
func (t *Tokens) actorOf(number uint8) *actor {
	for r := t.view.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.number == number {
			return a
		}
	}
	return nil
}

// who fills in whom a finding is about: what its events say, the completing one first. User and session that they leave out are
// those that another event of the token named before, the last that came up and goes with the rest: often only session.started
// names the session, without which nobody can revoke it at the identity provider.
func (t *Tokens) who(f *schema.Finding, pattern []*Use) {
	for _, u := range slices.Backward(pattern) {
		t.name(f, u.actor())
	}
	t.named(f, pattern[len(pattern)-1].Time)
}

// named fills in the user and the session that were named last up to a time, where they are not known yet.
func (t *Tokens) named(f *schema.Finding, at int64) {
	until := at / int64(time.Millisecond)
	if f.User == "" {
		f.User = t.lastNamed(until, func(a *actor) (string, bool) {
			return t.texts.text(a.user), f.Session == "" || a.session == 0 || t.texts.equal(a.session, f.Session)
		})
	}
	if f.Session == "" {
		f.Session = t.lastNamed(until, func(a *actor) (string, bool) {
			return t.texts.text(a.session), f.User == "" || a.user == 0 || t.texts.equal(a.user, f.User)
		})
	}
}

// lastNamed is the name of the actor that came up last, of those that have one and fit.
func (t *Tokens) lastNamed(until int64, name func(*actor) (text string, fits bool)) (last string) {
	since := int64(-1)
	for r := t.view.actors; r != 0; r = t.actors.at(r).next {
		a := t.actors.at(r)
		if a.since() > until || a.since() < since {
			continue
		}
		if text, fits := name(a); fits && text != "" && cmp.Or(cmp.Compare(a.since(), since), cmp.Compare(text, last)) > 0 {
			since, last = a.since(), text
		}
	}
	return last
}

// name fills in who a finding is about, where it is not known yet.
func (t *Tokens) name(f *schema.Finding, number uint8) {
	a := t.actorOf(number)
	if a == nil {
		return
	}
	if f.User == "" {
		f.User = t.texts.text(a.user)
	}
	if f.Session == "" {
		f.Session = t.texts.text(a.session)
	}
	if f.App == "" {
		f.App = t.symbols.Text(a.app)
	}
}
