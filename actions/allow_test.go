package actions

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// allowing is a command that enters an allow entry.
func allowing(change func(*schema.Allow)) *schema.Command {
	a := &schema.Allow{ID: "alw_1", User: "u-1", Expires: at0.Add(24 * time.Hour)}
	if change != nil {
		change(a)
	}
	return &schema.Command{ID: "cmd_1", Verb: schema.Allowed, Allow: a, By: "ana", Why: "it was me", At: at0}
}

// abroad is a conclusive finding with two ends.
func abroad() *schema.Finding {
	x := conclusive("h1:k1:a")
	x.App, x.Time = "shop", at0
	x.From = &schema.End{IP: netip.MustParseAddr("192.0.2.1"), ASN: 1, Country: "FR", UA: "Firefox on Windows"}
	x.To = &schema.End{IP: netip.MustParseAddr("198.51.100.7"), ASN: 2, Country: "JP", UA: "Chrome on Android"}
	return x
}

func TestAllowEntriesCover(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*schema.Allow)
		covered bool
	}{
		"user":                       {nil, true},
		"another user":               {func(a *schema.Allow) { a.User = "u-2" }, false},
		"rule":                       {func(a *schema.Allow) { a.User, a.Rule = "", "parallel-use" }, true},
		"another rule":               {func(a *schema.Allow) { a.Rule = "beacon" }, false},
		"token":                      {func(a *schema.Allow) { a.User, a.Token = "", "h1:k1:a" }, true},
		"another app":                {func(a *schema.Allow) { a.App = "bank" }, false},
		"where it comes from":        {func(a *schema.Allow) { a.Country, a.UA = "FR", "Firefox on Windows" }, true},
		"where it goes to":           {func(a *schema.Allow) { a.Network, a.ASN = "198.51.100.0/24", 2 }, true},
		"one of each end":            {func(a *schema.Allow) { a.Country, a.UA = "FR", "Chrome on Android" }, false},
		"another network":            {func(a *schema.Allow) { a.Network = "203.0.113.0/24" }, false},
		"the event is at its end":    {func(a *schema.Allow) { a.Expires = at0.Add(time.Second) }, true},
		"the event is after its end": {func(a *schema.Allow) { a.Expires = at0.Add(time.Nanosecond) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := abroad()
			x.Time = at0.Add(time.Nanosecond)
			cmd := allowing(c.change)
			d := DecideAll(responding(t, Reaction{}, nil), []schema.Finding{*x}, []schema.Command{*cmd})[0]
			if covered := d.Decision == schema.Observe && d.Suppressed == "allow:alw_1" && d.Would == schema.Observe; covered != c.covered {
				t.Errorf("%s, suppressed by %q", d.Decision, d.Suppressed)
			}
		})
	}
}

func TestAllowEntriesAreRefused(t *testing.T) {
	for why, change := range map[string]func(*schema.Command){
		"no end":           func(c *schema.Command) { c.Allow.Expires = time.Time{} },
		"ended already":    func(c *schema.Command) { c.Allow.Expires = at0 },
		"cover everything": func(c *schema.Command) { c.Allow.User, c.Allow.Network = "", "0.0.0.0/0" },
		"neither":          func(c *schema.Command) { c.Allow.Network = "office" },
		"who orders it":    func(c *schema.Command) { c.By = "" },
		"say why":          func(c *schema.Command) { c.Why = "" },
		"no allow entry":   func(c *schema.Command) { c.Allow = nil },
		"no such":          func(c *schema.Command) { c.Verb = schema.Disallow },
	} {
		f := NewFold(responding(t, Reaction{}, nil))
		c := allowing(nil)
		change(c)
		o := f.order(c, 0, at0, nil)
		if len(o.Answers) != 1 || !strings.Contains(o.Answers[0].Refused, why) || len(f.carry(o)) > 0 {
			t.Errorf("%s: %+v", why, o.Answers)
		}
		if lines := o.audit(); len(lines) != 1 || !strings.HasPrefix(lines[0].Detail, "refused: ") {
			t.Errorf("%s: %+v", why, lines)
		}
	}
}

// An allow entry relieves those of a finding's targets that it covers, and no others.
func TestAllowEntryForOneOfSeveralTargets(t *testing.T) {
	x := conclusive("h1:k1:a")
	x.Token, x.User, x.Time = "", "", at0
	x.Targets = []schema.Target{{Token: "h1:k1:a", User: "u-1"}, {Token: "h1:k1:b", User: "u-2"}}
	f := NewFold(responding(t, Reaction{}, nil))
	f.allows.say(at0, *f.order(allowing(nil), 0, at0, nil).allowance())
	if as := f.Finding(at0, x).Actions; len(as) != 1 || as[0].Token != "h1:k1:b" {
		t.Errorf("%+v", as)
	}
}

// An entry changes what is recent, and its end changes it back; what was done stays done.
func TestAllowEntryChangesWhatIsRecent(t *testing.T) {
	f := NewFold(responding(t, Reaction{}, nil))
	x := abroad()
	done := f.Finding(at0, x).Actions[0]
	f.Settle(at0, done)
	entry := f.order(allowing(nil), 1, at0, nil).allowance()
	f.allows.say(at0, *entry)
	out := f.allowed(at0, entry)
	if len(out.Findings) != 1 || out.Findings[0].Decision != schema.Observe || out.audit[0].What != "observe" || f.entries[done.ID].state != schema.ActionPending {
		t.Fatalf("%+v", out)
	}
	if again := f.allowed(at0, entry); len(again.Findings) != 1 || len(again.audit) != 0 {
		t.Errorf("after a crash: %d told, %d audited", len(again.Findings), len(again.audit))
	}
	end := allowing(nil)
	end.ID, end.Verb = "cmd_2", schema.Disallow
	ended := f.order(end, 2, at0, nil).allowance()
	if !ended.Ended || ended.N != 2 || ended.User != "u-1" {
		t.Fatalf("%+v", ended)
	}
	f.allows.say(at0, *ended)
	out = f.allowed(at0, ended)
	if len(out.Findings) != 1 || out.Findings[0].Decision != schema.RevokeSession || len(out.Actions) != 0 {
		t.Errorf("%+v", out)
	}
	if f.allows.say(at0, *entry) || f.allows.count != 0 {
		t.Error("a late repetition brings the entry back")
	}
}

func TestItWasMe(t *testing.T) {
	for name, c := range map[string]struct {
		class, ip string
		asn       uint32
		network   string
		want      uint32
	}{
		"office":            {"corporate", "198.51.100.7", 2, "198.51.100.0/24", 0},
		"IPv6":              {"hosting", "2001:db8::7", 2, "2001:db8::/64", 0},
		"mobile":            {"mobile", "198.51.100.7", 2, "", 2},
		"at home":           {"residential", "198.51.100.7", 2, "", 2},
		"unknown provider":  {"mobile", "198.51.100.7", 0, "198.51.100.0/24", 0},
		"only the provider": {"", "", 2, "", 2},
	} {
		x := abroad()
		x.To.Network, x.To.ASN, x.To.IP = c.class, c.asn, netip.Addr{}
		if c.ip != "" {
			x.To.IP = netip.MustParseAddr(c.ip)
		}
		a, ok := VantageOf(x, at0)
		if !ok || a.User != "u-1" || a.UA != "Chrome on Android" || a.Network != c.network || a.ASN != c.want || !a.Expires.Equal(at0.Add(AllowFor)) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	x := abroad()
	x.User = ""
	if a, ok := VantageOf(x, at0); ok {
		t.Errorf("nobody: %+v", a)
	}
}
