package actions

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Fold is the memory of a response lane: findings merged to their strongest versions, actions and alerts with how far they have
// come, and what the limits have left. It is pure: time is the record time that it is told, and it does no I/O, so that a backtest
// decides as the daemon does.
type Fold struct {
	policy   *Policy
	faults   faults
	recent   recent
	pools    pools
	entries  map[string]*entry
	tenants  map[string]*spending
	censuses map[string]census // by tenant
	held     int
}

// entry is an action or an alert. What is being written to the log and not yet read back is in the making.
//
// Of what is held or has ended a lane keeps no more than this: the log has the rest, and there may be a million.
type entry struct {
	id       string
	kind     string             // the action, "alert" or "page": also the label of its metrics
	to       string             // its destination, empty for the primary one
	round    int                // how often it was reopened; of an entry's records the highest (round, state) counts
	state    schema.ActionState // 0: not durable yet
	making   schema.ActionState
	released bool
	sealed   bool // its end has been said twice
	parked   bool // released, and long to wait: the log keeps its action
	task     *task
	action   *schema.Action // one of action and alert, or neither
	alert    *Alert
	order    int64     // offset of the record that authorised it
	since    time.Time // record time of that record
	changed  int64     // offset of the record that changed it last
	last     int64     // offset of the last one in its state
	said     time.Time // record time of that one
}

// Outcome is what one signal causes.
type Outcome struct {
	Findings []schema.Finding // decided, for the first time or otherwise than before
	Actions  []*schema.Action // pending or held
	Alerts   []*Alert
	learned  *pool // where that is news
}

// NewFold returns an empty fold.
func NewFold(p *Policy) *Fold {
	return &Fold{policy: p, recent: newRecent(), pools: newPools(), entries: map[string]*entry{}, tenants: map[string]*spending{}, censuses: map[string]census{}}
}

// Finding folds one finding at a record time and decides on it. Others are decided on again where it adds to them, and are told where
// that makes a difference. What was done stays done.
func (f *Fold) Finding(at time.Time, x *schema.Finding) (out Outcome) {
	for _, h := range f.decide(at, x) {
		f.cause(at, h, &out)
	}
	return out
}

// Remember folds a finding that was decided on before.
func (f *Fold) Remember(at time.Time, x *schema.Finding) { f.decide(at, x) }

// cause adds what a decision causes.
func (f *Fold) cause(at time.Time, h *held, out *Outcome) {
	c := h.told.on(h.finding)
	out.Findings = append(out.Findings, c)
	for i := range h.told.revoke {
		if a := f.revoke(at, &c, &h.told.revoke[i]); a != nil {
			out.Actions = append(out.Actions, a)
		}
	}
	if c.Decision != schema.Observe {
		id := c.ID
		if h.was == schema.Alert && c.Decision == schema.RevokeSession { // people were told that nothing was revoked
			id += "/revoked"
		}
		if a := f.alert(&Alert{ID: id, Finding: shown(&c)}); a != nil {
			out.Alerts = append(out.Alerts, a)
		}
	}
}

// setPolicy replaces the policy. What was seen under the old one is decided on again when it comes again.
func (f *Fold) setPolicy(p *Policy) {
	f.policy = p
	for _, h := range f.recent.findings {
		h.told = nil
	}
}

// Pool folds an egress that turned out to be shared. The findings that it suppresses are told again even where they are known to be
// suppressed: a crash may have come between the record of the pool and theirs.
func (f *Fold) Pool(at time.Time, c *schema.Command) (out Outcome) {
	p, ok := readPool(c)
	if !ok {
		return out
	}
	if f.pools.learn(p) {
		out.learned = &p
	}
	for _, h := range f.suppressed(p) {
		f.cause(at, h, &out)
	}
	return out
}

// suppressed decides again on what a pool suppresses, and on what that added to.
func (f *Fold) suppressed(p pool) []*held {
	var hs []*held
	for _, h := range f.recent.findings {
		if !slices.ContainsFunc(h.egress, p.Network.Contains) {
			continue
		}
		if h.pool = f.pools.suppress(h); h.pool == p.name() {
			if h.whole {
				h.told = nil
			}
			hs = f.recent.near(h, hs)
		}
	}
	slices.SortFunc(hs, compareHeld)
	hs = slices.CompactFunc(hs, func(a, b *held) bool { return a == b })
	return slices.DeleteFunc(hs, func(h *held) bool { return !f.redecide(h) })
}

// revoke makes the action that a finding asks for of one token, unless the token's present life has one.
func (f *Fold) revoke(at time.Time, x *schema.Finding, r *revocation) *schema.Action {
	t, epoch := &r.target, strconv.Itoa(r.target.Epoch)
	id := schema.ActionID(x.Tenant, t.Token, string(schema.RevokeSession), epoch)
	if f.faults.targetsApart && len(x.Targets) > 0 {
		id = schema.ActionID(x.Tenant, t.Token, x.ID, epoch)
	}
	if f.faults.randomIDs != nil {
		id = f.faults.randomIDs()
	}
	if f.entries[id] != nil {
		return nil
	}
	a := &schema.Action{
		ID: id, Action: schema.RevokeSession, State: schema.ActionPending, Tenant: x.Tenant, Subject: t.Token, Epoch: epoch,
		Token: t.Token, Session: t.Session, User: t.User, Partition: t.Partition, Reason: x.Rule, Risk: r.risk,
		Mode: string(Enforce), Findings: []schema.Finding{brief(x)}, DecidedAt: at,
	}
	for _, o := range r.with {
		a.Findings = append(a.Findings, brief(o))
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
		e = &entry{id: r.id(), kind: r.kind(), to: r.to()}
		f.entries[r.id()] = e
	}
	newer := cmp.Or(cmp.Compare(r.round(), e.round), cmp.Compare(state, e.state))
	if newer == 0 {
		e.last, e.said = offset, at
	}
	if newer > 0 && !r.Again {
		e.sealed = false
	}
	if newer >= 0 && r.Again {
		e.sealed = true
	}
	if newer <= 0 && !f.faults.lastWins {
		return nil
	}
	if e.spends() {
		f.spending(e).open--
	}
	if e.state == schema.ActionHeld {
		f.held--
	}
	e.action, e.alert, e.state, e.making, e.changed, e.last, e.said = r.Action, r.Alert, state, 0, offset, offset, at
	e.released, e.parked, e.round = r.Action != nil && r.Action.Released, false, r.round()
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

// limited reports whether the limits count the entry: every action, once.
func (e *entry) limited() bool { return e.isAction() && e.to == "" }

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
