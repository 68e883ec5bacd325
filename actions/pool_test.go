package actions

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func poolOf(network string, since time.Time) schema.Command {
	return schema.Command{ID: "cmd_1", Verb: schema.Pool, Network: network, At: since}
}

// between is a finding whose ends are two addresses with one device.
func between(from, to string, signals ...schema.Weight) schema.Finding {
	f := weak("parallel-use", 0, signals...)
	f.From = &schema.End{IP: netip.MustParseAddr(from), UA: "Firefox on Windows", Device: "d-1"}
	f.To = &schema.End{IP: netip.MustParseAddr(to), UA: "Firefox on Windows", Device: "d-1"}
	return f
}

func TestPoolsSuppress(t *testing.T) {
	const distance, network, device, behaviour, outcome = schema.SignalDistance, schema.SignalNetwork, schema.SignalDevice, schema.SignalBehaviour, schema.SignalOutcome
	moved := between("192.0.2.1", "198.51.100.7", signalOf(behaviour, 0.6), signalOf(network, 0.2))
	far := about(between("192.0.2.1", "198.51.100.7", signalOf(distance, 0.9)), func(f *schema.Finding) { f.Conclusive = true })
	with := func(f schema.Finding, change func(*schema.Finding)) schema.Finding {
		f.From, f.To = new(*f.From), new(*f.To)
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		f    schema.Finding
		pool schema.Command
		want string
	}{
		"to inside":          {moved, poolOf("198.51.100.7/32", at0), "pool:198.51.100.7/32"},
		"from inside":        {moved, poolOf("192.0.2.0/24", at0), "pool:192.0.2.0/24"},
		"a bare address":     {moved, poolOf("192.0.2.1", at0), "pool:192.0.2.1/32"},
		"IPv6":               {with(moved, func(f *schema.Finding) { f.To.IP = netip.MustParseAddr("2001:db8::77") }), poolOf("2001:db8::/64", at0), "pool:2001:db8::/64"},
		"mapped IPv4":        {with(moved, func(f *schema.Finding) { f.To.IP = netip.MustParseAddr("::ffff:198.51.100.7") }), poolOf("198.51.100.7/32", at0), "pool:198.51.100.7/32"},
		"conclusive by far":  {far, poolOf("198.51.100.7/32", at0), "pool:198.51.100.7/32"},
		"neither inside":     {moved, poolOf("203.0.113.0/24", at0), ""},
		"of another tenant":  {moved, schema.Command{Verb: schema.Pool, Tenant: "t", Network: "198.51.100.7/32", At: at0}, ""},
		"learned later":      {moved, poolOf("198.51.100.7/32", at0.Add(time.Second)), ""},
		"another device":     {with(moved, func(f *schema.Finding) { f.To.Device = "d-2" }), poolOf("198.51.100.7/32", at0), ""},
		"another browser":    {with(moved, func(f *schema.Finding) { f.To.UA = "curl" }), poolOf("198.51.100.7/32", at0), ""},
		"a signal of device": {between("192.0.2.1", "198.51.100.7", signalOf(distance, 0.6), signalOf(device, 0.6)), poolOf("198.51.100.7/32", at0), ""},
		"a dead token":       {between("192.0.2.1", "198.51.100.7", signalOf(network, 0.6), signalOf(outcome, 0.6)), poolOf("198.51.100.7/32", at0), ""},
		"conclusive by what was done": {
			about(between("192.0.2.1", "198.51.100.7", signalOf(behaviour, 0.9)), func(f *schema.Finding) { f.Conclusive = true }), poolOf("198.51.100.7/32", at0), ""},
		"one address":     {between("198.51.100.7", "198.51.100.7", signalOf(behaviour, 0.6)), poolOf("198.51.100.7/32", at0), ""},
		"no signals":      {between("192.0.2.1", "198.51.100.7"), poolOf("198.51.100.7/32", at0), ""},
		"no ends":         {weak("parallel-use", 0, signalOf(network, 0.6)), poolOf("198.51.100.7/32", at0), ""},
		"everything":      {moved, poolOf("0.0.0.0/0", at0), ""},
		"no network":      {moved, poolOf("shop", at0), ""},
		"another command": {moved, schema.Command{Verb: schema.Release, Network: "198.51.100.7/32", At: at0}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.f.Confidence == 0 {
				c.f.Confidence = 0.5
			}
			d := DecideAll(policyOf(t, Enforce, nil), []schema.Finding{c.f}, []schema.Command{c.pool})[0]
			if d.Suppressed != c.want {
				t.Errorf("suppressed by %q, want %q", d.Suppressed, c.want)
			}
			if suppressed := c.want != ""; suppressed != (d.Decision == schema.Observe && d.Would == schema.Observe) {
				t.Errorf("%s, would %s", d.Decision, d.Would)
			}
		})
	}
}

