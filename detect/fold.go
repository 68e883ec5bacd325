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
	u.say(e)
	before := *s
	if v, ok := vantageOf(e); ok {
		var look uint64
		if u.vantage, look = t.vantage(s, &v, e.Time); s.flags&sessionHasUse == 0 || e.Time > s.newest {
			s.look = look
		}
		if v.cnf != 0 {
			s.flags |= sessionBound
		}
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
		t.foldMark(s, e, mark{kind: uint8(Started), auth: wholeSeconds(e.Time), vantage: u.vantage}, own, "", out)
	}
	proof := t.authenticate(s, e, u.vantage)
	if e.Type == schema.SessionRotated {
		t.supersede(e, out)
	}
	if !added {
		return
	}
	late := before.flags&sessionHasUse != 0 && e.Time <= before.newest
	t.sight(s, &before, e, &u, late, named, out)
	t.count(s, &before, e, &u, out)
	t.follow(s, &before, &u, late)
	on := t.facts(s, &before, e, &u, late)
	if late && s.flags&sessionSensitive != 0 && (proof || e.Type == schema.SessionStarted) {
		on |= OnSensitive
	}
	if late && s.found != 0 {
		on = s.possible()
	}
	if on &= t.wanted.On | OnEnd; on == 0 {
		return
	}
	view := t.spread(s, e.Tenant, e.Token)
	at := len(view.Uses) - 1
	for ; at > 0 && (view.Uses[at].raw.id != u.id || view.Uses[at].raw.kind != u.kind); at-- {
	}
	view.From, view.To = at, at+1
	t.pairUp(s, view)
	if late && s.found != 0 {
		t.revise(s, view, e, out)
	} else {
		t.judge(s, view, e, on&OnMove, out)
		if late { // it may throw another light on later uses, and on those of the same instant
			for ; view.From > 0 && view.Uses[view.From-1].Time == e.Time; view.From-- {
			}
			view.To = len(view.Uses)
		}
		t.judge(s, view, e, on&^OnMove, out)
	}
	if on&OnTurn != 0 {
		s.turn = t.pending(view)
	}
	t.passOn(view, e, named, proof, out)
}

// say notes what an event says of its use.
func (u *use) say(e *schema.Event) {
	if !e.Accepted() {
		u.flags |= useRejected
	}
	switch e.Type {
	case schema.SessionStarted:
		u.flags |= useStart
	case schema.SessionRotated:
		u.flags |= useRotation
	case schema.SessionElevated:
		u.flags |= useElevation
	}
	if e.Binding == schema.BindingFailed {
		u.flags |= useUnbound
	}
	if e.Sensitive {
		u.flags |= useSensitive
	}
}

// follow notes where the token was used last.
func (t *Tokens) follow(s, before *session, u *use, late bool) {
	moved := u.vantage != before.vantage
	switch {
	case u.vantage == noVantage:
	case !late:
		if moved {
			s.moved = before.newest
		}
		s.vantage = u.vantage
	case moved:
		s.moved = max(s.moved, u.at())
		s.vantage = noVantage // it may be the newest use that has one; let the next one be looked at anyhow
	}
	s.actor = u.actor
	if late || u.flags&(useRejected|useStart|useRotation|useElevation) != 0 {
		s.actor = unknownActor
	}
	if u.vantage != noVantage && (late || s.main == noVantage) {
		t.setMain(s)
	}
}

// seconds rounds a time up to full Unix seconds; 0 stays 0.
func seconds(ns int64) uint32 {
	const second = 1e9
	return uint32(max(0, min((ns+second-1)/second, 1<<32-1))) // #nosec G115 -- clamped
}

// foldMark folds a turn in the token's life, and judges again the uses after it.
func (t *Tokens) foldMark(s *session, e *schema.Event, m mark, id eventID, text string, out *Output) {
	kind := MarkKind(m.kind)
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
		t.countNamed(s, e)
	}
	if named {
		s.flags &^= sessionTold
	}
	m.id, m.idk, m.time, m.text, m.actor = id.b, id.kind, e.Time, t.texts.add(text), who
	if kind == Started {
		s.fresh = max(s.fresh, m.auth)
	} else {
		m.vantage = noVantage
	}
	t.mark(s, m)
	if kind == Started {
		t.setMain(s)
	}
	if kind != Started {
		s.flags |= sessionEnded
	}
	if !t.loading && s.flags&sessionPartial == 0 {
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
		t.judge(s, view, e, s.possible(), out)
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
		if kind := MarkKind(p.kind); !m.before(&first) || kind == RotatedOut || kind == Sentence || kind == Family {
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
