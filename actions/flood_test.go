package actions

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// TestFloodIsHeldDurablyAndPagesOnce: a forged flood of hijack-like tokens. Revocations stay within the limits, nothing is dropped,
// people get a bounded number of messages.
func TestFloodIsHeldDurablyAndPagesOnce(t *testing.T) {
	const n = 5000
	m := &memory{}
	r := open(t, m.deps(), LaneDefaults())
	for i := 0; i < n; i += 500 {
		var recs []schema.Record
		for j := i; j < i+500; j++ {
			x := conclusive(fmt.Sprint("h1:k1:", j))
			x.User = fmt.Sprint("u-", j)
			recs = append(recs, signal(t, int64(j), schema.Signal{Finding: x}))
		}
		if err := r.Process(t.Context(), recs); err != nil {
			t.Fatal(err)
		}
	}
	workUntil(t, r, func() bool { return r.Durable() == n && m.called() == 60 && r.busyRevoking() == 0 })
	abandon(r)
	if len(m.calls) != 60 {
		t.Errorf("%d revocations in a minute", len(m.calls))
	}
	// What the log holds is what the next owner finds.
	next := NewResponse(enforcing(t), LaneDefaults(), m.deps())
	if _, err := next.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: 1}, Committed: n}); err != nil {
		t.Fatal(err)
	}
	states, messages := map[schema.ActionState]int{}, 0
	pages := map[string]int{}
	for id, e := range next.fold.entries {
		switch {
		case e.isAction():
			states[e.state]++
		case e.kind == kindPage:
			pages[id[:10]]++
		default:
			messages++
		}
	}
	abandon(next)
	if states[schema.ActionHeld] != n-60 || states[schema.ActionDelivered]+states[schema.ActionPending] != 60 {
		t.Errorf("states %v", states)
	}
	if messages > 2*(stormDefault+1) || pages["page_held_"] != 1 || len(pages) != 1 {
		t.Errorf("%d messages, pages %v", messages, pages)
	}
}

// busyRevoking counts the revocations that are not done.
func (r *Response) busyRevoking() (n int) {
	for range r.pending() {
		n++
	}
	return n
}

// BenchmarkHeld reports what a held action costs in memory.
func BenchmarkHeld(b *testing.B) {
	f := limited(b, 0, 0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range b.N {
		x := conclusive(fmt.Sprint("h1:k1:", i))
		o := f.Finding(time.Unix(int64(i), 0), x)
		f.forget(o.Alerts[0])
		f.Settle(time.Unix(int64(i), 0), o.Actions[0])
		f.entries[o.Actions[0].ID].compact()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(b.N), "heap-B/held")
	runtime.KeepAlive(f)
}
