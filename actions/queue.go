package actions

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// queue holds the tasks of one destination, so that a slow one never delays another. Of each subject the oldest task alone may be under
// way. What a person released goes out no faster than the limits allow, tenant by tenant.
type queue struct {
	name    string
	revoker Revoker // one of the two, or neither: then nothing is tried
	alerter Alerter
	takes   func(schema.Decision) bool

	slots int       // calls in flight at most
	calls int       // in flight
	after time.Time // nothing is tried before
	lines map[schema.Subject][]*task
	due   dueTasks
	paces map[string]*pace // by tenant
	seq   uint64
}

// pace is what was released of a tenant and not yet tried.
type pace struct {
	at   time.Time // not before
	line []*task
}

// parkedFrom is how many released tasks of a tenant keep their actions in memory; there may be a million.
const parkedFrom = 256

func newQueue(name string, slots int) *queue {
	return &queue{name: name, slots: slots, lines: map[schema.Subject][]*task{}, paces: map[string]*pace{}}
}

func (q *queue) idle() bool { return q.revoker == nil && q.alerter == nil }

// add appends a task to its subject's line.
func (q *queue) add(t *task) {
	q.seq++
	t.q, t.seq = q, q.seq
	q.lines[t.subject] = append(q.lines[t.subject], t)
	if len(q.lines[t.subject]) == 1 {
		q.offer(t)
	}
}

// offer lets the first of a line be tried.
func (q *queue) offer(t *task) {
	if !t.paced || t.attempts > 0 {
		heap.Push(&q.due, t)
		return
	}
	q.wait(t)
}

// pace makes what is due wait for its turn, in order.
func (q *queue) pace() {
	ts := []*task(q.due)
	q.due = nil
	slices.SortFunc(ts, func(a, b *task) int { return cmp.Compare(a.seq, b.seq) })
	for _, line := range q.lines {
		for _, t := range line {
			t.paced = true
		}
	}
	for _, t := range ts {
		t.queued = false
		q.wait(t)
	}
}

// wait appends a task to those of its tenant that wait for their turn.
func (q *queue) wait(t *task) {
	p := q.paces[t.subject.Tenant]
	if p == nil {
		p = &pace{}
		q.paces[t.subject.Tenant] = p
	}
	p.line = append(p.line, t)
	if t.e.released && len(p.line) > parkedFrom {
		t.e.parked = true
		t.e.compact()
	}
}

// remove takes a task out that is over.
func (q *queue) remove(t *task) {
	line := q.lines[t.subject]
	i := slices.Index(line, t)
	if i < 0 {
		return
	}
	if t.queued {
		heap.Remove(&q.due, t.index)
	}
	if p := q.paces[t.subject.Tenant]; p != nil {
		p.line = slices.DeleteFunc(p.line, func(o *task) bool { return o == t })
	}
	if line = slices.Delete(line, i, i+1); len(line) == 0 {
		delete(q.lines, t.subject)
		return
	}
	q.lines[t.subject] = line
	if i == 0 {
		q.offer(line[0])
	}
}

// move changes the time before which a task is not tried.
func (q *queue) move(t *task, at time.Time) {
	t.at = at
	if t.queued {
		heap.Fix(&q.due, t.index)
	}
}

// take removes the task that is to be tried now from those that wait, or returns nil.
func (q *queue) take(now time.Time, gap time.Duration) *task {
	if q.calls >= q.slots || now.Before(q.after) {
		return nil
	}
	if len(q.due) > 0 && !q.due[0].at.After(now) {
		return heap.Pop(&q.due).(*task)
	}
	var first *pace
	for tenant, p := range q.paces {
		switch {
		case len(p.line) == 0:
			if !p.at.After(now) {
				delete(q.paces, tenant)
			}
		case !p.at.After(now) && p.line[0].e.action != nil && (first == nil || p.before(first)):
			first = p
		}
	}
	if first == nil {
		return nil
	}
	t := first.line[0]
	first.line[0] = nil
	first.line, first.at = first.line[1:], now.Add(gap)
	return t
}

// before orders tenants by whose turn is longer ago, then by whose task is older.
func (p *pace) before(o *pace) bool {
	return cmp.Or(p.at.Compare(o.at), cmp.Compare(p.line[0].seq, o.line[0].seq)) < 0
}

// wanted lists the released entries that are soon to be tried and whose actions are not in memory.
func (q *queue) wanted() (es []*entry) {
	for _, p := range q.paces {
		if len(p.line) == 0 || p.line[0].e.action != nil {
			continue
		}
		for _, t := range p.line[:min(len(p.line), parkedFrom)] {
			t.e.parked = false
			es = append(es, t.e)
		}
	}
	return es
}

// next is when the queue may have something to try, or zero.
func (q *queue) next() (at time.Time) {
	if len(q.due) > 0 {
		at = q.due[0].at
	}
	for _, p := range q.paces {
		if len(p.line) > 0 && (at.IsZero() || p.at.Before(at)) {
			at = p.at
		}
	}
	if !at.IsZero() && at.Before(q.after) {
		return q.after
	}
	return at
}

// dueTasks is a heap of tasks by time and age.
type dueTasks []*task

func (h dueTasks) Len() int { return len(h) }

func (h dueTasks) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}

func (h dueTasks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for container/heap.
func (h *dueTasks) Push(x any) {
	t := x.(*task)
	t.index, t.queued = len(*h), true
	*h = append(*h, t)
}

// Pop is for container/heap.
func (h *dueTasks) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.queued = false
	return t
}
