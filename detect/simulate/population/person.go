package population

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
)

// life is how somebody spends their days.
type life uint8

const (
	officeWorker life = iota
	remoteWorker
	leisure
)

// outlet is where a device gets on the network: an address shared by all behind it, and for some a /64.
type outlet struct {
	ip     netip.Addr
	block  *block
	subnet uint64 // 0: no IPv6
	block6 *block
	city   *city
	shared bool // by strangers or colleagues
}

// hotspot is a café, a hotel or the airport.
type hotspot struct{ outlet }

func newHotspot(c *city, i int, r *rand.Rand) *hotspot {
	n := c.isps[r.IntN(len(c.isps))]
	if i%2 == 0 {
		n = c.business
	}
	h := &hotspot{outlet{city: c, shared: true}}
	h.ip, h.block = n.four(n.household())
	return h
}

// office is where colleagues sit, behind one address or two.
type office struct {
	city    *city
	outlets [2]outlet
	tunnel  tunnel
	gateway outlet // of the company's VPN or zero-trust gateway
}

// tunnel is how a company's people reach its apps from outside.
type tunnel uint8

const (
	direct tunnel = iota
	splitTunnel
	zeroTrust
)

func newOffice(c *city, r *rand.Rand) *office {
	o := &office{city: c, tunnel: tunnel(r.IntN(3))} // #nosec G115 -- below 3
	n := c.business
	if r.IntN(4) == 0 {
		n = c.isps[r.IntN(len(c.isps))]
	}
	for i := range o.outlets {
		o.outlets[i] = outlet{city: c, shared: true}
		o.outlets[i].ip, o.outlets[i].block = n.four(n.household())
		if r.IntN(3) == 0 && n.six != 0 {
			o.outlets[i].subnet, o.outlets[i].block6 = n.subnet(n.given)
		}
	}
	if r.IntN(2) == 0 {
		o.outlets[1] = o.outlets[0]
	}
	exit := c.nation.cities[r.IntN(len(c.nation.cities))].corporate
	o.gateway = outlet{city: c, shared: true}
	o.gateway.ip, o.gateway.block = exit.four(exit.household())
	return o
}

// person is a user, what they have, and where they are.
type person struct {
	w      *World
	number int
	name   string
	tenant int
	rand   *rand.Rand

	life       life
	city       *city
	home       outlet
	homeISP    *network
	office     *office
	wake       int64 // ns after local midnight
	sleep      int64
	hobbyVPN   *network // a consumer VPN, where they have one
	relays     bool     // uses Private Relay
	carrier    int
	eager      float64 // factor of their activity
	travelling float64 // chance of a trip on a day

	devices  []*device
	sessions []*session
	agenda   agenda
	stretch  int // the stretch of the world that their next action is in

	stays   []stay
	stay    int // index of the current one
	planned int64
	base    *outlet // where they sleep
	city2   *city   // where they are on a trip
	back    int64   // the day on which they come back
	flew    bool    // on the last journey
	account string  // of another person, which this one uses at the shop
	robbed  bool
}

// kind of a device.
type kind uint8

const (
	laptop kind = iota
	phone
	tablet
	desktop
)

// device is a machine of a person.
type device struct {
	kind    kind
	carried bool
	client  *client
	native  *client // of the phone's app
	view    *client // of a browser inside another app, nil where it is never used
	id, cnf string
	privacy uint64 // lower half of its IPv6 address today
	link    link
}

func newPerson(w *World, number int) *person {
	r := rand.New(rand.NewPCG(w.cfg.Seed, 1+uint64(number))) // #nosec G115,G404 -- not negative, not for secrets
	p := &person{w: w, number: number, name: "u-" + strconv.Itoa(number), rand: r, stretch: -1}
	for n := r.IntN(100); n >= tenantShares[p.tenant]; p.tenant++ {
		n -= tenantShares[p.tenant]
	}
	p.city = w.somewhere(r)
	if w.cfg.Hard && number%100 == 99 {
		other := w.people[number-1]
		p.tenant, p.account = other.tenant, other.name
	}
	p.homeISP = p.city.isps[r.IntN(3)]
	p.home = w.household(p.homeISP, p.city, r)
	p.base = &p.home
	p.life = life(pick(r, 55, 20, 25)) // #nosec G115 -- below 3
	if p.life != leisure {
		p.office = w.officeOf(p.tenant, p.city, r)
	}
	p.wake = int64((6 + 2.5*r.Float64()) * hour)
	p.sleep = int64((21.5 + 3*r.Float64()) * hour)
	p.carrier = r.IntN(2)
	p.eager = 0.5 + r.ExpFloat64()*0.5
	p.travelling = 0.012
	if r.IntN(12) == 0 {
		p.hobbyVPN = w.plan.cities[r.IntN(len(w.plan.cities))].exits[r.IntN(3)]
		if r.IntN(2) == 0 {
			p.hobbyVPN = p.city.exits[r.IntN(3)]
		}
	}
	p.relays = r.IntN(100) < 15
	p.equip(r)
	return p
}

// household connects a new home.
func (w *World) household(n *network, c *city, r *rand.Rand) outlet {
	o := outlet{city: c}
	number := n.household()
	o.ip, o.block = n.four(number)
	if n.six != 0 && r.IntN(10) < 7 {
		o.subnet, o.block6 = n.subnet(number)
	}
	return o
}

// equip gives a person their devices: who works in an office has a laptop that goes with them, or a desktop that stays.
func (p *person) equip(r *rand.Rand) {
	own := func(k kind, all []browser, carried bool) *device {
		b := choose(all, r)
		d := &device{kind: k, carried: carried, client: p.w.clients.of(b, b.version-r.IntN(2)), id: "d-" + strconv.FormatUint(r.Uint64(), 36), cnf: thumbprint(r), privacy: r.Uint64()}
		p.devices = append(p.devices, d)
		return d
	}
	ph := own(phone, phoneBrowsers, true)
	n, v := &natives[0], &webViews[0]
	if ph.client.browser.os == "Android" {
		n, v = &natives[1], &webViews[1]
	}
	ph.native = p.w.clients.of(n, n.version)
	if r.IntN(20) == 0 {
		ph.view = p.w.clients.of(v, v.version)
	}
	switch {
	case p.life == officeWorker && r.IntN(100) < 35:
		own(desktop, laptopBrowsers, false)
		if r.IntN(2) == 0 {
			own(laptop, laptopBrowsers, false)
		}
	case p.life == leisure && r.IntN(4) == 0:
	default:
		own(laptop, laptopBrowsers, p.life != leisure)
	}
	if r.IntN(100) < 15 {
		own(tablet, tabletBrowsers, false)
	}
}

// pick returns an index with the given weights.
func pick(r *rand.Rand, weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	n := r.IntN(total)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	return 0
}
