package actions

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// task is the carrying out of one entry that is durably authorised.
type task struct {
	e         *entry
	q         *queue
	subject   schema.Subject // whose tasks come one after the other
	seq       uint64
	index     int       // in queue.due
	queued    bool      // in queue.due
	paced     bool      // tried first no sooner than the limits let it
	at        time.Time // not before
	first     time.Time // when this owner tried it first
	attempts  int
	tries     int            // failed attempts since the delay began at its first value
	soft      bool           // past the first minute
	called    bool           // the revoker said yes; what is left is to publish session.revoked
	outcome   string         // what it answered
	uncertain bool           // somebody may have done it already
	about     string         // of a message: the action that answers the same finding …
	answer    *schema.Action // … as far as it has come
	parent    string         // of a message: the incident whose card it waits for …
	then      time.Time      // … and when it may go after that
}

// report is what a call in flight tells the lane when it ends.
type report struct {
	t       *task
	card    *Card   // instead of a task: what was shown …
	message Message // … and where
	res     Result
	called  bool
	answer  string // of the revoker, once it said yes
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
	case e.task != nil: // it has ended, or is held
		r.drop(e.task)
	}
	e.compact()
}

// drop takes a task out that is over.
func (r *Response) drop(t *task) {
	t.q.remove(t)
	t.e.task = nil
	r.leave(t)
	if t.about != "" {
		if r.waiting[t.about] = slices.DeleteFunc(r.waiting[t.about], func(o *task) bool { return o == t }); len(r.waiting[t.about]) == 0 {
			delete(r.waiting, t.about)
		}
	}
	if !t.e.isAction() {
		r.messages--
	}
}

// compact drops what the log can give back.
func (e *entry) compact() {
	switch {
	case e.state == schema.ActionFailed && e.isAction(): // it may be reopened
	case e.finished() || e.state == schema.ActionHeld && e.making == 0 || e.parked:
		e.action, e.alert = nil, nil
	}
}

func (r *Response) enqueue(e *entry) {
	if e.task != nil {
		return
	}
	t := &task{e: e, at: r.deps.Now(), paced: e.released || e.isAction() && !e.since.After(r.fold.switches.off())}
	switch {
	case e.isAction():
		t.subject = schema.Subject{Tenant: e.action.Tenant, Name: e.action.Subject}
		if !e.released { // which waits for its turn, not for a receiver
			r.order = append(r.order, t)
		}
	default:
		t.subject = schema.Subject{Name: e.id}
		r.messages++
		if e.alert.About != "" {
			r.await(t)
		}
		if e.kind == kindPage { // before any message about a finding
			t.at = t.at.Add(-giveUp)
		}
		t.q = r.queueOf(e)
		r.thread(t)
	}
	if r.faults.unordered {
		t.subject.Name = e.id
	}
	e.task = t
	r.queueOf(e).add(t)
}

// await makes a message wait a moment for the outcome of the action that it tells of.
func (r *Response) await(t *task) {
	t.about = t.e.alert.About
	r.waiting[t.about] = append(r.waiting[t.about], t)
	a := r.fold.entries[t.about]
	if a != nil {
		t.answer = a.action
	}
	if a == nil || !a.finished() && a.state != schema.ActionHeld {
		t.at = t.at.Add(tellWait)
	}
}

// answered tells the messages about an action how far it has come, and lets them go that waited for its outcome.
func (r *Response) answered(e *entry) {
	for _, t := range r.waiting[e.id] {
		t.answer = e.action
		switch {
		case e.due() || t.attempts > 0:
		case t.parent != "":
			t.then = r.deps.Now()
		default:
			t.q.move(t, r.deps.Now())
		}
	}
}

// launch starts what is due, within the calls that each destination may have in flight.
func (r *Response) launch(ctx context.Context, now time.Time) (next time.Time, err error) {
	next = r.restated.Add(r.cfg.Restate)
	r.posted()
	gap := time.Minute / time.Duration(max(1, r.fold.policy.cfg.Limits.RevokesPerMinute))
	killed := r.killed()
	if r.waited && !killed {
		r.resume()
	}
	r.waited = killed
	for i, qs := range [][]*queue{r.revokers, r.alerters} {
		for _, q := range qs {
			if q.idle() || killed && i == 0 {
				continue
			}
			if err := r.journal.recall(ctx, q.wanted()); err != nil {
				return next, err
			}
			for t := q.take(now, gap); t != nil; t = q.take(now, gap) {
				r.start(t, now)
			}
			if at := q.next(); !at.IsZero() && at.After(now) {
				next = earlier(next, at)
			}
		}
	}
	if at := r.show(now); !at.IsZero() {
		next = earlier(next, at)
	}
	return next, nil
}

