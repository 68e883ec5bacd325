package actions

import (
	"cmp"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Fold is the memory of a response lane: findings merged to their strongest versions, actions and alerts with how far they have
// come, and what the limits have left. It is pure: time is the record time that it is told, and it does no I/O, so that a backtest
// decides as the daemon does.
type Fold struct {
	policy    *Policy
	faults    faults
	recent    recent
	pools     pools
	allows    allows
	switches  switches
	entries   map[string]*entry
	elsewhere map[string][]*entry // by action id, those at other destinations than the primary one
	orders    map[string]given    // commands that were answered, by id
	users     map[[2]string]ended // by tenant and user
	tenants   map[string]*spending
	censuses  map[string]census // by tenant
	held      int

	incidents incidents
	storm     storm
	digests   digests
	newest    time.Time // the greatest record time of a signal
	offset    int64     // of the signal that is being folded
}

// entry is an action or an alert. What is being written to the log and not yet read back is in the making.
//
// Of what is held or has ended a lane keeps no more than this: the log has the rest, and there may be a million.
type entry struct {
	id       string
	kind     string             // the action, "alert" or "page": also the label of its metrics
	to       string             // its destination, empty for the primary one
	tenant   string             // of an action
	subject  string             // of a user's revocation, which is remembered
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
	audit    []schema.Audit
}

// NewFold returns an empty fold.
func NewFold(p *Policy) *Fold {
	return &Fold{
		policy: p, recent: newRecent(), pools: newPools(), allows: newAllows(), switches: newSwitches(), entries: map[string]*entry{}, elsewhere: map[string][]*entry{},
		orders: map[string]given{}, users: map[[2]string]ended{}, tenants: map[string]*spending{}, censuses: map[string]census{},
		incidents: newIncidents(), digests: newDigests(),
	}
}

// Finding folds one finding at a record time and decides on it. Others are decided on again where it adds to them, and are told where
// that makes a difference. What was done stays done.
func (f *Fold) Finding(at time.Time, x *schema.Finding) (out Outcome) {
	f.turn(at, true)
	for _, h := range f.decide(at, x) {
		f.cause(at, h, &out)
	}
	return out
}

// Remember folds a finding that was decided on before.
func (f *Fold) Remember(at time.Time, x *schema.Finding) {
	f.turn(at, false)
	for _, h := range f.decide(at, x) {
		f.recall(h)
	}
}

// cause adds what a decision causes.
func (f *Fold) cause(at time.Time, h *held, out *Outcome) {
	c := h.told.on(h.finding)
	out.Findings = append(out.Findings, c)
	if h.was != h.now || h.before != c.Suppressed {
		out.audit = append(out.audit, auditDecided(at, &c, h.was, f.policy.Mode(c.Rule)))
	}
	h.before = c.Suppressed
	about, asked := "", make([]string, 0, len(h.told.revoke))
	for i := range h.told.revoke {
		as, id := f.intend(at, &c, &h.told.revoke[i])
		out.Actions = append(out.Actions, as...)
		asked = append(asked, id)
		if about == "" && f.entries[id] != nil {
			about = id
		}
	}
	f.digests.count(f.newest, f.offset, h)
	for _, user := range h.told.notify {
		out.Actions = append(out.Actions, f.notify(at, &c, user)...)
	}
	if c.Decision != schema.Observe {
		id := c.ID
		if h.was == schema.Alert && acts(c.Decision) { // people were told that nothing was done
			id += "/revoked"
		}
		incident, ok := f.incident(h, &c, id, asked)
		if !ok {
			return
		}
		if a := f.alert(&Alert{ID: id, Finding: shown(&c), About: about, Incident: incident}); a != nil {
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
	for _, h := range f.explained(p) {
		f.cause(at, h, &out)
	}
	return out
}

// explained decides again on what a pool suppresses, and on what that added to.
func (f *Fold) explained(p pool) []*held {
	var hs []*held
	for _, h := range f.recent.findings {
		if !slices.ContainsFunc(h.egress, p.Network.Contains) {
			continue
		}
		if h.suppressed = f.suppress(h); h.suppressed == p.name() {
			if h.whole {
				h.told = nil
			}
			hs = f.recent.near(h, hs)
		}
	}
	return f.redecided(hs)
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

// drop forgets an entry.
func (f *Fold) drop(e *entry) {
	delete(f.entries, e.id)
	if !e.isAction() || e.to == "" {
		return
	}
	if id := e.about(); len(f.elsewhere[id]) > 1 {
		f.elsewhere[id] = slices.DeleteFunc(f.elsewhere[id], func(o *entry) bool { return o == e })
	} else {
		delete(f.elsewhere, id)
	}
}

// forget takes an alert back that nobody is to get.
func (f *Fold) forget(a *Alert) { delete(f.entries, a.ID) }

func (f *Fold) make(e *entry) {
	f.entries[e.id] = e
	f.spend(e, 1)
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
		if e.isAction() && e.to != "" {
			f.elsewhere[r.Action.ID] = append(f.elsewhere[r.Action.ID], e)
		}
	}
	newer := compareStanding(r.round(), state, e.round, e.state)
	if f.faults.ignoreRounds {
		newer = cmp.Compare(state, e.state)
	}
	if newer == 0 {
		e.last, e.said = offset, at
	}
	if newer > 0 && !r.Again {
		e.sealed = false
	}
	if newer >= 0 && r.Again {
		e.sealed = true
	}
	if newer >= 0 && r.Action != nil { // also where it is said again: incidents may have opened since
		f.incidents.acted(at, r.Action)
	}
	if newer <= 0 && !f.faults.lastWins {
		return nil
	}
	f.spend(e, -1)
	if e.state == schema.ActionHeld {
		f.held--
	}
	e.action, e.alert, e.state, e.making, e.changed, e.last, e.said = r.Action, r.Alert, state, 0, offset, offset, at
	e.released, e.parked, e.round = r.Action != nil && r.Action.Released, false, r.round()
	if r.Action != nil {
		e.tenant, e.subject = r.Action.Tenant, lastingSubject(r.Action)
	}
	if state == schema.ActionPending || state == schema.ActionReleased {
		e.order, e.since = offset, at
		if r.Order > 0 {
			e.order, e.since = r.Order, r.Since
		}
	}
	if state == schema.ActionHeld {
		f.held++
	}
	if r.Action != nil {
		f.digests.acted(at, r.Action)
	}
	f.spend(e, 1)
	if state == schema.ActionDelivered && e.limited() {
		f.end(r.Action)
		if !e.released && !r.Again { // which is said when no limit counts it any more
			f.tenant(e.tenant).deliver(at, r.Action.User)
		}
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
