package actions

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

// turn notes the record time of a signal. Producers' clocks differ: a minute that has begun does not begin again.
func (f *Fold) turn(at time.Time, acting bool) {
	if at.After(f.newest) {
		f.newest = at
	}
	f.storm.turn(f.newest, acting)
}

// incident enters a finding that people are to be told of in its incident, under the id of its message. ok is false where it is told of
// with a storm, or was told of before and its incident is forgotten.
func (f *Fold) incident(h *held, c *schema.Finding, message string, actions []string) (id string, ok bool) {
	s := &f.incidents
	i := s.byFinding[c.ID]
	if i == nil {
		if f.entries[message] != nil || h.stormed != "" && severer(c.Decision) <= severer(h.stormed) {
			return "", false
		}
		if i = s.join(f.newest, c); i == nil {
			i = s.start(f.newest, c, message)
		}
		if i == nil {
			f.storm.add(c, true)
			h.stormed = c.Decision
			return "", false
		}
	}
	v := onCard(c)
	before := i.card.Version
	if s.add(i, f.newest, &v); i.card.Version > before {
		s.touch(i)
	}
	for n, action := range actions {
		f.attach(i, c, &h.told.revoke[n], action)
	}
	return i.card.ID, true
}

// attach enters an action that a finding asks for, whoever asked first.
func (f *Fold) attach(i *incident, c *schema.Finding, r *revocation, id string) {
	e := f.entries[id]
	if e == nil {
		return
	}
	a := e.action
	if a == nil { // the log keeps it
		t := &r.target
		a = &schema.Action{ID: e.id, Action: r.action, State: e.state, Tenant: c.Tenant, Subject: r.subject, Epoch: itoa(t.Epoch), Token: t.Token, Session: t.Session,
			User: t.User, Round: e.round, Released: e.released, DecidedAt: e.since}
		if e.finished() {
			a.FinishedAt = e.said
		}
	}
	s, before := &f.incidents, i.card.Version
	if s.act(i, f.newest, a); i.card.Version > before {
		s.touch(i)
	}
}

// recall takes note of a finding that was told of before this owner's time: with a storm, if its minute may not be over.
func (f *Fold) recall(h *held) {
	f.digests.count(f.newest, f.offset, h)
	s := &f.incidents
	if h.told.decision == schema.Observe || s.byFinding[h.id] != nil || f.entries[h.id] != nil {
		return
	}
	if s.perMinute > 0 && s.opened[f.newest.Unix()/60] >= s.perMinute && s.join(f.newest, h.finding) == nil {
		c := h.told.on(h.finding)
		f.storm.add(&c, false)
		h.stormed = c.Decision
	}
}
