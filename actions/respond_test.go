package actions

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// responding is a policy in which the rule of conclusive findings asks for something.
func responding(t testing.TB, r Reaction, change func(*Config)) *Policy {
	t.Helper()
	c := Defaults()
	c.Mode, c.Responses = Enforce, map[string]Reaction{"parallel-use": r}
	if change != nil {
		change(&c)
	}
	p, err := NewPolicy(c, modesOfTests)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEachResponseHasItsSubject(t *testing.T) {
	event := time.Date(2026, 11, 21, 23, 59, 0, 0, time.FixedZone("west", -2*3600)) // the 22nd in UTC
	for name, c := range map[string]struct {
		asks     schema.Decision
		change   func(*schema.Finding)
		decision schema.Decision
		subject  string
		epoch    string
	}{
		"session":                   {schema.RevokeSession, nil, schema.RevokeSession, "h1:k1:a", "3"},
		"unset":                     {"", nil, schema.RevokeSession, "h1:k1:a", "3"},
		"step up":                   {schema.StepUp, nil, schema.StepUp, "h1:k1:a", "3"},
		"restrict":                  {schema.Restrict, nil, schema.Restrict, "h1:k1:a", "3"},
		"user":                      {schema.RevokeUser, nil, schema.RevokeUser, "u-1", "0"},
		"user who is not known":     {schema.RevokeUser, func(f *schema.Finding) { f.User = "" }, schema.RevokeSession, "h1:k1:a", "3"},
		"address":                   {schema.BlockIP, nil, schema.BlockIP, "198.51.100.7/32", "2026-11-22"},
		"IPv6 address":              {schema.BlockIP, func(f *schema.Finding) { f.To.IP = netip.MustParseAddr("2001:db8::1:2") }, schema.BlockIP, "2001:db8::/64", "2026-11-22"},
		"network":                   {schema.BlockIP, func(f *schema.Finding) { f.Scope, f.Subject, f.Token = schema.ScopeNetwork, "203.0.113.0/24", "" }, schema.BlockIP, "203.0.113.0/24", "2026-11-22"},
		"address that is not known": {schema.BlockIP, func(f *schema.Finding) { f.To = nil }, schema.Alert, "", ""},
		"network of one's own":      {schema.BlockIP, func(f *schema.Finding) { f.To.IP = netip.MustParseAddr("192.0.2.9") }, schema.Alert, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := conclusive("h1:k1:a")
			x.Epoch, x.Time, x.To = 3, event, &schema.End{IP: netip.MustParseAddr("198.51.100.7")}
			if c.change != nil {
				c.change(x)
			}
			f := NewFold(responding(t, Reaction{Action: c.asks}, func(c *Config) { c.TrustedNetworks = []string{"192.0.2.0/24"} }))
			out := f.Finding(at0, x)
			if d := out.Findings[0]; d.Decision != c.decision || d.Would != c.decision {
				t.Fatalf("%s, would %s", d.Decision, d.Would)
			}
			if c.subject == "" {
				if len(out.Actions) > 0 {
					t.Errorf("%+v", out.Actions[0])
				}
				return
			}
			a := out.Actions[0]
			if a.Action != c.decision || a.Subject != c.subject || a.Epoch != c.epoch || a.ID != schema.ActionID("", c.subject, string(c.decision), c.epoch) {
				t.Errorf("%s of %s, epoch %s", a.Action, a.Subject, a.Epoch)
			}
			if out.Alerts[0].About != a.ID {
				t.Errorf("the message is about %q", out.Alerts[0].About)
			}
		})
	}
	for _, d := range []schema.Decision{schema.Alert, schema.NotifyUser, "explode"} {
		c := Defaults()
		c.Responses = map[string]Reaction{"beacon": {Action: d}}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "rules.beacon.response") {
			t.Errorf("%s: %v", d, err)
		}
	}
}

// The revocations of a user are numbered by those delivered before; what came before a delivery is answered by it, also when it comes again.
func TestRevocationsOfAUserAreNumbered(t *testing.T) {
	f := NewFold(responding(t, Reaction{Action: schema.RevokeUser}, nil))
	early, other, late := conclusive("h1:k1:a"), conclusive("h1:k1:b"), conclusive("h1:k1:c")
	first := f.Finding(at0, early).Actions[0]
	f.Settle(at0, first)
	if out := f.Finding(at0.Add(time.Second), other); len(out.Actions) > 0 {
		t.Errorf("another one while the first is pending: %+v", out.Actions[0])
	}
	done := delivered(first)
	done.FinishedAt = at0.Add(time.Minute)
	f.Settle(done.FinishedAt, done)
	replay := NewFold(f.policy)
	replay.entries, replay.users = f.entries, f.users
	for at, x := range map[time.Time]*schema.Finding{at0: early, at0.Add(time.Second): other} {
		if out := replay.Finding(at, x); len(out.Actions) > 0 || out.Alerts != nil && out.Alerts[0].About != first.ID {
			t.Errorf("again after a crash: %+v", out)
		}
	}
	out := f.Finding(at0.Add(2*time.Minute), late)
	if len(out.Actions) != 1 || out.Actions[0].Epoch != "1" || out.Actions[0].ID == first.ID {
		t.Errorf("%+v", out.Actions)
	}
	// It survives what the log forgets: the last one of a user is said again for good.
	e := f.entries[first.ID]
	if e.compact(); !f.latest(e) {
		t.Fatal("the last revocation of a user may be forgotten")
	}
	next := NewFold(f.policy)
	next.apply(0, at0.Add(60*24*time.Hour), f.record(e))
	if u := next.users[[2]string{"", "u-1"}]; u.count != 1 || !u.at.Equal(done.FinishedAt) || u.last != first.ID {
		t.Errorf("%+v", u)
	}
	if s := next.tenants[""]; s != nil && len(s.delivered) > 0 {
		t.Error("what is said again spends a limit")
	}
}

