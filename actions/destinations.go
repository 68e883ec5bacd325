package actions

import (
	"context"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// makeQueues makes the queues of all destinations, the primary ones first.
func (r *Response) makeQueues() {
	d := &r.deps
	primary := newQueue("", r.cfg.Calls)
	primary.revoker, primary.takes = d.Revoker, d.Takes
	r.revokers = []*queue{primary}
	for _, o := range d.Others {
		q := newQueue(o.Name, r.cfg.Calls)
		q.revoker, q.takes = o.Revoker, o.Takes
		r.revokers = append(r.revokers, q)
	}
	first := newQueue("", 1)
	first.alerter = d.Alerter
	r.alerters = []*queue{first}
	for _, c := range d.Channels {
		q := newQueue(c.Name, 1)
		q.alerter = c.Alerter
		r.alerters = append(r.alerters, q)
	}
	r.findBoard()
}

// gone stands for a destination that the configuration has no more.
type gone struct{}

func (gone) Revoke(context.Context, *schema.Action) Result { return goneResult }
func (gone) Alert(context.Context, *Alert) Result          { return goneResult }

var goneResult = Result{Class: Refused, Detail: "the destination is not configured any more"}

// queueOf returns the queue of an entry's destination.
func (r *Response) queueOf(e *entry) *queue {
	qs := &r.alerters
	if e.isAction() {
		qs = &r.revokers
	}
	for _, q := range *qs {
		if q.name == e.to {
			return q
		}
	}
	q := newQueue(e.to, 1)
	if e.isAction() {
		q.revoker = gone{}
	} else {
		q.alerter = gone{}
	}
	*qs = append(*qs, q)
	return q
}

// write appends records, with what they cause at the other destinations, and folds what was read back. Incidents come first: where a
// crash tears a request apart, no message stands without its incident, and so none is forgotten or told twice.
func (r *Response) write(ctx context.Context, rs []*record) error {
	rs = append(r.fold.incidents.unwritten(), rs...)
	return r.journal.write(ctx, r.withCopies(rs), r.changed)
}

// withCopies adds the records of what is authorised at the primary destination for the others that take it. They are in one request with
// the first; where a crash tears them apart, the next owner adds what is missing before it acts.
func (r *Response) withCopies(rs []*record) []*record {
	for _, rec := range slices.Clone(rs) {
		rs = append(rs, r.copies(rec)...)
	}
	return rs
}

func (r *Response) copies(rec *record) (rs []*record) {
	if s := rec.state(); s != schema.ActionPending && s != schema.ActionReleased {
		return nil
	}
	switch a, m := rec.Action, rec.Alert; {
	case a != nil && a.To == "":
		for _, q := range r.revokers[1:] {
			if q.revoker == (gone{}) || q.takes != nil && !q.takes(a.Action) {
				continue
			}
			c := *a
			c.To = q.name
			if r.fold.entries[c.EntryID()] == nil { // one that is reopened there is so by itself
				rs = append(rs, &record{Action: &c, Since: rec.Since})
			}
		}
	case m != nil && m.To == "":
		for _, q := range r.alerters[1:] {
			c := *m
			c.To = q.name
			if q.alerter != (gone{}) && r.fold.entries[c.entryID()] == nil {
				rs = append(rs, &record{Alert: &c, State: rec.State, Since: rec.Since})
			}
		}
	}
	return rs
}
