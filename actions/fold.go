package actions

import (
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Fold is the memory of a response lane: findings merged to their strongest versions, actions and alerts with how far they have
// come, and what the limits have left. It is pure: time is the record time that it is told, and it does no I/O, so that a backtest
// decides as the daemon does.
type Fold struct {
	policy  *Policy
	faults  faults
	known   known
	entries map[string]*entry
	tenants map[string]*spending
	held    int
}

// entry is an action or an alert. What is being written to the log and not yet read back is in the making.
//
// Of what is held or has ended a lane keeps no more than this: the log has the rest, and there may be a million.
type entry struct {
	id       string
	kind     string             // the action, "alert" or "page": also the label of its metrics
	state    schema.ActionState // 0: not durable yet
	making   schema.ActionState
	released bool
	sealed   bool           // its end has been said twice
	action   *schema.Action // one of action and alert, or neither
	alert    *Alert
	order    int64     // offset of the record that authorised it
	since    time.Time // record time of that record
	changed  int64     // offset of the record that changed it last
	last     int64     // offset of the last one in its state
	said     time.Time // record time of that one
}

// Outcome is what one finding causes. Each part is nil where there is nothing new.
type Outcome struct {
	Finding *schema.Finding // decided; nil where a version at least as strong is known
	Action  *schema.Action  // pending or held
	Alert   *Alert
}

// NewFold returns an empty fold.
func NewFold(p *Policy) *Fold {
	return &Fold{policy: p, known: newKnown(), entries: map[string]*entry{}, tenants: map[string]*spending{}}
}

// Finding folds one finding and decides on it at a record time.
func (f *Fold) Finding(at time.Time, x *schema.Finding) Outcome {
	if !f.known.stronger(at, x) {
		return Outcome{}
	}
	c := *x
	c.Decision, c.Would, c.Suppressed = f.policy.Decide(&c)
	out := Outcome{Finding: &c}
	if c.Decision == schema.RevokeSession {
		out.Action = f.revoke(at, &c)
	}
	if c.Decision != schema.Observe {
		out.Alert = f.alert(&Alert{ID: c.ID, Finding: shown(&c)})
	}
	return out
}

// Remember folds a finding that was decided on before.
func (f *Fold) Remember(at time.Time, x *schema.Finding) { f.known.stronger(at, x) }

// revoke makes the action that a finding asks for, unless the token's present life has one.
func (f *Fold) revoke(at time.Time, x *schema.Finding) *schema.Action {
	epoch := strconv.Itoa(x.Epoch)
	id := schema.ActionID(x.Tenant, x.Token, string(schema.RevokeSession), epoch)
	if f.faults.randomIDs != nil {
		id = f.faults.randomIDs()
	}
	if f.entries[id] != nil {
		return nil
	}
	a := &schema.Action{
		ID: id, Action: schema.RevokeSession, State: schema.ActionPending, Tenant: x.Tenant, Subject: x.Token, Epoch: epoch,
		Token: x.Token, Session: x.Session, User: x.User, Partition: x.Partition, Reason: x.Rule, Risk: x.Confidence,
		Mode: string(Enforce), Findings: []schema.Finding{brief(x)}, DecidedAt: at,
	}
	if f.over(x.Tenant, at) {
		a.State = schema.ActionHeld
	}
	f.make(&entry{id: a.ID, kind: string(schema.RevokeSession), action: a, making: a.State})
	return a
}

// alert makes an alert, unless there is one under its id.
func (f *Fold) alert(a *Alert) *Alert {
	if f.entries[a.ID] != nil {
		return nil
	}
	kind := kindAlert
	if a.Page != "" {
		kind = kindPage
	}
	f.make(&entry{id: a.ID, kind: kind, alert: a, making: schema.ActionPending})
	return a
}

// forget takes an alert back that nobody is to get.
func (f *Fold) forget(a *Alert) { delete(f.entries, a.ID) }

func (f *Fold) make(e *entry) {
	f.entries[e.id] = e
	if e.spends() {
		f.spending(e).open++
	}
}

// Command folds a person's order and returns the actions that it changes, in their new state. Only what is held obeys. A lane brings
// the actions that the command names back to memory first.
func (f *Fold) Command(c *schema.Command) []*schema.Action {
	var as []*schema.Action
	for _, id := range c.Actions {
		e := f.entries[id]
		if e == nil || e.state != schema.ActionHeld || e.making != 0 || e.action == nil || e.action.Tenant != c.Tenant {
			continue
		}
		a := *e.action
		switch c.Verb {
		case schema.Release:
			a.State, a.Released = schema.ActionReleased, true
		case schema.Discard:
			a.State = schema.ActionDiscarded
		default:
			continue
		}
		e.making = a.State
		as = append(as, &a)
	}
	return as
}

// named lists the entries that a command names.
func (f *Fold) named(c *schema.Command) (es []*entry) {
	for _, id := range c.Actions {
		if e := f.entries[id]; e != nil {
			es = append(es, e)
		}
	}
	return es
}

// Settle folds how far an action has come by a record time, for callers without a log.
func (f *Fold) Settle(at time.Time, a *schema.Action) {
	f.apply(0, at, &record{Action: a})
}

// apply folds one valid record of the log and returns the entry if it changed. Of an entry's records the highest state counts.
func (f *Fold) apply(offset int64, at time.Time, r *record) *entry {
	e, state := f.entries[r.id()], r.state()
	if e == nil {
		e = &entry{id: r.id(), kind: r.kind()}
		f.entries[r.id()] = e
	}
	if state == e.state {
		e.last, e.said = offset, at
	}
	if state >= e.state && r.Again {
		e.sealed = true
	}
	if state <= e.state && !f.faults.lastWins {
		return nil
	}
	if e.spends() {
		f.spending(e).open--
	}
	if e.state == schema.ActionHeld {
		f.held--
	}
	e.action, e.alert, e.state, e.making, e.changed, e.last, e.said = r.Action, r.Alert, state, 0, offset, offset, at
	e.released = r.Action != nil && r.Action.Released
	if state == schema.ActionPending || state == schema.ActionReleased {
		e.order, e.since = offset, at
		if r.Order > 0 {
			e.order, e.since = r.Order, r.Since
		}
	}
	if state == schema.ActionHeld {
		f.held++
	}
	switch {
	case e.spends():
		f.spending(e).open++
	case state == schema.ActionDelivered && e.limited() && !e.released:
		f.spending(e).deliver(at)
	}
	return e
}

// isAction tells actions from messages.
func (e *entry) isAction() bool { return e.kind != kindAlert && e.kind != kindPage }

// limited reports whether the limits count the entry.
func (e *entry) limited() bool { return e.kind == string(schema.RevokeSession) }

// spends reports whether the entry is authorised, counted and not yet delivered.
func (e *entry) spends() bool {
	return e.limited() && !e.released && (e.state == schema.ActionPending || e.making == schema.ActionPending)
}

// due reports whether the entry waits to be carried out.
func (e *entry) due() bool {
	return e.state == schema.ActionPending || e.state == schema.ActionReleased
}

// finished reports whether nothing more will happen to the entry.
func (e *entry) finished() bool { return e.state >= schema.ActionDiscarded }