func TestWhatAPoolSuppressesAddsNothing(t *testing.T) {
	moved := between("192.0.2.1", "198.51.100.7", signalOf(schema.SignalBehaviour, 0.8))
	change := weak("device-change", 1, signalOf(schema.SignalDevice, 0.7))
	p := policyOf(t, Enforce, nil)
	for since, want := range map[time.Time]schema.Decision{at0: schema.Alert, at0.Add(time.Second): schema.RevokeSession} {
		if d := DecideAll(p, []schema.Finding{moved, change}, []schema.Command{poolOf("192.0.2.1", since)})[1]; d.Would != want {
			t.Errorf("since %s: would %s", since, d.Would)
		}
	}
}

// A pool that is learned after the fact changes what is said, and nothing that was done.
func TestPoolLearnedLate(t *testing.T) {
	fold := NewFold(policyOf(t, Enforce, nil))
	moved := between("192.0.2.1", "198.51.100.7", signalOf(schema.SignalBehaviour, 0.8))
	change := weak("device-change", 1, signalOf(schema.SignalDevice, 0.7))
	fold.Finding(at0, &moved)
	revoked := fold.Finding(at0, &change).Actions
	if len(revoked) != 1 {
		t.Fatalf("%d actions", len(revoked))
	}
	c := poolOf("198.51.100.7/32", at0)
	for _, news := range []bool{true, false} { // the second time as after a crash: its findings may not have been told
		out := fold.Pool(at0, &c)
		isNews := out.learned != nil
		told := map[string]schema.Decision{}
		for _, f := range out.Findings {
			told[f.ID] = f.Decision
		}
		if isNews != news || told[moved.ID] != schema.Observe || len(out.Actions)+len(out.Alerts) > 0 {
			t.Errorf("news %v, told %v, %d actions, %d alerts", isNews, told, len(out.Actions), len(out.Alerts))
		}
		if news && told[change.ID] != schema.Alert {
			t.Errorf("what it added to: %s", told[change.ID])
		}
	}
	if fold.entries[revoked[0].ID] == nil {
		t.Error("the action was taken back")
	}
	if out := fold.Pool(at0, new(poolOf("192.0.2.0/25", at0.Add(time.Hour)))); len(out.Findings) != 0 {
		t.Errorf("a pool of later: %v", out.Findings)
	}
}

func TestEarliestPoolCountsAndTheyAreBounded(t *testing.T) {
	ps := newPools()
	n := netip.MustParsePrefix("192.0.2.0/24")
	for _, c := range []struct {
		since time.Time
		news  bool
	}{{at0, true}, {at0.Add(time.Hour), false}, {at0.Add(-time.Hour), true}, {at0, false}} {
		if got := ps.learn(pool{"", n, c.since}); got != c.news {
			t.Errorf("%s: news %v", c.since, got)
		}
	}
	if since := ps.since[poolKey{"", n}]; !since.Equal(at0.Add(-time.Hour)) {
		t.Error(since)
	}
	a := netip.MustParseAddr("10.0.0.0")
	for range 2 * poolsMost {
		a = a.Next()
		ps.learn(pool{"", netip.PrefixFrom(a, 32), at0})
	}
	if len(ps.since) != poolsMost {
		t.Errorf("%d pools", len(ps.since))
	}
	if got, ok := ps.holds("", netip.MustParseAddr("192.0.2.9"), at0); !ok || got != n {
		t.Error(got)
	}
}

// Pools outlive the lane, and retention.
func TestPoolsComeBackFromTheLog(t *testing.T) {
	m := &memory{}
	r := NewResponse(policyOf(t, Enforce, nil), LaneDefaults(), m.deps())
	if _, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}}); err != nil {
		t.Fatal(err)
	}
	c := poolOf("198.51.100.7/32", at0)
	if err := r.Process(t.Context(), []schema.Record{signal(t, 0, schema.Signal{Command: &c}), signal(t, 1, schema.Signal{Command: &c})}); err != nil {
		t.Fatal(err)
	}
	if n := len(m.log); n != 2 {
		t.Errorf("%d records of one opening and one pool", n)
	}
	if err := r.restate(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	abandon(r)
	m.log, m.times = m.log[2:], m.times[2:] // retention
	next := NewResponse(policyOf(t, Enforce, nil), LaneDefaults(), m.deps())
	if _, err := next.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: 1}, Committed: 2}); err != nil {
		t.Fatal(err)
	}
	if since, ok := next.fold.pools.since[poolKey{"", netip.MustParsePrefix("198.51.100.7/32")}]; !ok || !since.Equal(at0) {
		t.Errorf("%v %v", since, ok)
	}
	abandon(next)
}
