package detect_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

// population folds the first events of n sessions, one vantage each, and returns the fold and an event to reuse.
func population(tb testing.TB, n, uses int) (*detect.Tokens, *detect.Budget, []string) {
	tb.Helper()
	budget := detect.NewBudget(8 << 30)
	t := detect.NewTokens(detect.Options{Rules: rules.Default().Running(), Budget: budget, Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16)})
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("h1:k1:%022d", i)
	}
	var out detect.Output
	for u := range uses {
		for i := range tokens {
			t.Fold(ordinary(tokens[i], i, u), &out)
		}
	}
	if len(out.Findings) != 0 {
		tb.Fatalf("findings on ordinary sessions: %d", len(out.Findings))
	}
	return t, budget, tokens
}

var began = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC).UnixNano()

// ordinary is the u-th use of session i: one a minute.
func ordinary(token string, i, u int) *schema.Event {
	e := &schema.Event{
		ID: fmt.Sprintf("%08x-0000-4000-8000-%012x", u, i), Token: token, Time: began + int64(u)*int64(time.Minute) + int64(i), Offset: int64(u)*1e6 + int64(i),
		IP: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), User: fmt.Sprintf("user-%d", i), App: "shop", Outcome: schema.OutcomeAccepted,
		Geo:   schema.Geo{Country: "FR", City: "Lyon", Lat: 45.764, Lon: 4.8357, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange"},
		Agent: schema.Agent{Family: "Firefox", OS: "Windows", Major: 140, Class: schema.DeviceDesktop},
	}
	if u == 0 {
		e.Type = schema.SessionStarted
	}
	return e
}

// BenchmarkFold is the hot path: one more use from the vantage of before, over a million sessions in turn.
func BenchmarkFold(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n, " sessions"), func(b *testing.B) {
			t, budget, tokens := population(b, n, 3)
			var out detect.Output
			e := ordinary(tokens[0], 0, 3)
			id := []byte(e.ID)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				// A million sessions in an order that caches can't foresee.
				k := i * 7919 % n
				const digits = "0123456789abcdef"
				for d := range 8 {
					id[35-d] = digits[i>>(4*d)&15]
				}
				e.ID = unsafe.String(&id[0], len(id))
				e.Token, e.Time, e.Offset = tokens[k], began+int64(3+i/n)*int64(time.Minute)+int64(k), e.Offset+1
				e.IP = netip.AddrFrom4([4]byte{10, byte(k >> 16), byte(k >> 8), byte(k)})
				t.Fold(e, &out)
				out.Reset()
			}
			b.StopTimer()
			b.ReportMetric(float64(budget.Used())/float64(n), "B/session")
			runtime.KeepAlive(t)
		})
	}
}

// BenchmarkAlternation is the path of a session that is used from two vantages by turns.
func BenchmarkAlternation(b *testing.B) {
	t, _, tokens := population(b, 1, 3)
	var out detect.Output
	e := ordinary(tokens[0], 0, 3)
	b.ReportAllocs()
	for i := range b.N {
		e.ID = fmt.Sprint(i)
		e.Time = began + int64(time.Hour) + int64(i)*int64(10*time.Second)
		e.IP = netip.AddrFrom4([4]byte{10, 0, 0, byte(i & 1)})
		e.Geo.ASN = uint32(3215 + i&1)
		out.Reset()
		t.Fold(e, &out)
	}
}

// BenchmarkHostile is the dearest session there is: as many vantages as are kept, every event late.
func BenchmarkHostile(b *testing.B) {
	t, _, tokens := population(b, 1, 3)
	var out detect.Output
	e := ordinary(tokens[0], 0, 3)
	b.ReportAllocs()
	for i := range b.N {
		e.ID = fmt.Sprint(i)
		e.Time = began + int64(time.Hour) - int64(i*7919%600)*int64(time.Second)
		e.IP = netip.AddrFrom4([4]byte{10, 0, byte(i % 48), 1})
		e.Geo.ASN, e.Agent.Major = uint32(3215+i%48), uint16(100+i%5)
		out.Reset()
		t.Fold(e, &out)
	}
}
