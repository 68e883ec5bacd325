package actions

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// poolsMost bounds the pools of a lane; what would be beyond is not learned.
const poolsMost = 20_000

// pool is an egress that many users of a tenant share, learned from their sessions. It is durable like an action: the response log says
// it again every day.
type pool struct {
	Tenant  string       `json:"tenant"`
	Network netip.Prefix `json:"network"`
	// Since is the event time from which findings are suppressed. Of several orders the earliest counts.
	Since time.Time `json:"since"`
}

type poolKey struct {
	tenant  string
	network netip.Prefix
}

func (p *pool) key() poolKey { return poolKey{p.Tenant, p.Network} }

// name is how a suppressed finding names the pool.
func (p *pool) name() string { return "pool:" + p.Network.String() }

// pools are those that a lane knows.
type pools struct {
	since   map[poolKey]time.Time
	durable map[poolKey]time.Time // record time at which the log said it last, with the same Since
	lengths [129]int              // how many there are of each prefix length
}

func newPools() pools {
	return pools{since: map[poolKey]time.Time{}, durable: map[poolKey]time.Time{}}
}

// readPool reads an order; ok is false where it is another order or names no network.
func readPool(c *schema.Command) (p pool, ok bool) {
	ps, err := networks("", []string{c.Network})
	if c.Verb != schema.Pool || err != nil || ps[0].Bits() == 0 {
		return pool{}, false
	}
	return pool{c.Tenant, ps[0], c.At}, true
}

// learn enters a pool and reports whether that is news.
func (ps *pools) learn(p pool) bool {
	old, ok := ps.since[p.key()]
	if ok && !p.Since.Before(old) || !ok && len(ps.since) >= poolsMost {
		return false
	}
	if !ok {
		ps.lengths[p.Network.Bits()]++
	}
	ps.since[p.key()] = p.Since
	delete(ps.durable, p.key())
	return true
}

// said takes note that the log holds a pool.
func (ps *pools) said(at time.Time, p pool) {
	ps.learn(p)
	if ps.since[p.key()].Equal(p.Since) {
		ps.durable[p.key()] = at
	}
}

// has reports whether the log holds a pool.
func (ps *pools) has(p pool) bool {
	_, ok := ps.durable[p.key()]
	return ok
}

// unsaid lists the pools that the log last said longer than age ago, in a fixed order.
func (ps *pools) unsaid(now time.Time, age time.Duration) (rs []*record) {
	for k, since := range ps.since {
		if at, ok := ps.durable[k]; !ok || now.Sub(at) >= age {
			rs = append(rs, &record{Pool: &pool{k.tenant, k.network, since}})
		}
	}
	slices.SortFunc(rs, func(a, b *record) int {
		return cmp.Or(cmp.Compare(a.Pool.Tenant, b.Pool.Tenant), a.Pool.Network.Compare(b.Pool.Network))
	})
	return rs
}

// holds returns the narrowest pool that an address was in at a time.
func (ps *pools) holds(tenant string, ip netip.Addr, at time.Time) (netip.Prefix, bool) {
	for bits := ip.BitLen(); bits > 0; bits-- {
		if ps.lengths[bits] == 0 {
			continue
		}
		network, err := ip.Prefix(bits)
		if err != nil {
			continue
		}
		if since, ok := ps.since[poolKey{tenant, network}]; ok && !at.Before(since) {
			return network, true
		}
	}
	return netip.Prefix{}, false
}

// egress returns the addresses of a finding that a pool explains which holds one of them: it is about two addresses, and nothing says
// that there are two devices or that the token was dead. It is nil for any other.
func egress(f *schema.Finding) []netip.Addr {
	if len(f.Signals) == 0 || f.From == nil || f.To == nil || f.From.IP == f.To.IP || f.From.UA != f.To.UA || f.From.Device != f.To.Device {
		return nil
	}
	addresses := !f.Conclusive // what is conclusive must be so by its addresses
	for _, s := range f.Signals {
		switch s.Signal {
		case schema.SignalDistance, schema.SignalNetwork:
			addresses = true
		case schema.SignalBehaviour: // such as using two egresses by turns
		default:
			return nil
		}
	}
	if !addresses {
		return nil
	}
	return []netip.Addr{f.To.IP.Unmap(), f.From.IP.Unmap()}
}

// suppress names the pool that explains a finding, or is empty.
func (ps *pools) suppress(h *held) string {
	if len(ps.since) == 0 {
		return ""
	}
	for _, ip := range h.egress {
		if n, ok := ps.holds(h.finding.Tenant, ip, h.finding.Time); ok {
			return (&pool{Network: n}).name()
		}
	}
	return ""
}
