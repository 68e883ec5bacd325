package population

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/hijackd/hijackd/schema"
)

// network is a provider's addresses in a city: a /16 of 240.0.0.0/4 (reserved, RFC 1112) and a /36 of 3fff::/20 (documentation,
// RFC 9637), in equal blocks that a database places each by itself.
type network struct {
	base   uint32
	six    uint64 // the upper half of its IPv6 addresses; 0 for none
	class  schema.NetworkClass
	blocks []block
	given  uint32 // households so far
	taken  uint32 // addresses of attackers, from the other end
}

// block is addresses with one entry in the GeoIP database: before and after its update.
type block struct{ geo [2]schema.Geo }

const (
	blockBits = 6 // of the addresses of a network
	blocks    = 1 << blockBits
)

// plan is all networks of the world.
type plan struct {
	cities    []*city
	nations   []*nation
	satellite []*network // in-flight Wi-Fi
	tor       []*network
	all       []*network
}

func (p *plan) network(class schema.NetworkClass, v6 bool, geo func() schema.Geo, r *rand.Rand) *network {
	i := uint32(len(p.all)) // #nosec G115 -- a few hundred
	n := &network{base: 240<<24 + i<<16, class: class, blocks: make([]block, blocks)}
	if v6 {
		n.six = 0x3fff<<48 + uint64(i)<<28
	}
	for b := range n.blocks {
		g := geo()
		g.Network = class
		n.blocks[b].geo = [2]schema.Geo{g, revise(g, r)}
	}
	p.all = append(p.all, n)
	return n
}

// revise is what the next edition of the database says: of a tenth of the blocks, another place some ten km off and another radius.
func revise(g schema.Geo, r *rand.Rand) schema.Geo {
	if r.IntN(10) == 0 && g.City != "" {
		g.Lat, g.Lon = near(g.Lat, g.Lon, 10+40*r.Float64(), r)
		g.AccuracyKM = radii[r.IntN(len(radii))]
	}
	return g
}

var radii = []uint16{5, 10, 20, 20, 50, 100}

// near is a point some km off, rounded to 4 digits as databases are.
func near(lat, lon, km float64, r *rand.Rand) (float64, float64) {
	angle := 2 * math.Pi * r.Float64()
	dlat := km / 111.2 * math.Cos(angle)
	dlon := km / 111.2 * math.Sin(angle) / math.Cos(lat*math.Pi/180)
	return math.Round((lat+dlat)*1e4) / 1e4, math.Round((lon+dlon)*1e4) / 1e4
}

// newPlan lays the networks out. Numbers of autonomous systems are for private use (RFC 6996), save those that hijackd knows by
// their number: Starlink's and in-flight Wi-Fi's, and the relay's.
func newPlan(r *rand.Rand) *plan {
	p := &plan{}
	byCode := map[string]*nation{}
	for i := range atlas {
		c := new(city)
		*c = atlas[i]
		n := byCode[c.country]
		if n == nil {
			n = &nation{code: c.country, asn: 4_200_100_000 + uint32(len(p.nations))*20} // #nosec G115 -- few
			byCode[c.country] = n
			p.nations = append(p.nations, n)
		}
		c.nation = n
		n.cities = append(n.cities, c)
		p.cities = append(p.cities, c)
		p.furnish(c, r)
	}
	for range 4 {
		c := p.cities[r.IntN(len(p.cities))]
		p.satellite = append(p.satellite, p.network(schema.NetworkSatellite, false, placed(c, 22351, "Inflight Satellite", 0, 200, r), r))
	}
	for i := range 12 {
		c := p.cities[r.IntN(len(p.cities))]
		p.tor = append(p.tor, p.network(schema.NetworkTor, false, placed(c, 4_200_190_000+uint32(i), "Exit Relay Association", 5, 50, r), r)) // #nosec G115 -- few
	}
	return p
}

