package actions

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// lookBack bounds the signals that are folded again at takeover: a flood is not read again in full, since no more findings are kept.
const lookBack = 4 * recentMost

// Open takes the lane over: it opens a term in the response log, reads everything up to it, says again what is unfinished, and goes
// on with it. It returns the offset to read signals from, one horizon before the commit.
//
// A crash during Open leaves at most an opening, which voids nothing that the next owner does not read. A start inherits no right to
// act from the one before: it opens a term of its own.
func (r *Response) Open(ctx context.Context, a schema.Assignment) (from int64, err error) {
	from, err = r.open(ctx, a)
	return from, r.guard(err)
}

func (r *Response) open(ctx context.Context, a schema.Assignment) (int64, error) {
	r.fold.faults, r.partition = r.faults, a.Partition
	j := &r.journal
	j.log, j.logger, j.fold, j.faults, j.heard = r.deps.Log, r.deps.Logger, r.fold, r.faults, r.heard
	j.unfinished = a.Committed
	if err := j.read(ctx, lighten); err != nil {
		return 0, err
	}
	if a.Term.Generation < j.raw {
		if r.pause(ctx, r.cfg.Settle); ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err := j.read(ctx, lighten); err != nil {
			return 0, err
		}
	}
	j.me = office{a.Term, r.deps.Nonce()}
	if !j.top.Less(a.Term) {
		j.me.Term = schema.Term{Generation: j.top.Generation, Start: j.top.Start + 1}
	}
	if err := j.append(ctx, []*record{{Opening: &a.Term.Generation}}); err != nil {
		return 0, err
	}
	if err := j.read(ctx, lighten); err != nil {
		return 0, err
	}
	if j.top.Less(j.me.Term) {
		return 0, errOpeningLost
	}
	if err := j.check(); err != nil {
		return 0, err
	}
	r.forgetAtTakeover()
	r.committed = max(a.Committed, 0)
	r.pos, r.filed = r.committed, j.filed
	r.deps.Metrics.lane(&r.gauges, true)
	missing, err := r.adoptAll(ctx)
	if err != nil {
		return 0, err
	}
	if err := r.completeOrders(ctx); err != nil {
		return 0, err
	}
	if err := r.journal.write(ctx, missing, r.changed); err != nil {
		return 0, err
	}
	if err := r.restate(ctx, r.cfg.Restate/2); err != nil {
		return 0, err
	}
	r.resumed = r.fold.switches.off()
	r.tellRows(&chunk{from: r.committed}, true)
	from := r.committed
	if r.deps.Horizon != nil && r.cfg.Horizon > 0 && !r.faults.noHorizon {
		h, err := r.deps.Horizon(ctx, r.committed, r.cfg.Horizon)
		if err != nil {
			return 0, fmt.Errorf("look up the signals of the last %s before the commit: %w", r.cfg.Horizon, err)
		}
		from = min(from, max(h, from-lookBack))
	}
	r.read = from
	return from, r.advance(ctx)
}

// lighten takes note of an entry that a record of the log has changed before the lane acts: memory does not hold a million actions that are
// held or released.
func lighten(e *entry) {
	e.parked = e.state == schema.ActionReleased
	e.compact()
}

// unfiled reads again the states of actions that the archive may not have.
func (r *Response) unfiled(ctx context.Context) error {
	j := &r.journal
	_, err := j.log.Read(ctx, j.filed, func(offset int64, _ time.Time, _, value []byte) error {
		if offset < j.filed || offset >= j.next {
			return nil
		}
		rec, err := j.decode(value)
		if err != nil || rec.Action == nil {
			return nil //nolint:nilerr // it was logged when it was read first
		}
		// What remains as the second record of an end alone is less than the row that was filed at the first.
		if e := r.fold.entries[rec.id()]; e != nil && e.changed == offset && (!e.sealed || rec.Action.Findings != nil) {
			r.rows = append(r.rows, *rec.Action)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the response log from what is archived on: %w", err)
	}
	return nil
}

// adoptAll takes over what the log held, in the order of its authorisation, and returns what the one before may have left out of a
// request: the other destinations of what is to be carried out.
func (r *Response) adoptAll(ctx context.Context) (missing []*record, err error) {
	if err := r.unfiled(ctx); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(r.fold.ordered(), appendEntries) {
		var due []*entry
		for _, e := range some {
			if e.due() {
				due = append(due, e)
			}
		}
		if err := r.journal.recall(ctx, due); err != nil {
			return nil, err
		}
		for _, e := range some {
			if e.due() && e.action == nil && e.alert == nil {
				continue // gone from the log
			}
			if e.parked = false; e.due() && e.to == "" && !r.faults.forgetCopies {
				missing = append(missing, r.copies(&record{Action: e.action, Alert: e.alert, State: e.state, Since: e.since})...)
			}
			r.adopt(e)
		}
	}
	return missing, nil
}

// adopt takes an entry over. What is due may have been tried before.
func (r *Response) adopt(e *entry) {
	if e.kind == kindPage {
		r.paged(e)
	}
	if e.due() {
		r.enqueue(e)
		e.task.uncertain = !e.isAction() || !r.fold.switches.kept(e)
	}
}

// completeOrders adds what the one before may have left out of a request: what the orders change whose commands are not committed.
func (r *Response) completeOrders(ctx context.Context) error {
	if r.faults.tornOrders {
		return nil
	}
	for _, o := range r.journal.orders {
		if err := r.journal.recall(ctx, r.fold.bodies(o)); err != nil {
			return err
		}
		if err := r.write(ctx, r.fold.carry(o)); err != nil {
			return err
		}
	}
	r.journal.orders = nil
	return nil
}

// ordered lists the entries in the order of their authorisation.
func (f *Fold) ordered() []*entry {
	es := make([]*entry, 0, len(f.entries))
	for _, e := range f.entries {
		es = append(es, e)
	}
	slices.SortFunc(es, func(a, b *entry) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.id, b.id)) })
	return es
}

