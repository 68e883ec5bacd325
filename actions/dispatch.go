package actions

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Destinations. Each has calls of its own in flight, so that a slow one never delays the other.
const (
	toRevoker = iota
	toAlerter
)

// task is the carrying out of one entry that is durably authorised.
type task struct {
	e         *entry
	at        time.Time // not before
	attempts  int
	tries     int  // failed attempts since the delay began at its first value
	soft      bool // past the first minute
	busy      bool
	called    bool           // the revoker said yes; what is left is to publish session.revoked
	outcome   string         // what it answered
	uncertain bool           // somebody may have done it already
	about     string         // of a message: the action that answers the same finding …
	answer    *schema.Action // … as far as it has come
}

func (t *task) to() int {
	if t.e.isAction() {
		return toRevoker
	}
	return toAlerter
}

// report is what a call in flight tells the lane when it ends.
type report struct {
	t      *task
	res    Result
	called bool
	answer string // of the revoker, once it said yes
}

// tellWait is how long a message about a finding waits for the outcome of its revocation, so as to tell that too.
const tellWait = 5 * time.Second

// changed takes note of an entry that a valid record has changed.
func (r *Response) changed(e *entry) {
	r.deps.Metrics.actions.WithLabelValues(e.kind, e.state.String()).Inc()
	if e.isAction() {
		r.rows = append(r.rows, *e.action)
		r.answered(e)
	}
	switch {
	case e.due():
		r.enqueue(e)
	case e.finished():
		r.tasks = slices.DeleteFunc(r.tasks, func(t *task) bool { return t.e == e })
	}
	e.compact()
}

// compact drops what the log can give back.
func (e *entry) compact() {
	if e.finished() || e.state == schema.ActionHeld && e.making == 0 {
		e.action, e.alert = nil, nil
	}
}

func (r *Response) enqueue(e *entry) {
	t := &task{e: e, at: r.deps.Now()}
	if e.alert != nil && e.alert.Finding != nil && e.alert.Finding.Decision == schema.RevokeSession {
		t.about = r.fold.answer(e.alert.Finding)
		a := r.fold.entries[t.about]
		if a != nil {
			t.answer = a.action
		}
		if a == nil || !a.finished() && a.state != schema.ActionHeld {
			t.at = t.at.Add(tellWait)
		}
	}
	r.tasks = append(r.tasks, t)
}

// answer is the id of the action that a message about a finding tells of: that on the first of its targets that has one.
func (f *Fold) answer(x *schema.Finding) (id string) {
	for _, t := range targets(x) {
		id = schema.ActionID(x.Tenant, t.Token, string(x.Decision), itoa(t.Epoch))
		if f.entries[id] != nil {
			break
		}
	}
	return id
}

// answered tells the messages about an action how far it has come, and lets them go that waited for its outcome.
func (r *Response) answered(e *entry) {
	for _, t := range r.tasks {
		if t.about != e.id {
			continue
		}
		t.answer = e.action
		if !e.due() && t.attempts == 0 {
			t.at = r.deps.Now()
		}
	}
}

// launch starts what is due: of each token the oldest alone, within the calls that each destination may have in flight.
func (r *Response) launch(now time.Time) (next time.Time) {
	next = r.restated.Add(r.cfg.Restate)
	blocked := map[schema.Subject]bool{}
	for _, t := range r.tasks {
		at := t.at
		if a := t.e.action; t.e.isAction() {
			s := schema.Subject{Tenant: a.Tenant, Name: a.Subject}
			if blocked[s] {
				continue
			}
			blocked[s] = true
			if t.e.released && t.attempts == 0 && r.paced[a.Tenant].After(at) {
				at = r.paced[a.Tenant]
			}
		} else if r.slackAt.After(at) {
			at = r.slackAt
		}
		switch {
		case t.busy || t.to() == toRevoker && r.deps.Revoker == nil || t.to() == toAlerter && r.deps.Alerter == nil:
		case at.After(now):
			next = earlier(next, at)
		case r.calls[t.to()] < r.slots(t.to()):
			r.start(t, now)
		}
	}
	return next
}