// start makes one attempt in a goroutine of its own.
func (r *Response) start(t *task, now time.Time) {
	if t.attempts++; t.attempts == 1 {
		t.first = now
		if t.e.released {
			r.order = append(r.order, t)
		}
	}
	t.q.calls++
	if !t.e.isAction() {
		a := *t.e.alert
		a.Uncertain = t.uncertain
		a.Action = t.answer
		if i := r.fold.incidents.byID[a.Incident]; i != nil && t.q == r.board.q {
			a.Thread = i.card.Message
		}
		r.spawn(func() { r.report(report{t: t, res: t.q.alerter.Alert(r.ctx, &a)}) })
		return
	}
	a, called := *t.e.action, t.called
	if r.faults.freshIDs != nil {
		a.ID = r.faults.freshIDs()
	}
	r.spawn(func() { r.report(r.carryOut(r.ctx, t, &a, called)) })
}

// carryOut calls the revoker, then tells the event topic. A crash between the two repeats the call under the same id; the record of
// the outcome comes after both, so that no token lane misses a revocation that is recorded as delivered.
func (r *Response) carryOut(ctx context.Context, t *task, a *schema.Action, called bool) report {
	res := Result{Class: Done}
	switch {
	case called:
	case t.q.takes != nil && !t.q.takes(a.Action):
		if res = r.untaken(a.Action); res.Class != Done {
			return report{t: t, res: res}
		}
	case r.faults.recordBeforeSend:
		r.spawn(func() { r.pause(ctx, time.Second); t.q.revoker.Revoke(ctx, a) })
	default:
		if res = t.q.revoker.Revoke(ctx, a); res.Class != Done {
			return report{t: t, res: res}
		}
	}
	done := report{t: t, res: res, called: true, answer: res.Detail}
	if r.faults.recordBeforeRevoked || a.To != "" || !publishes(a.Action) {
		return done
	}
	if err := r.deps.Publisher.Revoked(ctx, a); err != nil {
		done.res = Result{Class: Again, Detail: "publish session.revoked: " + err.Error()}
	}
	return done
}

// untaken is the result of an action that its destination, the primary one, does not carry out: others do, or nobody.
func (r *Response) untaken(d schema.Decision) Result {
	for _, o := range r.deps.Others {
		if o.Takes == nil || o.Takes(d) {
			return Result{Class: Done, Detail: "left to " + o.Name}
		}
	}
	return Result{Class: Refused, Detail: "no destination that is configured does this"}
}

func (r *Response) report(p report) {
	r.mu.Lock()
	r.reports = append(r.reports, p)
	r.mu.Unlock()
	r.poke()
}

// age is how long a task could have been carried out. What a person released waits for its turn first, and everything for the kill switch
// to be off.
func (t *task) age(now, resumed time.Time) time.Duration {
	since := later(t.e.since, resumed)
	if t.e.released {
		since = later(since, t.first)
	}
	return now.Sub(since)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// settle turns the end of one attempt into records, or into a later attempt.
func (r *Response) settle(p report, now time.Time) []*record {
	t := p.t
	t.q.calls--
	if t.e.task != t { // it is over, or held
		return nil
	}
	if p.called && !t.called {
		t.called, t.outcome = true, p.answer
		r.deps.Metrics.revocation.Observe(now.Sub(t.e.completed()).Seconds())
	}
	age := t.age(now, r.resumed)
	if p.res.Class == Again && age < giveUp {
		if age >= hardFor && !t.soft {
			t.soft, t.tries = true, 0
		}
		t.tries++
		t.uncertain = true
		t.at = now.Add(backOff(age, t.tries, p.res.RetryAfter, r.deps.Jitter()))
		if !t.e.isAction() {
			t.q.after = now.Add(max(hardMost, min(p.res.RetryAfter, retryAfter))) // the others need not wait for this one's back-off
		}
		t.q.offer(t)
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
		return []*record{{Alert: &Alert{ID: t.e.alert.ID, To: t.e.to}, State: state}}
	}
	a := *t.e.action
	a.State, a.Attempts, a.FinishedAt, a.Outcome = state, t.attempts, now.UTC(), p.res.Detail
	if state == schema.ActionDelivered {
		a.Outcome = t.outcome
	}
	rs := []*record{{Action: &a, Since: now}}
	if state == schema.ActionFailed {
		rs = append(rs, r.page("failed", a.EntryID(), "A revocation failed for good: "+p.res.Detail)...)
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