// restate says again what is unfinished and was last said longer ago than age, so that retention loses nothing, and forgets what
// ended long ago. At takeover age keeps owners that follow each other quickly from filling the log.
func (r *Response) restate(ctx context.Context, age time.Duration) error {
	r.restated = r.deps.Now()
	if err := r.journal.write(ctx, r.lasting(age), r.changed); err != nil {
		return err
	}
	if !r.faults.forgetIncidents {
		if err := r.journal.write(ctx, r.fold.incidents.unsaid(r.restated, age), r.changed); err != nil {
			return err
		}
	}
	r.fold.forgetOrders(r.restated.Add(-r.cfg.Forget))
	var es []*entry
	for _, e := range r.fold.ordered() {
		switch old := r.restated.Sub(e.said); {
		case r.fold.latest(e) && old >= r.cfg.Restate:
			es = append(es, e)
		case e.finished() && old > r.cfg.Forget:
			r.fold.drop(e)
		case e.finished() && (e.sealed || old < r.cfg.Restate/2), e.state == 0, !e.finished() && old < age:
		default:
			es = append(es, e)
		}
	}
	for some := range slices.Chunk(es, appendEntries) {
		if err := r.journal.recall(ctx, some); err != nil {
			return err
		}
		var rs []*record
		for _, e := range some {
			if rec := r.fold.record(e); rec != nil {
				rs = append(rs, rec)
			}
		}
		if err := r.journal.write(ctx, rs, r.changed); err != nil {
			return err
		}
		for _, e := range some {
			e.compact()
		}
	}
	return nil
}

// lasting lists what holds until it is ended, where the log said it last longer than age ago.
func (r *Response) lasting(age time.Duration) (rs []*record) {
	if !r.faults.forgetPools {
		rs = append(rs, r.fold.pools.unsaid(r.restated, age)...)
	}
	if !r.faults.forgetAllows {
		rs = append(rs, r.fold.allows.unsaid(r.restated, age, r.cfg.Forget)...)
	}
	return append(rs, r.fold.switches.unsaid(r.restated, age)...)
}

// record says an entry again: what is unfinished in full, of what has ended no more than that.
func (f *Fold) record(e *entry) *record {
	switch {
	case f.latest(e):
		u := f.users[[2]string{e.tenant, e.subject}]
		return &record{Action: &schema.Action{
			ID: e.id, Action: schema.RevokeUser, State: e.state, Round: e.round, Released: e.released, Tenant: e.tenant, Subject: e.subject, User: e.subject,
			Epoch: itoa(u.count - 1), FinishedAt: u.at,
		}, Again: true}
	case e.finished() && e.action != nil: // failed, and to be reopened as it was
		return &record{Action: e.action, Again: true}
	case e.finished() && e.isAction():
		return &record{Action: &schema.Action{ID: e.about(), To: e.to, Round: e.round, Action: schema.Decision(e.kind), State: e.state, Released: e.released, Tenant: e.tenant}, Again: true}
	case e.finished():
		return &record{Alert: &Alert{ID: e.about(), To: e.to}, State: e.state, Again: true}
	case e.action != nil:
		return &record{Action: e.action, Order: e.order, Since: e.since}
	case e.alert != nil:
		return &record{Alert: e.alert, State: e.state, Order: e.order, Since: e.since}
	}
	return nil // held, and gone from the log
}

// about is the id that the entry shares with those at other destinations.
func (e *entry) about() string {
	if e.to == "" {
		return e.id
	}
	return strings.TrimSuffix(e.id, "@"+e.to)
}

// restateDue reports whether a day has passed since the last time.
func (r *Response) restateDue(now time.Time) bool { return now.Sub(r.restated) >= r.cfg.Restate }
