package actions

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	// AllowFor is how long "it was me" holds: a month of the same person on the same device from the same network. Then the rules judge anew.
	AllowFor = 30 * 24 * time.Hour
	// allowsMost bounds the allow entries of a lane that are in force; an order for more is refused.
	allowsMost = 20_000
)

// allowance is an allow entry of a tenant. It is durable like a pool: the response log says it again every day.
type allowance struct {
	Tenant string `json:"tenant"`
	schema.Allow
	Ended bool `json:"ended,omitempty"`
	// N grows with every order about the entry; of its records the highest counts.
	N int64 `json:"n"`

	network netip.Prefix // of Network
}

type allowKey struct{ tenant, id string }

func (a *allowance) key() allowKey { return allowKey{a.Tenant, a.ID} }

// name is how a suppressed finding names the entry.
func (a *allowance) name() string { return "allow:" + a.ID }

// allows are the entries that a lane knows.
type allows struct {
	known map[allowKey]*allowance
	said  map[allowKey]time.Time // record time at which the log said it last
	// force holds those that have not been ended, by tenant and user ("" of those about no user), in the order of their ids.
	force map[[2]string][]*allowance
	count int // in force
}

func newAllows() allows {
	return allows{known: map[allowKey]*allowance{}, said: map[allowKey]time.Time{}, force: map[[2]string][]*allowance{}}
}

// orderAllow answers allow and disallow.
func (f *Fold) orderAllow(o *order) {
	c := &o.Command
	if c.Allow == nil {
		o.refuse("", "it names no allow entry")
		return
	}
	a := *c.Allow
	a.ID = allowID(c)
	a.By, a.Why = c.By, c.Why
	old := f.allows.known[allowKey{c.Tenant, a.ID}]
	if old != nil {
		o.N = old.N
	}
	o.N++
	c.Allow = &a
	if c.Verb == schema.Disallow {
		if old == nil || old.Ended {
			o.refuse(a.ID, "there is no such allow entry")
			return
		}
		*c.Allow = old.Allow
		c.Allow.By, c.Allow.Why = c.By, c.Why
		o.Answers = append(o.Answers, answer{About: a.ID})
		return
	}
	_, err := networks("", list(a.Network))
	switch {
	case a.Expires.IsZero():
		o.refuse(a.ID, "it has no end")
	case !a.Expires.After(o.At):
		o.refuse(a.ID, "it has ended already")
	case err != nil:
		o.refuse(a.ID, "its network is neither an address nor a prefix like 192.0.2.0/24")
	case everything(&a):
		o.refuse(a.ID, "it would cover everything")
	case f.allows.count >= allowsMost && (old == nil || old.Ended):
		o.refuse(a.ID, "there are too many allow entries")
	default:
		o.Answers = append(o.Answers, answer{About: a.ID})
	}
}

// allowID is the id of the entry that a command is about; where it names none, that of the command makes one.
func allowID(c *schema.Command) string {
	id := "alw_" + c.ID
	if c.Allow != nil {
		id = cmp.Or(c.Allow.ID, id)
	}
	return string(schema.CleanText(id, idMost))
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// everything reports whether an entry sets no field.
func everything(a *schema.Allow) bool {
	if n, err := networks("", list(a.Network)); err == nil && len(n) == 1 && n[0].Bits() == 0 {
		b := *a
		b.Network = ""
		return everything(&b)
	}
	return *a == schema.Allow{ID: a.ID, Expires: a.Expires, By: a.By, Why: a.Why}
}

// allowance is the entry that an order makes or ends.
func (o *order) allowance() *allowance {
	return &allowance{Tenant: o.Command.Tenant, Allow: *o.Command.Allow, Ended: o.Command.Verb == schema.Disallow, N: o.N}
}

// has reports whether the log holds an entry's state or a later one.
func (as *allows) has(a *allowance) bool {
	old := as.known[a.key()]
	return old != nil && old.N >= a.N
}

// say takes note that the log holds an entry and reports whether that is news.
func (as *allows) say(at time.Time, a allowance) bool {
	news := !as.has(&a)
	if news {
		as.replace(&a)
	}
	if as.known[a.key()].N == a.N {
		as.said[a.key()] = at
	}
	return news
}

func (as *allows) replace(a *allowance) {
	if old := as.known[a.key()]; old != nil && !old.Ended {
		as.leave(old)
	}
	if as.known[a.key()] = a; a.Ended {
		return
	}
	if ns, err := networks("", list(a.Network)); err == nil && len(ns) == 1 {
		a.network = ns[0]
	}
	k := [2]string{a.Tenant, a.User}
	i, _ := slices.BinarySearchFunc(as.force[k], a, compareAllows)
	as.force[k] = slices.Insert(as.force[k], i, a)
	as.count++
}

func compareAllows(a, b *allowance) int { return cmp.Compare(a.ID, b.ID) }

func (as *allows) leave(a *allowance) {
	k := [2]string{a.Tenant, a.User}
	if as.force[k] = slices.DeleteFunc(as.force[k], func(o *allowance) bool { return o == a }); len(as.force[k]) == 0 {
		delete(as.force, k)
	}
	as.count--
}

// unsaid lists the entries that the log last said longer than age ago, in a fixed order. One that ended so long ago that no finding can be
// from before is forgotten.
func (as *allows) unsaid(now time.Time, age, forget time.Duration) (rs []*record) {
	for k, a := range as.known {
		switch {
		case now.Sub(a.Expires) > forget:
			if !a.Ended {
				as.leave(a)
			}
			delete(as.known, k)
			delete(as.said, k)
		case now.Sub(as.said[k]) >= age:
			rs = append(rs, &record{Allow: a})
		}
	}
	slices.SortFunc(rs, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.Allow.Tenant, b.Allow.Tenant), cmp.Compare(a.Allow.ID, b.Allow.ID))
	})
	return rs
}

