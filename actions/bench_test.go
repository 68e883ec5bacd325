package actions

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// BenchmarkDecide decides on findings as they usually come, each about another token and user, and at worst: all about one user, with
// as many findings kept of that user as are kept at all, and each of them late.
func BenchmarkDecide(b *testing.B) {
	p := policyOf(b, Enforce, nil)
	for name, user := range map[string]string{"apart": "", "one user": "u-1"} {
		b.Run(name, func(b *testing.B) {
			f := NewFold(p)
			for i := range b.N {
				x := about(weak("parallel-use", 0, signalOf(schema.SignalBehaviour, 0.6), signalOf(schema.SignalNetwork, 0.2)), func(f *schema.Finding) {
					f.Token, f.User = fmt.Sprint("h1:k1:", i), user
				})
				x.Time = at0.Add(-time.Duration(i) * time.Millisecond)
				f.decide(at0, &x)
			}
		})
	}
}

// BenchmarkRecent reports what a finding costs in memory that is kept for the risk alone.
func BenchmarkRecent(b *testing.B) {
	f := NewFold(policyOf(b, Enforce, nil))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range b.N {
		x := about(between("192.0.2.1", "198.51.100.7", signalOf(schema.SignalBehaviour, 0.6), signalOf(schema.SignalNetwork, 0.2)), func(f *schema.Finding) {
			f.Token, f.User = fmt.Sprint("h1:k1:", i), fmt.Sprint("u-", i)
		})
		x.Events = []string{"e-1", "e-2", "e-3"}
		x.Evidence = map[string]any{"seconds": 1.0}
		f.decide(at0, &x)
	}
	f.recent.forget(at0.Add(wholeFor + time.Second))
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(min(b.N, recentMost)), "heap-B/finding")
	runtime.KeepAlive(f)
}

// BenchmarkTakeover folds findings from before the commit, which a new owner does with as many as lookBack before it acts on new ones.
func BenchmarkTakeover(b *testing.B) {
	m := &memory{}
	r := NewResponse(policyOf(b, Enforce, nil), LaneDefaults(), m.deps())
	if _, err := r.Open(b.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}, Committed: lookBack}); err != nil {
		b.Fatal(err)
	}
	recs := make([]schema.Record, 0, b.N)
	for i := range b.N {
		x := about(between("192.0.2.1", "198.51.100.7", signalOf(schema.SignalBehaviour, 0.6)), func(f *schema.Finding) {
			f.Token, f.User = fmt.Sprint("h1:k1:", i), fmt.Sprint("u-", i)
		})
		x.Time, x.Evidence = at0.Add(time.Duration(i)*time.Millisecond), map[string]any{"seconds": 1.0, "distance_km": 200.5, "same_asn": false}
		recs = append(recs, signal(b, int64(i), schema.Signal{Finding: &x}))
	}
	b.ResetTimer()
	for some := recs; len(some) > 0; some = some[min(500, len(some)):] {
		if err := r.Process(b.Context(), some[:min(500, len(some))]); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	abandon(r)
}

// BenchmarkOneUser is what a finding costs when its user has as many as are kept: who forges tokens of one user must not make a lane lag.
func BenchmarkOneUser(b *testing.B) {
	f := NewFold(enforcing(b))
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	i := 0
	for b.Loop() {
		x := conclusive(fmt.Sprint("h1:k1:", i))
		x.User, x.Time = "u-1", at.Add(time.Duration(i)*time.Millisecond)
		x.Signals = []schema.Weight{{Signal: schema.SignalDistance, P: 0.6}, {Signal: schema.SignalDevice, P: 0.5}}
		o := f.Finding(x.Time, x)
		for _, a := range o.Alerts {
			f.forget(a)
		}
		for _, a := range o.Actions {
			f.Settle(x.Time, a)
			f.entries[a.ID].compact()
		}
		i++
	}
}
