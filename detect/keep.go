package detect

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/cespare/xxhash/v2"
)

// What is kept of a session's uses.
//
// All uses of the last lateness + window of event time before the newest one are kept whole: an event that comes up to lateness
// late finds exactly the neighbours that it would have found in order, for patterns up to window long. Of what is older, each
// vantage keeps its last use by each user, app and session. That is enough: an event at time t, not later than lateness, can only be
// preceded by an older use of a vantage if it is that vantage's last one, and nothing that is still to come belongs before it. So what
// judges see is, within the lateness, a function of the set of events. Kept besides, of what is older: the first use without a user and
// the login that followed it, the last elevation and rotation, the replays for which successors are to be revoked and, of a token used
// at several vantages, as many of each as make a row of regular intervals (three of the main one) and what returns rest on (sightBack).
//
// A token used more often than maxUses in that time is thinned: of each vantage and actor the first and the last use per cell of a time
// grid stay, and cells grow until it fits. Findings stay, their nearest neighbours may then be up to a cell further away for late events.
const (
	maxUses  = 512
	thinTo   = maxUses * 3 / 4
	thinCell = 10 * time.Second
	// maxVantages bounds the vantages of a session; the one whose last use is the oldest makes room. Their numbers fit a uint64 as a set.
	maxVantages = 48
	maxActors   = 16
	maxMarks    = 64
	maxFound    = 255
)

// add keeps a use; false where it is older than what is kept, so that it would be dropped at once.
func (t *Tokens) add(s *session, u *use) bool {
	at := u.at()
	horizon := t.horizon(s)
	if s.flags&sessionHasUse != 0 && at < horizon && !t.stays(s, u, horizon) {
		s.expires = max(s.expires, u.ownExpiry())
		return false
	}
	r := s.uses
	if r == 0 || t.uses.at(r).n == usesPerChunk {
		if s.flags&sessionHasUse != 0 && s.oldest < horizon-t.keep/2 || int(s.nuses) >= maxUses {
			t.compact(s, horizon)
		}
		r = s.uses
		if r == 0 || t.uses.at(r).n == usesPerChunk {
			r = t.uses.get()
			t.uses.at(r).next = s.uses
			s.uses = r
		}
	}
	c := t.uses.at(r)
	c.uses[c.n] = *u
	c.n++
	s.nuses++
	if s.flags&sessionHasUse != 0 && at <= s.newest {
		t.sink(s)
	}
	if s.flags&sessionHasUse == 0 {
		s.newest, s.oldest = at, at
		s.flags |= sessionHasUse
	}
	s.newest, s.oldest = max(s.newest, at), min(s.oldest, at)
	s.latest = max(s.latest, u.ownExpiry())
	t.remember(s, eventID{u.id, u.kind})
	return true
}

// sink moves the use that was added last to where it belongs in event order, in which all are kept.
func (t *Tokens) sink(s *session) {
	c := t.uses.at(s.uses)
	for i := c.n - 1; ; {
		below, k := c, i-1
		if i == 0 {
			if c.next == 0 {
				return
			}
			below = t.uses.at(c.next)
			k = below.n - 1
		}
		if !t.before(&c.uses[i], &below.uses[k]) {
			return
		}
		c.uses[i], below.uses[k] = below.uses[k], c.uses[i]
		c, i = below, k
	}
}

func (t *Tokens) horizon(s *session) int64 {
	if s.newest < math.MinInt64+t.keep {
		return math.MinInt64
	}
	return s.newest - t.keep
}

// stays reports whether u would be kept among the uses before the horizon.
func (t *Tokens) stays(s *session, u *use, horizon int64) bool {
	kept := t.sorted(s)
	at := sort.Search(len(kept), func(i int) bool { return t.before(u, &kept[i]) })
	kept = slices.Insert(kept, at, *u)
	t.view.kept = kept
	return t.older(s, kept, horizon)[at]
}

// rowOfMain is how many older uses of the main vantage are kept: they show its period.
const rowOfMain = 3

// maxRows bounds the older uses of all vantages that are kept for the sake of their periods.
const maxRows = maxUses / 4

// older says which of the uses before the horizon are kept.
func (t *Tokens) older(s *session, kept []use, horizon int64) []bool {
	stay := t.view.stay[:0]
	end := 0
	for ; end < len(kept) && kept[end].at() < horizon; end++ {
		stay = append(stay, false)
	}
	t.view.stay = stay
	var by [256]uint32 // of each vantage the actors that a later use was by
	var count [256]uint8
	elevated, rotated, rows := false, false, 0
	main := s.main
	if t.mainSince(s) >= s.newest-t.lateness { // what comes late may still show that another one was it then
		main = noVantage
	}
	for i := end - 1; i >= 0; i-- {
		u := &kept[i]
		actor := uint32(1) << (u.actor & 31)
		stay[i] = by[u.vantage]&actor == 0
		by[u.vantage] |= actor
		row := t.wanted.Intervals
		if u.vantage == main {
			row = min(row, rowOfMain)
		}
		if s.nvantage > 1 && u.vantage != noVantage && u.flags&useRejected == 0 && int(count[u.vantage]) < row && rows < maxRows {
			rows++
			count[u.vantage]++
			stay[i] = true
		}
		if u.flags&useInherited != 0 {
			continue
		}
		if u.flags&useElevation != 0 && u.flags&useRejected == 0 && !elevated {
			elevated, stay[i] = true, true
		}
		if u.flags&useRotation != 0 && !rotated {
			rotated, stay[i] = true, true
		}
	}
	t.pinLogin(s, kept[:end], stay)
	t.pinReplays(s, kept[:end], stay)
	t.pinReturns(s, kept[:end], stay)
	return stay
}

