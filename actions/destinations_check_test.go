package actions_test

import (
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// wrote folds a record of the log as the checker reads it: records behind the opening of a higher term are void, the highest state counts.
func (s *site) wrote(value []byte) {
	s.log = append(s.log, logged{time.Now(), value})
	rec, err := actions.ReadRecord(value)
	if err != nil {
		panic(err)
	}
	top, valid := actions.Follows(s.top, rec.Office)
	s.top = top
	if !valid {
		s.stats["void record"]++
		return
	}
	var id string
	state := rec.State
	switch {
	case rec.Action != nil:
		id, state = rec.Action.ID, rec.Action.State
		if state == schema.ActionDelivered && s.published[id] == 0 {
			s.failed("recorded before session.revoked", "%s", id)
		}
	case rec.Alert != nil:
		id = rec.Alert.ID
	default:
		return
	}
	e := s.entries[id]
	if e == nil {
		e = &entry{order: len(s.log), since: time.Now(), page: strings.HasPrefix(id, "page_")}
		s.entries[id] = e
	}
	if state > e.state {
		e.state = state
		if state >= schema.ActionDiscarded {
			e.ended = time.Now()
		}
	}
}

// called judges a call that has come and says how it is answered.
func (s *site) called(m *member, id, token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats["calls"]++
	l, e := s.lives[id], s.entries[id]
	if l == nil || l.token != token {
		s.failed("id", "%s of %s belongs to no life of the token", id, token)
		return "404"
	}
	if e == nil {
		s.failed("call before its record", "%s", id)
		return "404"
	}
	if !m.zombie {
		s.timely(m, id, l, e)
	}
	answer := l.plan.answer(l.calls)
	if s.away() {
		answer = "reset before effect"
		s.stats["away: reset"]++
	} else {
		l.calls++
		s.stats[answer]++
	}
	if slices.Contains(final, answer) && !l.plan.succeeds() {
		l.refused = m
	}
	return answer
}

// timely judges the moment of a call.
func (s *site) timely(m *member, id string, l *life, e *entry) {
	if e.state >= schema.ActionDiscarded {
		s.failed("called after its recorded end", "%s", id)
	}
	if l.refused == m {
		s.failed("called after a final answer", "%s: %s", id, l.plan.end)
	}
	if b := s.notBefore[id]; b.of == m && time.Now().Before(b.until) {
		s.failed("Retry-After", "%s came %s early", id, time.Until(b.until))
	}
	for other, o := range s.lives {
		if x := s.entries[other]; o.token == l.token && x != nil && x.order < e.order && x.state < schema.ActionDiscarded {
			s.failed("order of a token", "%s is called while %s is under way", id, other)
		}
	}
}

// effect is what a call does at the receiver, late where it has long been given up.
func (s *site) effect(id string, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lives[id]
	if l == nil {
		s.failed("id", "an effect under %s", id)
		return
	}
	if l.effects++; l.effects == 1 {
		l.late, l.first = late, time.Now()
		s.stats["effects"]++
	} else {
		s.stats["effects that the id prevented"]++
	}
}

// settled reports whether all that was ordered is over and everybody knows.
func (s *site) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fed || s.committed < int64(len(s.signals)) {
		return false
	}
	for id := range s.lives {
		if e := s.entries[id]; e == nil || s.archived[id] < e.state {
			return false
		}
	}
	for _, e := range s.entries {
		if e.state < schema.ActionDiscarded {
			return false
		}
	}
	return true
}

// check judges the end.
func (s *site) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.lives {
		e := s.entries[id]
		switch {
		case e == nil:
			s.failed("lost revocation", "%s was never decided", id)
			continue
		case e.state == schema.ActionDelivered && !l.plan.succeeds():
			s.failed("delivered though refused", "%s: %s", id, l.plan.end)
		case e.state == schema.ActionDelivered && l.effects == 0, e.state == schema.ActionFailed && l.plan.succeeds() && !s.long:
			s.failed("lost revocation", "%s is %s after %d calls: %v %s", id, e.state, l.calls, l.plan.faults, l.plan.end)
		case e.state == schema.ActionDelivered && s.published[id] == 0:
			s.failed("no session.revoked", "%s", id)
		}
		s.stats["revocations "+e.state.String()]++
		if s.archived[id] != e.state {
			s.failed("archive", "%s is %s, archived as %s", id, e.state, s.archived[id])
		}
		for other, o := range s.lives {
			if x := s.entries[other]; o.token == l.token && x != nil && x.order < e.order && l.effects > 0 && o.effects > 0 && !o.late && l.first.Before(o.first) {
				s.failed("order of a token", "%s took effect before %s", id, other)
			}
		}
	}
	for id, n := range s.messages {
		if n > 1 && !s.zombies {
			s.failed("two messages", "%s: %d", id, n)
		}
	}
	s.checkPages()
}

// slack is how long nobody may have the lane in a takeover, and what a page may be late by.
const slack = time.Minute

func (s *site) checkPages() {
	pages := map[string][]string{} // ids by kind
	for id, e := range s.entries {
		if e.page {
			kind, _, _ := strings.Cut(strings.TrimPrefix(id, "page_"), "_")
			pages[kind] = append(pages[kind], id)
			s.stats["pages: "+kind]++
			if s.messages[id] == 0 {
				s.failed("lost page", "%s", id)
			}
		}
	}
	about := func(page string) *entry { return s.entries[page[strings.Index(page, "act_"):]] }
	for id := range s.lives {
		e := s.entries[id]
		if e == nil {
			continue
		}
		if e.state == schema.ActionFailed && !slices.ContainsFunc(pages["failed"], func(p string) bool {
			at := s.entries[p].since
			return !at.After(e.ended) && e.ended.Sub(at) < 10*time.Minute+slack
		}) {
			s.failed("failed without a page", "%s", id)
		}
		if due := e.since.Add(2 * time.Minute); e.ended.After(due.Add(slack)) && !slices.ContainsFunc(pages["pending"], func(p string) bool {
			return !s.entries[p].since.After(due.Add(slack)) && !about(p).ended.Before(due)
		}) {
			s.failed("pending without a page", "%s for %s", id, e.ended.Sub(e.since))
		}
	}
	for _, p := range pages["pending"] {
		if s.entries[p].since.Before(about(p).since.Add(2 * time.Minute)) {
			s.failed("paged too early", "%s", p)
		}
		for _, o := range pages["pending"] {
			if p != o && s.entries[o].since.After(s.entries[p].since) && s.entries[o].since.Before(about(p).ended) {
				s.failed("two pages of one outage", "%s and %s", p, o)
			}
		}
	}
	for _, p := range pages["failed"] {
		for _, o := range pages["failed"] {
			if d := s.entries[o].since.Sub(s.entries[p].since); p != o && d >= 0 && d < 10*time.Minute {
				s.failed("two pages of failures", "within %s", d)
			}
		}
	}
}
