package detect_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

// TestFloodFromOneNetwork: a million random tokens grow the record of their network to its bound and no further, and what a thief does
// there meanwhile is found.
func TestFloodFromOneNetwork(t *testing.T) {
	budget := detect.NewBudget(1 << 30)
	fold := subjects(rules.Default().Running(), budget)
	merged := map[string]schema.Finding{}
	var out detect.Output
	send := func(e *schema.Sighting) {
		out.Reset()
		fold.Fold(e, &out)
		detect.Merge(merged, out.Findings...)
	}
	home := netip.MustParseAddr("192.0.2.1")
	for i := range 1_000_000 {
		send(&schema.Sighting{
			ID: "s", Kind: schema.SightingRejected, Scope: schema.ScopeNetwork, Subject: "192.0.2.1/32", Token: fmt.Sprintf("h1:k1:%022d", i), EventID: fmt.Sprint("e", i),
			Time: began + int64(i)*int64(5*time.Millisecond), IP: home, Geo: stops[0], Agent: machines[i%2], Device: fmt.Sprint("d", i), Offset: int64(i),
		})
		if i%100_000 == 50_000 {
			e := about(schema.ScopeNetwork, "192.0.2.1/32", schema.SightingMoved, fmt.Sprint("stolen", i), float64(i)*0.005/60)
			e.User, e.Apart, e.NewDevice = fmt.Sprint("u-", i), true, true
			send(e)
		}
	}
	if got := budget.Used(); got > 1<<20 {
		t.Errorf("one network takes %d bytes", got)
	}
	rules := map[string]int{}
	for _, f := range detect.Sorted(merged) {
		rules[f.Rule]++
	}
	if rules["guessing"] == 0 || rules["token-harvest"] == 0 {
		t.Errorf("found %v", rules)
	}
}

// TestUserOfManySessions: a user with a hundred thousand sessions takes no more than so much, nor does a session with as many tokens.
func TestUserOfManySessions(t *testing.T) {
	for _, scope := range []schema.Scope{schema.ScopeUser, schema.ScopeSession} {
		budget := detect.NewBudget(1 << 30)
		fold := subjects(rules.Default().Running(), budget)
		var out detect.Output
		for i := range 100_000 {
			e := about(scope, "u-1", schema.SightingBorn, fmt.Sprintf("h1:k1:%022d", i), float64(i)/10)
			e.Started, e.Session, e.Device, e.EventID = true, fmt.Sprint("sid-", i), fmt.Sprint("device", i%1000), fmt.Sprintf("%040d", i)
			e.IP, e.Geo = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), stops[i%len(stops)]
			e.Agent.Family, e.Geo.ASN = fmt.Sprint("Browser ", i%5000), uint32(i)
			out.Reset()
			fold.Fold(e, &out)
		}
		if got := budget.Used(); got > 1<<20 {
			t.Errorf("one %s takes %d bytes", scope, got)
		}
		out.Reset()
		fold.Fold(about(scope, "u-1", schema.SightingDismiss, "", 10_001), &out)
		if n := len(out.Notes); n < 64 || n > 1024 {
			t.Errorf("a dismissal of the %s reaches %d tokens", scope, n)
		}
	}
}

// TestSubjectsStayInBudget: users come and go; only those that are stored are evicted, and all is given back.
func TestSubjectsStayInBudget(t *testing.T) {
	const limit = 4 << 20
	budget := detect.NewBudget(limit)
	fold := subjects(rules.Default().Running(), budget)
	var out detect.Output
	for i := range 20_000 {
		e := about(schema.ScopeUser, fmt.Sprint("u-", i), schema.SightingBorn, fmt.Sprint("t", i), float64(i)/100)
		e.Offset = int64(i)
		fold.Fold(e, &out)
		fold.Stored(int64(i) - 500)
		if budget.Used() > limit {
			t.Fatalf("%d bytes after %d users", budget.Used(), i)
		}
		if !fold.Has(fold.Key(e)) {
			t.Fatalf("user %d is gone before it was stored", i)
		}
	}
	if fold.Pressed() || fold.Len() < 1000 {
		t.Errorf("pressed %v, %d users kept", fold.Pressed(), fold.Len())
	}
	fold.Stored(0)
	for i := range 10_000 {
		e := about(schema.ScopeUser, fmt.Sprint("v-", i), schema.SightingBorn, fmt.Sprint("t", i), float64(i)/100)
		e.Offset = int64(20_000 + i)
		fold.Fold(e, &out)
	}
	if !fold.Pressed() {
		t.Error("not pressed, though nothing is stored")
	}
	fold.Close()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are not given back", budget.Used())
	}
}

// BenchmarkSubjects is what a user's lane hears of ordinary people: a login, moves between home and office, uses every ten minutes.
func BenchmarkSubjects(b *testing.B) {
	const users = 10_000
	budget := detect.NewBudget(8 << 30)
	fold := subjects(rules.Default().Running(), budget)
	var out detect.Output
	days := make([]*schema.Sighting, 0, users*16)
	for u := range users {
		name := fmt.Sprint("u-", u)
		for i := range 16 {
			kind := schema.SightingUsed
			switch i {
			case 0, 1:
				kind = schema.SightingBorn
			case 5:
				kind = schema.SightingMoved
			}
			e := about(schema.ScopeUser, name, kind, fmt.Sprintf("h1:k1:%020d%02d", u, i%2), float64(i)*10)
			e.Started, e.User, e.Session, e.EventID = i < 2, name, fmt.Sprint("sid-", u, i%2), fmt.Sprintf("019a5f3e-7c1b-7d2a-%04d-%012d", i, u)
			e.IP = netip.AddrFrom4([4]byte{10, byte(u >> 8), byte(u), byte(i / 5 & 1)})
			e.Geo.ASN = uint32(3215 + i/5&1)
			e.Agent = machines[i%2]
			days = append(days, e)
		}
	}
	for i := range 16 {
		for u := range users {
			fold.Fold(days[u*16+i], &out)
		}
	}
	b.ReportMetric(float64(budget.Used())/users, "B/user")
	out.Reset()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		u := i * 7919 % users
		e := *days[u*16+10+i/users%2]
		e.Time += int64(1+i/users) * int64(20*time.Minute)
		fold.Fold(&e, &out)
		out.Reset()
	}
	b.StopTimer()
	b.ReportMetric(float64(budget.Used())/users, "B/user")
}
