package detect

import (
	"math"

	"github.com/hijackd/hijackd/schema"
)

// foldUse folds an event that shows the token in somebody's hands.
func (t *Tokens) foldUse(s *session, e *schema.Event, id eventID, out *Output) {
	who, named := t.actor(s, e.User, e.Session, e.App, millis(e.Time))
	u := use{id: id.b, kind: id.kind, vantage: noVantage, actor: who, expires: seconds(e.ExpiresAt)}
	u.setTime(e.Time)
	if !e.Accepted() {
		u.flags |= useRejected
	}
	before := *s
	if v, ok := vantageOf(e); ok {
		var look uint64
		if u.vantage, look = t.vantage(s, &v, e.Time); s.flags&sessionHasUse == 0 || e.Time > s.newest {
			s.look = look
		}
	}
	switch e.Type {
	case schema.SessionStarted:
		u.flags |= useStart
	case schema.SessionRotated:
		u.flags |= useRotation
	}
	added := t.add(s, &u)
	if !added {
		t.forget(id)
	}
	if e.Type == schema.SessionStarted {
		own, short := packID(e.ID)
		if !short {
			own = textID(t.texts.add(e.ID))
		}
		t.foldMark(s, e, Started, own, "", out)
	}
	if e.Type == schema.SessionRotated {
		t.supersede(e, out)
	}
	if !added {
		return
	}
	late := before.flags&sessionHasUse != 0 && e.Time <= before.newest
	t.sight(s, &before, e, &u, late, named, out)
	t.count(s, &before, e, &u, out)
	moved := u.vantage != before.vantage
	switch {
	case u.vantage == noVantage:
	case !late:
		if moved {
			s.moved = before.newest
		}
		s.vantage = u.vantage
	case moved:
		s.moved = max(s.moved, e.Time)
		if e.Time == s.newest { // which of the two is the newest use, ids decide; let the next one be looked at anyhow
			s.vantage = noVantage
		}
	}
	crowded := t.pairs.Crowd > 0 && int(s.nvantage) > t.pairs.Crowd && e.Time-s.moved <= int64(t.pairs.Window)
	pairs := u.vantage != noVantage && s.nvantage > 1 && (moved || late || crowded)
	ends := s.flags&sessionEnded != 0 || s.latest > 0 && (late || seconds(e.Time) > s.latest)
	names := named && late && s.found != 0
	if !pairs && !ends && !names {
		return
	}
	view := t.spread(s, e.Tenant, e.Token)
	at := len(view.Uses) - 1
	for ; at > 0 && (view.Uses[at].raw.id != u.id || view.Uses[at].raw.kind != u.kind); at-- {
	}
	view.From, view.To = at, at+1
	t.twins(view)
	if late && s.found != 0 {
		t.revise(s, view, e, out)
	} else {
		if pairs {
			t.judge(s, view, e, false, out)
		}
		if ends {
			if late { // it may show that a vantage was known before the end
				view.To = len(view.Uses)
			}
			t.judge(s, view, e, true, out)
		}
	}
	t.passOn(view, e, named, out)
}

// seconds rounds a time up to full Unix seconds; 0 stays 0.
func seconds(ns int64) uint32 {
	const second = 1e9
	return uint32(max(0, min((ns+second-1)/second, 1<<32-1))) // #nosec G115 -- clamped
}

// foldMark folds a turn in the token's life, and judges again the uses after it.
func (t *Tokens) foldMark(s *session, e *schema.Event, kind MarkKind, id eventID, text string, out *Output) {
	if s.nmarks >= maxMarks && !t.forgetLife(s) {
		t.forget(id)
		return
	}
	since := millis(e.Time)
	if kind == Sentence {
		since = never
	}
	who, named := t.actor(s, e.User, e.Session, e.App, since)
	if named {
		s.flags &^= sessionTold
	}
	note := t.texts.add(text)
	r := t.marks.get()
	*t.marks.at(r) = mark{id: id.b, idk: id.kind, time: e.Time, kind: uint8(kind), text: note, next: s.marks, actor: who}
	s.marks = r
	s.nmarks++
	t.remember(s, id)
	if kind != Started {
		s.flags |= sessionEnded
	}
	if !t.loading {
		t.sightEnd(s, e, kind, e.Time, e.ID, out)
	}
	if named && (s.flags&sessionHasUse != 0 && millis(e.Time) <= millis(s.newest) || s.flags&sessionEnded != 0) && t.newlyNamed(s, e, who) {
		t.sightAgain(s, e, out)
	}
	if s.flags&sessionEnded == 0 {
		return
	}
	view := t.spread(s, e.Tenant, e.Token)
	view.From, view.To = len(view.Uses), len(view.Uses)
	for view.From > 0 && view.Uses[view.From-1].after(e.Time, e.ID) {
		view.From--
	}
	switch kind {
	case RotatedOut:
		t.inherit(view, e, out)
		if named { // the other successors want to know, too
			t.passLives(view, e, named, out)
		}
	case Started, Ended, Revoked:
		t.passLives(view, e, named, out)
	}
	if s.found != 0 {
		t.revise(s, view, e, out)
	} else {
		t.judge(s, view, e, false, out)
		t.judge(s, view, e, true, out)
	}
	t.passSentences(view, e, out)
}

func (u *Use) after(time int64, id string) bool {
	return u.Time > time || u.Time == time && u.ID() > id
}

// forgetLife makes room for marks by dropping those of the first life, which is only counted from then on; false where there is
// only one. Reused session handles live often.
func (t *Tokens) forgetLife(s *session) bool {
	view := t.spread(s, "", "")
	ended, born := false, -1
	for i := range view.Marks {
		switch view.Marks[i].Kind {
		case Ended, Revoked:
			ended = true
		case Started:
			if ended && born < 0 {
				born = i
			}
		}
	}
	if born < 0 {
		return false
	}
	first := view.Marks[born]
	for link := &s.marks; *link != 0; {
		r := *link
		p := t.marks.at(r)
		m := Mark{Time: p.time, ID: t.idText(eventID{p.id, p.idk})}
		if kind := MarkKind(p.kind); !m.before(&first) || kind == RotatedOut || kind == Sentence {
			link = &p.next
			continue
		}
		*link = p.next
		t.forget(eventID{p.id, p.idk})
		t.texts.drop(p.text)
		t.marks.put(r)
		s.nmarks--
	}
	if s.epoch < math.MaxUint8 {
		s.epoch++
	}
	return true
}