// furnish gives a city its networks.
func (p *plan) furnish(c *city, r *rand.Rand) {
	a := c.nation.asn
	for i, name := range [3]string{"Fibre", "Cable", "DSL"} {
		c.isps[i] = p.network(schema.NetworkResidential, i != 1, placed(c, a+uint32(i), c.country+" "+name, 18, 0, r), r) // #nosec G115 -- few
	}
	for i, name := range [2]string{"Mobile", "Wireless"} {
		c.carriers[i] = p.network(schema.NetworkMobile, true, gateway(c, a+5+uint32(i), c.country+" "+name, r), r) // #nosec G115 -- few
	}
	c.business = p.network(schema.NetworkUnknown, true, placed(c, a+8, c.country+" Business Lines", 18, 0, r), r)
	c.hosting = p.network(schema.NetworkHosting, false, placed(c, 4_200_150_000+uint32(r.IntN(8)), "Rackfield Hosting", 5, 0, r), r) // #nosec G115 -- few
	for i := range c.exits {
		c.exits[i] = p.network(schema.NetworkVPN, false, placed(c, 4_200_160_000+uint32(i), "Veil VPN", 5, 0, r), r) // #nosec G115 -- few
	}
	c.relay = p.network(schema.NetworkRelay, true, placed(c, 36183, "Private Relay", 10, 50, r), r)
	c.corporate = p.network(schema.NetworkCorporate, true, placed(c, a+9, c.country+" Business Lines", 5, 20, r), r)
	for i := range 2 + 2*c.weight {
		c.public = append(c.public, newHotspot(c, i, r))
	}
}

// placed makes places for blocks around a city: up to spread km off.
func placed(c *city, asn uint32, org string, spread float64, radius uint16, r *rand.Rand) func() schema.Geo {
	return func() schema.Geo {
		g := schema.Geo{Country: c.country, City: c.name, HasPlace: true, AccuracyKM: radius, ASN: asn, ASOrg: org}
		if radius == 0 {
			g.AccuracyKM = radii[r.IntN(len(radii)-1)]
		}
		g.Lat, g.Lon = near(c.lat, c.lon, spread*r.Float64(), r)
		return g
	}
}

// gateway is placed for carriers: wider, and of one block in five the database knows only the country.
func gateway(c *city, asn uint32, org string, r *rand.Rand) func() schema.Geo {
	inCity := placed(c, asn, org, 30, 0, r)
	return func() schema.Geo {
		g := inCity()
		g.AccuracyKM = max(20, g.AccuracyKM)
		if r.IntN(5) == 0 {
			capital := c.nation.cities[0]
			g.City, g.AccuracyKM = "", 500+uint16(r.IntN(500)) // #nosec G115 -- small
			g.Lat, g.Lon = near(capital.lat, capital.lon, 60, rand.New(rand.NewPCG(uint64(capital.nation.asn), 9)))
		}
		return g
	}
}

// four is an IPv4 address of the network by number, with its block.
func (n *network) four(number uint32) (netip.Addr, *block) {
	host := number * 40503 & 0xffff // neighbours by number live in different blocks
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], n.base|host)
	return netip.AddrFrom4(a), &n.blocks[host>>(16-blockBits)]
}

// subnet is a /64 of the network by number, as the upper half of its addresses, with its block.
func (n *network) subnet(number uint32) (uint64, *block) {
	host := uint64(number*257*4099) & 0xfffffff
	return n.six | host, &n.blocks[host>>(28-blockBits)]
}

// household is the next address that nobody has.
func (n *network) household() uint32 {
	n.given++
	return n.given
}

// lair is the next address of an attacker: that it is taken changes nobody else's.
func (n *network) lair() uint32 {
	n.taken++
	return 1<<16 - n.taken
}

func six(upper, lower uint64) netip.Addr {
	var a [16]byte
	binary.BigEndian.PutUint64(a[:8], upper)
	binary.BigEndian.PutUint64(a[8:], lower)
	return netip.AddrFrom16(a)
}

// Place is what a GeoIP database says of a prefix before its update.
type Place struct {
	Prefix netip.Prefix
	Geo    schema.Geo
}

// places lists every block, IPv4 and IPv6.
func (p *plan) places() (all []Place) {
	for _, n := range p.all {
		for b := range n.blocks {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], n.base|uint32(b)<<(16-blockBits)) // #nosec G115 -- few
			all = append(all, Place{netip.PrefixFrom(netip.AddrFrom4(a), 16+blockBits), n.blocks[b].geo[0]})
			if n.six != 0 {
				all = append(all, Place{netip.PrefixFrom(six(n.six|uint64(b)<<(28-blockBits), 0), 36+blockBits), n.blocks[b].geo[0]}) // #nosec G115 -- few
			}
		}
	}
	return all
}