// pinLogin keeps the first use without a user and the login that followed it.
func (t *Tokens) pinLogin(s *session, kept []use, stay []bool) {
	if s.flags&sessionAnonymous == 0 {
		return
	}
	named, anonymous := t.firstNamed(s), false
	for i := range kept {
		u := &kept[i]
		switch {
		case u.flags&useInherited != 0:
		case t.userOf(s, u.actor):
			if anonymous && millis(u.at()) <= named {
				stay[i] = true
			}
			return
		case !anonymous && u.anonymous():
			if millis(u.at()) > named {
				return
			}
			anonymous, stay[i] = true, true
		}
	}
}

// pinReplays keeps the uses that sentenced the token's successors: one that is yet to come is to be sentenced by them, too.
func (t *Tokens) pinReplays(s *session, kept []use, stay []bool) {
	for r := s.found; r != 0; r = t.found.at(r).next {
		p := t.found.at(r)
		if p.flags&(foundSentence|foundWithdrawn) != foundSentence {
			continue
		}
		for i := range kept {
			u := &kept[i]
			stay[i] = stay[i] || u.at() == p.time && xxhash.Sum64String(t.idText(eventID{u.id, u.kind})) == p.event
		}
	}
}

// userOf reports whether an actor is known by name.
func (t *Tokens) userOf(s *session, number uint8) bool {
	for r := s.actors; r != 0; r = t.actors.at(r).next {
		if a := t.actors.at(r); a.number == number {
			return a.user != 0
		}
	}
	return false
}

func (t *Tokens) before(a, b *use) bool {
	if x, y := a.at(), b.at(); x != y {
		return x < y
	}
	return t.idText(eventID{a.id, a.kind}) < t.idText(eventID{b.id, b.kind})
}

// compact drops what need not be kept.
func (t *Tokens) compact(s *session, horizon int64) {
	kept := t.sorted(s)
	stay := t.older(s, kept, horizon)
	drop := func(i int) bool { return i < len(stay) && !stay[i] }
	t.rebuild(s, kept, drop, horizon)
	for cell := int64(thinCell); int(s.nuses) >= maxUses && cell < math.MaxInt64/4; cell *= 4 {
		t.thin(s, cell, horizon)
	}
	if n := int(s.nuses); n >= maxUses { // over years, at every vantage
		t.rebuild(s, t.sorted(s), func(i int) bool { return i < n-thinTo }, horizon)
	}
}

// thin keeps of each vantage the first and the last use per cell.
func (t *Tokens) thin(s *session, cell, horizon int64) {
	s.flags |= sessionThinned
	kept := t.sorted(s)
	inner := make([]bool, len(kept))
	type place struct {
		vantage, actor uint8
		cell           int64
	}
	last := map[place]int{}
	for i, u := range kept {
		p := place{u.vantage, u.actor, floorDiv(u.at(), cell)}
		if cell > t.keep {
			p.actor = 0 // so that it comes to an end
		}
		if j, ok := last[p]; ok && j >= 0 {
			inner[j] = true
		} else if !ok {
			last[p] = -1 // the first one stays
			continue
		}
		last[p] = i
	}
	t.rebuild(s, kept, func(i int) bool { return inner[i] }, horizon)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// sorted returns copies of all uses kept, in event order, valid until the next call.
func (t *Tokens) sorted(s *session) []use {
	kept := t.view.kept[:0]
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := int(c.n) - 1; i >= 0; i-- {
			kept = append(kept, c.uses[i])
		}
	}
	slices.Reverse(kept)
	t.view.kept = kept
	return kept
}

// rebuild writes back, of the uses given, those that stay.
func (t *Tokens) rebuild(s *session, kept []use, drop func(i int) bool, horizon int64) {
	free := s.uses
	s.uses, s.nuses, s.ids, s.oldest = 0, 0, [2]uint64{}, math.MaxInt64
	for i := range kept {
		u := &kept[i]
		if drop(i) {
			s.expires = max(s.expires, u.ownExpiry())
			t.forget(eventID{u.id, u.kind})
			continue
		}
		r := s.uses
		if r == 0 || t.uses.at(r).n == usesPerChunk {
			r = free
			free = t.uses.at(r).next
			*t.uses.at(r) = useChunk{next: s.uses}
			s.uses = r
		}
		c := t.uses.at(r)
		c.uses[c.n] = *u
		c.n++
		s.nuses++
		t.remember(s, eventID{u.id, u.kind})
		if at := u.at(); at >= horizon {
			s.oldest = min(s.oldest, at)
		}
	}
	for free != 0 {
		next := t.uses.at(free).next
		t.uses.put(free)
		free = next
	}
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		t.remember(s, eventID{t.marks.at(r).id, t.marks.at(r).idk})
	}
}

// ownExpiry is when the use says that this token, not one that it replaced, expires.
func (u *use) ownExpiry() uint32 {
	if u.flags&useInherited != 0 {
		return 0
	}
	return u.expires
}
