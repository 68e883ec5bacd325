package population

import (
	"net/netip"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// link is how a device is on the network at the moment.
type link struct {
	since   int64 // the stay that it belongs to
	offline bool
	mobile  bool
	outlet  outlet
	six     bool // IPv6 won the last race
	hard    simulate.Nuisances
	vpn     bool
	vpnIP   netip.Addr
	vpnAt   *block
}

// vantage is where one request comes from, and by what way.
type vantage struct {
	ip    netip.Addr
	block *block
	way   way
	city  *city // where the device truly is
	since int64 // the link it came by
}

type way uint8

const (
	byWiFi way = iota
	byMobile
	byTunnel
	byGateway
	byVPN
	byRelay
	bySatellite
)

// attach brings a device's link up to date with its owner's whereabouts.
func (p *person) attach(d *device) *link {
	s := p.here()
	l := &d.link
	if !d.carried {
		p.attachStationary(d, s)
		return l
	}
	if l.since == s.from {
		return l
	}
	*l = link{since: s.from, vpn: l.vpn, vpnIP: l.vpnIP, vpnAt: l.vpnAt}
	awake := d.kind == phone || s.what != commuting && s.what != outside
	wifi := s.outlet != nil
	if wifi && d.kind == phone {
		wifi = p.rand.IntN(100) < [...]int{atHome: 92, atOffice: 60, atCafe: 35, atAirport: 50, inAir: 100, atHotel: 85, commuting: 0, outside: 0, onTrain: 0}[s.what]
	}
	switch {
	case !awake || s.what == onTrain || s.what == inAir && s.outlet == nil:
		l.offline = true
	case wifi:
		l.outlet = *s.outlet
	case d.kind == phone:
		p.attachMobile(l, s.city)
	default:
		l.offline = true
	}
	l.six = l.outlet.subnet != 0 && p.rand.IntN(5) > 0
	return l
}

// attachStationary is for machines that stay: a desktop in the office is always on, one at home while somebody is there.
func (p *person) attachStationary(d *device, s *stay) {
	l := &d.link
	if d.kind == desktop {
		l.since, l.outlet = 1, p.office.outlets[p.number&1]
		return
	}
	l.since, l.outlet = 2, p.home
	l.offline = s.what != atHome && d.privacy&3 != 0
}

// attachMobile takes an address of the carrier's pool: people of a city share some hundred.
func (p *person) attachMobile(l *link, c *city) {
	where := c
	l.mobile, l.hard = true, 0
	if p.w.cfg.Hard {
		c = p.gateway(c, l)
	}
	n := c.carriers[p.carrier]
	l.outlet = outlet{city: where, shared: true}
	l.outlet.ip, l.outlet.block = n.four(uint32(p.rand.IntN(60 + 40*c.weight))) // #nosec G115 -- small
	if p.number%3 == 0 {
		l.outlet.subnet, l.outlet.block6 = n.subnet(p.rand.Uint32N(1 << 24))
	}
}

// gateway is the city of the carrier's gateway, where it is not the one where the phone is: data of those who roam often goes out
// at home, and databases have some gateways in another city.
func (p *person) gateway(c *city, l *link) *city {
	switch {
	case c.nation != p.city.nation && p.number%2 == 0:
		l.hard = simulate.Of(simulate.Roaming)
		return p.city
	case p.number%200 == 1:
		l.hard = simulate.Of(simulate.Misplaced)
		return c.nation.cities[p.number%len(c.nation.cities)]
	}
	return c
}

// reach says where a session's next request comes from; ok is false while its device is offline.
func (p *person) reach(s *session, t int64) (v vantage, ok bool) {
	d := s.device
	l := p.attach(d)
	if l.offline {
		return v, false
	}
	stay := p.here()
	v = vantage{l.outlet.ip, l.outlet.block, byWiFi, l.outlet.city, l.since}
	if v.city == nil {
		v.city = stay.city
	}
	switch {
	case stay.what == inAir && d.carried:
		v.way = bySatellite
		return v, true
	case l.mobile:
		v.way = byMobile
	}
	atWork := stay.what == atOffice || d.kind == desktop
	switch {
	case s.app.work && p.office != nil && d.kind != phone && (p.office.tunnel == zeroTrust || p.office.tunnel == splitTunnel && !atWork && s.tunnelled):
		v.ip, v.block, v.way = p.office.gateway.ip, p.office.gateway.block, byTunnel
		if p.office.tunnel == zeroTrust {
			v.way = byGateway
		}
		return v, true
	case l.vpn && !atWork && s.client == d.client:
		v.ip, v.block, v.way = l.vpnIP, l.vpnAt, byVPN
		return v, true
	case p.relays && !atWork && s.client == d.client && d.client.browser.apple:
		n := v.city.relay
		v.ip, v.block = n.four(uint32(p.number)*7 + uint32(t/int64(hour))) // #nosec G115 -- any will do
		v.way = byRelay
		return v, true
	}
	if l.outlet.subnet != 0 {
		if p.rand.IntN(12) == 0 {
			l.six = !l.six
		}
		if l.six {
			v.ip, v.block = six(l.outlet.subnet, d.privacy), l.outlet.block6
		}
	}
	return v, true
}

// toggle changes what changes between two sittings: the address of the pool, the VPN, the privacy address.
func (p *person) toggle(d *device) {
	l := p.attach(d)
	if l.mobile && p.rand.IntN(4) == 0 {
		p.attachMobile(l, l.outlet.city)
	}
	if !l.mobile && d.kind == phone && d.carried && p.here().what != inAir && !l.offline && p.rand.IntN(12) == 0 {
		p.attachMobile(l, p.here().city)
	}
	if p.hobbyVPN != nil && p.rand.IntN(12) == 0 {
		if l.vpn = !l.vpn; l.vpn {
			l.vpnIP, l.vpnAt = p.hobbyVPN.four(p.rand.Uint32N(64))
		}
	}
}

// tell compares a vantage with the session's last one and names what happened between them.
func (s *session) tell(v *vantage, edition int, p *person) (n simulate.Nuisances) {
	o := &s.last
	switch v.way {
	case byTunnel:
		n |= simulate.Of(simulate.SplitTunnel)
	case byGateway:
		n |= simulate.Of(simulate.ZTNA)
	case byVPN:
		n |= simulate.Of(simulate.ConsumerVPN)
	case byRelay:
		n |= simulate.Of(simulate.PrivateRelay)
	case bySatellite:
		n |= simulate.Of(simulate.InFlightWiFi)
	case byMobile:
		n |= s.device.link.hard
	case byWiFi:
		if s.device.link.outlet.shared {
			n |= simulate.Of(simulate.SharedNAT)
		}
	}
	if s.device.kind == desktop && p.here().what != atOffice || !s.device.carried && s.device.kind != desktop && p.here().what != atHome {
		n |= simulate.Of(simulate.Anchor)
	}
	if o.ip.IsValid() {
		n |= s.moved(o, v, p)
		if o.ip == v.ip && edition != s.edition && v.block.geo[0] != v.block.geo[1] {
			n |= simulate.Of(simulate.GeoUpdate)
		}
	}
	s.last, s.edition = *v, edition
	return n
}

func (s *session) moved(o, v *vantage, p *person) (n simulate.Nuisances) {
	if o.city != v.city {
		if p.flew {
			n |= simulate.Of(simulate.Flight)
		} else {
			n |= simulate.Of(simulate.Train)
		}
	}
	switch {
	case o.ip == v.ip:
	case o.way == byMobile && v.way == byMobile && o.ip.Is4() && v.ip.Is4():
		n |= simulate.Of(simulate.CarrierNAT)
	case o.way == byMobile && v.way == byWiFi || o.way == byWiFi && v.way == byMobile:
		n |= simulate.Of(simulate.Commute)
	case o.way == v.way && o.since == v.since && o.ip.Is4() != v.ip.Is4():
		n |= simulate.Of(simulate.HappyEyeballs)
	case o.way == byWiFi && v.way == byWiFi && v.ip.Is6() && schema.Network(o.ip) == schema.Network(v.ip):
		n |= simulate.Of(simulate.Privacy)
	case o.way == byWiFi && v.way == byWiFi && o.ip.Is4() && v.ip.Is4() && o.block.geo[0].ASN == v.block.geo[0].ASN && v.block == p.home.block:
		n |= simulate.Of(simulate.Lease)
	}
	return n
}