func (r *Response) slots(to int) int {
	if to == toAlerter {
		return 1
	}
	return r.cfg.Calls
}

// start makes one attempt in a goroutine of its own.
func (r *Response) start(t *task, now time.Time) {
	if t.e.released && t.attempts == 0 {
		l := r.fold.policy.cfg.Limits
		r.paced[t.e.action.Tenant] = now.Add(time.Minute / time.Duration(max(1, l.RevokesPerMinute)))
	}
	t.busy = true
	t.attempts++
	r.calls[t.to()]++
	if t.to() == toAlerter {
		a := *t.e.alert
		a.Uncertain = t.uncertain
		a.Action = t.answer
		r.spawn(func() { r.report(report{t: t, res: r.deps.Alerter.Alert(r.ctx, &a)}) })
		return
	}
	a, called := *t.e.action, t.called
	r.spawn(func() { r.report(r.carryOut(r.ctx, t, &a, called)) })
}

// carryOut calls the revoker, then tells the event topic. A crash between the two repeats the call under the same id; the record of
// the outcome comes after both, so that no token lane misses a revocation that is recorded as delivered.
func (r *Response) carryOut(ctx context.Context, t *task, a *schema.Action, called bool) report {
	res := Result{Class: Done}
	if !called {
		if res = r.deps.Revoker.Revoke(ctx, a); res.Class != Done {
			return report{t: t, res: res}
		}
	}
	done := report{t: t, res: res, called: true, answer: res.Detail}
	if r.faults.recordBeforeRevoked {
		return done
	}
	if err := r.deps.Publisher.Revoked(ctx, a); err != nil {
		done.res = Result{Class: Again, Detail: "publish session.revoked: " + err.Error()}
	}
	return done
}

func (r *Response) report(p report) {
	r.mu.Lock()
	r.reports = append(r.reports, p)
	r.mu.Unlock()
	r.poke()
}

// settle turns the end of one attempt into records, or into a later attempt.
func (r *Response) settle(p report, now time.Time) []*record {
	t := p.t
	t.busy = false
	r.calls[t.to()]--
	if t.e.finished() {
		return nil
	}
	if p.called && !t.called {
		t.called, t.outcome = true, p.answer
		r.deps.Metrics.revocation.Observe(now.Sub(t.e.completed()).Seconds())
	}
	age := now.Sub(t.e.since)
	if p.res.Class == Again && age < giveUp {
		if age >= hardFor && !t.soft {
			t.soft, t.tries = true, 0
		}
		t.tries++
		t.uncertain = true
		t.at = now.Add(backOff(age, t.tries, p.res.RetryAfter, r.deps.Jitter()))
		if t.to() == toAlerter {
			r.slackAt = now.Add(max(hardMost, min(p.res.RetryAfter, retryAfter))) // the others need not wait for this one's back-off
		}
		r.deps.Metrics.actions.WithLabelValues(t.e.kind, "retried").Inc()
		r.deps.Logger.Warn("attempt failed, will be repeated", slog.String("id", t.e.id), slog.Int("attempt", t.attempts), slog.String("detail", p.res.Detail))
		return nil
	}
	state := schema.ActionDelivered
	if p.res.Class != Done {
		state = schema.ActionFailed
		r.deps.Logger.Error("gave an effect up", slog.String("id", t.e.id), slog.String("kind", t.e.kind), slog.String("detail", p.res.Detail))
	}
	if !t.e.isAction() {
		return []*record{{Alert: &Alert{ID: t.e.id}, State: state}}
	}
	a := *t.e.action
	a.State, a.Attempts, a.FinishedAt, a.Outcome = state, t.attempts, now.UTC(), p.res.Detail
	if state == schema.ActionDelivered {
		a.Outcome = t.outcome
	}
	rs := []*record{{Action: &a, Since: now}}
	if state == schema.ActionFailed {
		rs = append(rs, r.page("failed", a.ID, "A revocation failed for good: "+p.res.Detail)...)
	}
	return rs
}

// completed is the event time of what the entry answers.
func (e *entry) completed() time.Time {
	if e.action == nil || len(e.action.Findings) == 0 {
		return e.since
	}
	return e.action.Findings[0].Time
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
