package actions

import (
	"context"
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	filedEvery = time.Minute
	// rereadWait leaves the runner the time to commit what has been archived, so that the next start begins behind it.
	rereadWait = 2 * time.Second
)

// Work records what has been carried out, pages, says the unfinished again once a day, and starts what is due.
func (r *Response) Work(ctx context.Context) error {
	return r.guard(r.work(ctx))
}

func (r *Response) work(ctx context.Context) error {
	if !r.rereadAt.IsZero() && !r.deps.Now().Before(r.rereadAt) {
		return ErrReread
	}
	if err := r.record(ctx); err != nil {
		return err
	}
	now := r.deps.Now()
	if r.restateDue(now) {
		if err := r.restate(ctx, 0); err != nil {
			return err
		}
	}
	var out []*record
	out = append(out, r.followFile(now)...)
	if t := r.overdue(now); t != nil {
		out = append(out, r.page("pending", t.e.id, "A revocation has been pending for more than 2 minutes: the receiver does not answer as it should.")...)
	}
	r.mu.Lock()
	filed, caughtUp := r.filed, r.archive.rows+r.announce.rows+r.calls() == 0
	r.mu.Unlock()
	if filed > r.journal.filed && now.Sub(r.filedAt) >= filedEvery {
		r.filedAt = now
		out = append(out, &record{Filed: &filed})
	}
	out = append(out, r.storms(now)...)
	out = append(out, r.digest(now)...)
	if err := r.write(ctx, out); err != nil {
		return err
	}
	r.tellRows(&chunk{from: r.pos}, false)
	if err := r.advance(ctx); err != nil {
		return err
	}
	if r.skipped >= 0 && caughtUp && r.rereadAt.IsZero() {
		r.rereadAt = now.Add(rereadWait)
	}
	return nil
}

// record writes the outcomes of the calls that have ended.
func (r *Response) record(ctx context.Context) error {
	r.mu.Lock()
	ps := r.reports
	r.reports = nil
	r.mu.Unlock()
	var out []*record
	for _, p := range ps {
		if p.card != nil {
			out = append(r.shown(p, r.deps.Now()), out...) // before what changes the card again
			continue
		}
		out = append(out, r.settle(p, r.deps.Now())...)
	}
	if err := r.write(ctx, out); err != nil {
		return err
	}
	if r.faults.recordBeforeRevoked {
		for _, rec := range out {
			if a := rec.Action; a != nil && a.State == schema.ActionDelivered {
				r.spawn(func() { _ = r.deps.Publisher.Revoked(r.ctx, a) })
			}
		}
	}
	return nil
}

// advance starts what is due and sets the timer for the rest.
func (r *Response) advance(ctx context.Context) error {
	now := r.deps.Now()
	next, err := r.launch(ctx, now)
	if err != nil {
		return err
	}
	for _, at := range []time.Time{r.stormEnds(), r.digestDue(now)} {
		if !at.IsZero() {
			next = earlier(next, at)
		}
	}
	var oldest time.Time
	for t := range r.pending() {
		if oldest.IsZero() {
			oldest = t.e.since
		}
		if p := later(t.e.since, r.resumed).Add(pageAfter); p.After(now) { // and so are those behind it
			next = earlier(next, p)
			break
		}
	}
	if r.deps.Killed != nil {
		next = earlier(next, now.Add(fileEvery))
	}
	r.gauges.held.Store(int64(r.fold.held))
	r.gauges.oldest.Store(0)
	if !oldest.IsZero() {
		r.gauges.oldest.Store(oldest.UnixNano())
	}
	if r.journal.voided > 0 {
		r.deps.Metrics.voided.Add(float64(r.journal.voided))
		r.journal.voided = 0
	}
	if r.unset != nil {
		r.unset()
	}
	r.unset = r.after(next.Sub(now), r.poke)
	return nil
}

// pending lists the actions to carry out by age, without those that wait for their turn after a release.
func (r *Response) pending() iter.Seq[*task] {
	return func(yield func(*task) bool) {
		for len(r.order) > 0 && r.order[0].e.task != r.order[0] {
			r.order[0] = nil
			r.order = r.order[1:]
		}
		for _, t := range r.order {
			if t.e.task == t && !yield(t) {
				return
			}
		}
	}
}

// overdue is the action that is pending for longest of those pending for more than 2 min, unless one of them has paged.
func (r *Response) overdue(now time.Time) (oldest *task) {
	if r.killed() {
		return nil
	}
	for t := range r.pending() {
		if t.age(now, r.resumed) < pageAfter {
			continue
		}
		if r.fold.entries[pageID("pending", t.e.id)] != nil {
			return nil
		}
		if oldest == nil {
			oldest = t
		}
	}
	return oldest
}

// pageEvery is the least time between two pages of one kind: a flood is one page.
var pageEvery = map[string]time.Duration{"pending": 0, "failed": 10 * time.Minute, "held": time.Hour, "flood": time.Hour, "killed": 0}

func pageID(kind, about string) string { return pages + kind + "_" + about }

// page makes the record of a page about an action or a finding, unless the kind has paged lately. Without an alerter a page is an
// error in the log, no more.
func (r *Response) page(kind, about, text string) []*record {
	now := r.deps.Now()
	if last, ok := r.pages[kind]; ok && now.Sub(last) < pageEvery[kind] {
		return nil
	}
	p := r.fold.alert(&Alert{ID: pageID(kind, about), Page: text + " (" + about + ")"})
	if p == nil {
		return nil
	}
	r.pages[kind] = now
	r.deps.Logger.Error("page", slog.String("kind", kind), slog.String("about", about), slog.String("text", text))
	if r.deps.Alerter == nil {
		return nil
	}
	return []*record{{Alert: p, State: schema.ActionPending, Since: now}}
}

// paged remembers from the log when a kind last paged.
func (r *Response) paged(e *entry) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(e.id, pages), "_")
	if at := r.pages[kind]; e.said.After(at) {
		r.pages[kind] = e.said
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// atoi reads a number that itoa wrote.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