func TestTheUserIsAskedBesideWhateverIsDecided(t *testing.T) {
	kinds := func(as []*schema.Action) (ks []schema.Decision) {
		for _, a := range as {
			ks = append(ks, a.Action)
		}
		return ks
	}
	p := responding(t, Reaction{NotifyUser: true}, nil)
	f := NewFold(p)
	x := conclusive("h1:k1:a")
	if ks := kinds(f.Finding(at0, x).Actions); !slices.Equal(ks, []schema.Decision{schema.RevokeSession, schema.NotifyUser}) {
		t.Error(ks)
	}
	weak := conclusive("h1:k1:b")
	weak.Conclusive = false
	out := f.Finding(at0, weak)
	if !slices.Equal(kinds(out.Actions), []schema.Decision{schema.NotifyUser}) || out.Actions[0].Epoch != weak.ID || out.Actions[0].Subject != "u-1" {
		t.Errorf("%+v", out.Actions)
	}
	if out := f.Finding(at0, weak); len(out.Actions) > 0 {
		t.Error("asked twice")
	}
	shadow := responding(t, Reaction{NotifyUser: true}, func(c *Config) { c.Mode = Shadow })
	if out := NewFold(shadow).Finding(at0, x); len(out.Actions) > 0 {
		t.Error("asked in shadow")
	}
}

func TestLimitOfAUser(t *testing.T) {
	f := NewFold(responding(t, Reaction{}, func(c *Config) { c.Limits.RevokesPerUserPerHour = 2 }))
	var as []*schema.Action
	for i := range 3 {
		as = append(as, f.Finding(at0, conclusive("h1:k1:"+itoa(i))).Actions[0])
		f.Settle(at0, as[i])
	}
	stranger := conclusive("h1:k1:s")
	stranger.User = "u-2"
	if as[1].State != schema.ActionPending || as[2].State != schema.ActionHeld || f.Finding(at0, stranger).Actions[0].State != schema.ActionPending {
		t.Error(as[1].State, as[2].State)
	}
	f.Settle(at0.Add(time.Minute), delivered(as[0]))
	f.Settle(at0.Add(time.Minute), delivered(as[1]))
	if a := f.Finding(at0.Add(time.Hour), conclusive("h1:k1:3")).Actions[0]; a.State != schema.ActionHeld {
		t.Error("what was delivered 59 minutes ago does not count")
	}
	if a := f.Finding(at0.Add(62*time.Minute), conclusive("h1:k1:4")).Actions[0]; a.State != schema.ActionPending {
		t.Error("the hour does not end")
	}
	f.over("", "u-1", at0.Add(4*time.Hour))
	if s := f.tenants[""]; len(s.ends) > 0 || len(s.users["u-2"].delivered) > 0 {
		t.Errorf("%d deliveries of hours ago are remembered", len(s.ends))
	}
}

// What failed is reopened by each finding that it does not answer yet, once.
func TestFailedActionIsReopenedByAnotherFinding(t *testing.T) {
	f := NewFold(responding(t, Reaction{}, nil))
	x := conclusive("h1:k1:a")
	a := f.Finding(at0, x).Actions[0]
	f.Settle(at0, a)
	fail := func(a *schema.Action) {
		c := *a
		c.State = schema.ActionFailed
		f.Settle(at0, &c)
	}
	fail(a)
	f.recent = newRecent() // as after a crash
	if out := f.Finding(at0, x); len(out.Actions) > 0 {
		t.Fatalf("reopened by what it answers: %+v", out.Actions[0])
	}
	for i := range answersMost + 5 {
		y := conclusive("h1:k1:a")
		y.ID = "fnd_" + itoa(i)
		out := f.Finding(at0, y)
		if i >= answersMost-1 {
			if len(out.Actions) > 0 {
				t.Fatalf("reopened by more than %d findings", answersMost)
			}
			continue
		}
		if len(out.Actions) != 1 || out.Actions[0].ID != a.ID || out.Actions[0].Round != i+1 || out.Actions[0].State != schema.ActionPending {
			t.Fatalf("%d: %+v", i, out.Actions)
		}
		f.Settle(at0, out.Actions[0])
		fail(out.Actions[0])
		f.recent = newRecent()
		if again := f.Finding(at0, y); len(again.Actions) > 0 {
			t.Fatalf("reopened again by a repetition: %+v", again.Actions[0])
		}
	}
}
