package population

import (
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// thief is somebody with others' tokens: where they are and what they show.
type thief struct {
	spot    vantage
	client  *client
	exits   bool   // by Tor: another exit every 10 min
	device  string // of apps that compute one; copied: the owner's
	copied  bool
	changed int64
}

// abroad is a network far away in another country: a home or a data centre.
func (i *incident) abroad(c *city) vantage {
	for {
		o := i.w.somewhere(i.rand)
		if o.nation == c.nation || o.distance(c) < 1500 {
			continue
		}
		if i.rand.IntN(3) == 0 {
			return i.lairIn(o, o.hosting)
		}
		return i.lairIn(o, o.isps[i.rand.IntN(3)])
	}
}

// lairIn is an attacker's new address of a network.
func (i *incident) lairIn(c *city, n *network) vantage {
	v := vantage{city: c}
	v.ip, v.block = n.four(n.lair())
	return v
}

// neighbour is an address in the city where the victim is, of the same provider or of another one.
func (i *incident) neighbour(s *session, same bool) vantage {
	c := s.last.city
	asn := s.last.block.geo[0].ASN
	all := []*network{c.isps[0], c.isps[1], c.isps[2], c.carriers[0], c.carriers[1], c.business}
	if !same {
		all = all[:3]
	}
	for _, k := range i.rand.Perm(len(all)) {
		if n := all[k]; (n.blocks[0].geo[0].ASN == asn) == same {
			return i.lairIn(c, n)
		}
	}
	return i.lairIn(c, c.isps[0])
}

// inCountry is another provider's address in the victim's country, in another city where there is one.
func (i *incident) inCountry(s *session) vantage {
	c := s.last.city
	for range 20 {
		if o := c.nation.cities[i.rand.IntN(len(c.nation.cities))]; o != c {
			c = o
			break
		}
	}
	for {
		if n := c.isps[i.rand.IntN(3)]; n.blocks[0].geo[0].ASN != s.last.block.geo[0].ASN {
			return i.lairIn(c, n)
		}
	}
}

func (i *incident) hosted() vantage {
	c := i.w.somewhere(i.rand)
	return i.lairIn(c, c.hosting)
}

func (i *incident) exit() vantage {
	n := i.w.plan.tor[i.rand.IntN(len(i.w.plan.tor))]
	v := vantage{city: i.w.plan.cities[0]}
	v.ip, v.block = n.four(i.rand.Uint32N(200))
	return v
}

// stranger is another device than the victim's.
func (i *incident) stranger(c *client) *client {
	for {
		b := choose(laptopBrowsers, i.rand)
		if b.family != c.browser.family && b.os != c.browser.os {
			return i.w.clients.of(b, b.version)
		}
	}
}

// guise is another device, or the owner's user agent: two of five thieves take that along.
func (i *incident) guise(c *client) *client {
	if i.rand.IntN(5) < 2 {
		return i.forger(c)
	}
	return i.stranger(c)
}

func (i *incident) script() *client {
	b := choose(scripts, i.rand)
	return i.w.clients.of(b, b.version)
}

// forger shows the owner's user agent with another program's handshake.
func (i *incident) forger(c *client) *client {
	f := *c
	f.ja4 = scripts[0].ja4 + ja4Tails[0]
	return &f
}

// newThief makes a thief with a device of their own.
func (i *incident) newThief(spot vantage, c *client) *thief {
	return &thief{spot: spot, client: c, device: "d-" + strconv.FormatUint(i.rand.Uint64(), 36)}
}

// as is what an app reports of a session in the thief's hands. A key that the token is bound to stays with the owner.
func (th *thief) as(s *session) *identity {
	if th.copied {
		return s.who
	}
	who := *s.who
	if who.device != "" {
		who.device = th.device
	}
	who.cnf = ""
	return &who
}

// ending says how an app answers.
type ending uint8

const (
	byState  ending = iota // as it should
	accepted               // although the token is dead
	rejected
)

// use is one request of the thief.
func (i *incident) use(th *thief, s *session, token string, t int64, how ending, f form) {
	if th.exits && t-th.changed > 10*minute {
		th.spot, th.changed = i.exit(), t
	}
	f.incident, f.role, f.auth = i, simulate.Attacker, s.auth
	if f.request == nil {
		f.request = &s.app.requests[i.rand.IntN(len(s.app.requests))]
	}
	if s.app.cnf && !th.copied {
		f.binding = schema.BindingFailed
	}
	alive := token == s.token && s.live && t < s.expires && f.binding != schema.BindingFailed
	if how == rejected || how == byState && !alive {
		f.status = 401
	}
	if how == byState && alive {
		s.used = max(s.used, t)
	}
	i.w.put(i.rand, t, token, th.as(s), th.client, &th.spot, &f)
}

// spree is a run of requests with one token: so many, about so long apart, which spreads by a share.
type spree struct {
	times  int
	gap    time.Duration
	spread float64
	how    ending
}

// often is how many requests a thief makes: one of five is gone after the first or second.
func (i *incident) often() int {
	if i.rand.IntN(5) == 0 {
		return 1 + i.rand.IntN(2)
	}
	return 8 + i.rand.IntN(10)
}

// steal lets the thief use a token from a time on.
func (i *incident) steal(th *thief, p *person, s *session, token string, from int64, run spree) {
	gap := min(int64(run.gap), max(second/2, (i.w.end-from)/int64(run.times+1)))
	left := run.times
	var act func(t int64)
	act = func(t int64) {
		i.use(th, s, token, t, run.how, form{})
		if left--; left > 0 {
			i.later(p, t+max(1, int64(float64(gap)*(1+run.spread*(2*i.rand.Float64()-1)))), act)
		}
	}
	i.later(p, from, act)
}