// of returns the entry that covers a finding as far as it is about one target, or nil.
func (as *allows) of(x *schema.Finding, t *schema.Target) *allowance {
	if as.count == 0 {
		return nil
	}
	user := cmp.Or(t.User, x.User)
	for _, k := range [...]string{user, ""} {
		for _, a := range as.force[[2]string{x.Tenant, k}] {
			if a.covers(x, t) {
				return a
			}
		}
		if user == "" {
			break
		}
	}
	return nil
}

// covers reports whether an entry is about a finding, as far as that is about one target. Of the two ends one must fit in all that is said
// of an end.
func (a *allowance) covers(x *schema.Finding, t *schema.Target) bool {
	switch {
	case a.Tenant != x.Tenant, !x.Time.Before(a.Expires), a.Rule != "" && a.Rule != x.Rule, a.App != "" && a.App != x.App,
		a.User != "" && a.User != cmp.Or(t.User, x.User), a.Token != "" && a.Token != t.Token:
		return false
	}
	return a.Network == "" && a.ASN == 0 && a.Country == "" && a.UA == "" || a.fits(x.From) || a.fits(x.To)
}

func (a *allowance) fits(e *schema.End) bool {
	return e != nil && (a.Network == "" || a.network.IsValid() && a.network.Contains(e.IP.Unmap())) && (a.ASN == 0 || a.ASN == e.ASN) &&
		(a.Country == "" || a.Country == e.Country) && (a.UA == "" || a.UA == e.UA)
}

// suppress names what explains a finding altogether: a pool, or the allow entries that cover it for all of its targets; or is empty.
func (f *Fold) suppress(h *held) string {
	if p := f.pools.suppress(h); p != "" {
		return p
	}
	name := ""
	for _, t := range targets(h.finding) {
		a := f.allows.of(h.finding, &t)
		if a == nil {
			return ""
		}
		name = cmp.Or(name, a.name())
	}
	return name
}

// allowed folds what an allow entry that the log holds makes of what is recent: of what it covers, and where it has ended of what it
// covered. Findings are told again even where that is known: a crash may have come between the record of the entry and theirs. What was
// done stays done.
func (f *Fold) allowed(at time.Time, a *allowance) (out Outcome) {
	a.network = netip.Prefix{}
	if ns, err := networks("", list(a.Network)); err == nil && len(ns) == 1 {
		a.network = ns[0]
	}
	var hs []*held
	for _, h := range f.recent.findings {
		if !slices.ContainsFunc(targets(h.finding), func(t schema.Target) bool { return a.covers(h.finding, &t) }) {
			continue
		}
		if h.suppressed = f.suppress(h); h.whole {
			h.told = nil
		}
		hs = f.recent.near(h, hs)
		if h.whole {
			hs = append(hs, h)
		}
	}
	for _, h := range f.redecided(hs) {
		f.cause(at, h, &out)
	}
	return out
}

// redecided lists, by (time, id), those of findings whose decisions have changed.
func (f *Fold) redecided(hs []*held) []*held {
	slices.SortFunc(hs, compareHeld)
	hs = slices.CompactFunc(hs, func(a, b *held) bool { return a == b })
	return slices.DeleteFunc(hs, func(h *held) bool { return !f.redecide(h) })
}

// VantageOf is the allow entry that relieves a finding's user where "it was me": at the end that completed it, from the same network or, where
// addresses change (mobile, residential), the same provider, with the same browser. ok is false for a finding without a user or an end:
// then nothing tells the owner from others.
func VantageOf(x *schema.Finding, at time.Time) (a schema.Allow, ok bool) {
	if x.User == "" || x.To == nil {
		return schema.Allow{}, false
	}
	a = schema.Allow{User: x.User, UA: x.To.UA, Expires: at.Add(AllowFor)}
	class, _ := schema.ParseNetworkClass(x.To.Network)
	switch {
	case (class == schema.NetworkMobile || class == schema.NetworkResidential) && x.To.ASN != 0:
		a.ASN = x.To.ASN
	case x.To.IP.IsValid():
		a.Network = wider(x.To.IP).String()
	case x.To.ASN != 0:
		a.ASN = x.To.ASN
	default:
		return schema.Allow{}, false
	}
	return a, true
}

// wider is the network that a vantage is taken for: a /24, of IPv6 a /64.
func wider(ip netip.Addr) netip.Prefix {
	n := schema.Network(ip)
	if n.Addr().Is4() {
		n = netip.PrefixFrom(n.Addr(), 24)
	}
	return n.Masked()
}
