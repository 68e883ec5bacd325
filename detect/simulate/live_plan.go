package simulate

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/hijackd/hijackd/schema"
)

// Network is one network of the plan: a prefix, where it is and who runs it.
type Network struct {
	Prefix   netip.Prefix
	City     string
	Country  string  // ISO 3166-1 alpha-2
	Lat, Lon float64 // degrees
	RadiusKM uint16  // accuracy radius
	ASN      uint32  // private use, RFC 6996
	ASOrg    string
	Class    schema.NetworkClass
}

// geo is what a database built from the plan says of an address of the network.
func (n *Network) geo() schema.Geo {
	return schema.Geo{Country: n.Country, City: n.City, Lat: n.Lat, Lon: n.Lon, HasPlace: true, AccuracyKM: n.RadiusKM,
		ASN: n.ASN, ASOrg: n.ASOrg, Network: n.Class}
}

// city is a place with four networks: two providers at home, of which one has IPv6 too, and a mobile carrier; and one data centre.
type city struct {
	name, country string
	lat, lon      float64

	fibre, fibre6, cable, mobile, hosting Network
}

// The first cities are where people live; thieves also work from the last ones.
var places = []struct {
	name, country string
	lat, lon      float64
}{
	{"Paris", "FR", 48.8566, 2.3522}, {"Lyon", "FR", 45.7640, 4.8357}, {"London", "GB", 51.5074, -0.1278}, {"Manchester", "GB", 53.4808, -2.2426},
	{"Berlin", "DE", 52.5200, 13.4050}, {"Hamburg", "DE", 53.5511, 9.9937}, {"Madrid", "ES", 40.4168, -3.7038}, {"New York", "US", 40.7128, -74.0060},
	{"Chicago", "US", 41.8781, -87.6298}, {"Toronto", "CA", 43.6532, -79.3832},
	{"Tokyo", "JP", 35.6762, 139.6503}, {"São Paulo", "BR", -23.5505, -46.6333}, {"Singapore", "SG", 1.3521, 103.8198}, {"Sydney", "AU", -33.8688, 151.2093},
}

// homes is how many of the places people live in.
const homes = 10

// plan lays the networks out in 198.18.0.0/15 (RFC 2544, benchmarking) and 2001:db8::/32 (RFC 3849, documentation): a /19 a city.
func plan() []city {
	cities := make([]city, len(places))
	for i, p := range places {
		block := [4]byte{198, 18 + byte(i/8), byte(i%8) * 32, 0}
		at := func(quarter byte) netip.Prefix {
			a := block
			a[2] += quarter * 8
			return netip.PrefixFrom(netip.AddrFrom4(a), 21)
		}
		network := func(prefix netip.Prefix, radius uint16, provider uint32, org string, class schema.NetworkClass) Network {
			return Network{prefix, p.name, p.country, p.lat, p.lon, radius, 4_200_000_000 + uint32(i)*10 + provider, p.name + " " + org, class} // #nosec G115 -- i is small
		}
		v6 := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(i)}), 48)
		cities[i] = city{p.name, p.country, p.lat, p.lon,
			network(at(0), 20, 1, "Fibre", schema.NetworkResidential),
			network(v6, 20, 1, "Fibre", schema.NetworkResidential),
			network(at(1), 20, 2, "Cable", schema.NetworkResidential),
			network(at(2), 50, 3, "Mobile", schema.NetworkMobile),
			network(at(3), 10, 4, "Hosting", schema.NetworkHosting),
		}
	}
	return cities
}

// Networks lists every network that simulated events come from.
func Networks() []Network {
	var all []Network
	for _, c := range plan() {
		all = append(all, c.fibre, c.fibre6, c.cable, c.mobile, c.hosting)
	}
	return all
}

// address picks an IPv4 address of the network.
func (n *Network) address(r *rand.Rand) netip.Addr {
	a := n.Prefix.Addr().As4()
	host := uint32(1) + r.Uint32N(1<<(32-n.Prefix.Bits())-2)
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])|host)
	return netip.AddrFrom4(a)
}

// subnet picks a household's /64 of an IPv6 network.
func (n *Network) subnet(r *rand.Rand) netip.Prefix {
	a := n.Prefix.Addr().As16()
	binary.BigEndian.PutUint16(a[6:], uint16(r.Uint32())) // #nosec G115 -- random bits
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

// privacyAddress picks an address inside a /64, as RFC 8981 has it change.
func privacyAddress(p netip.Prefix, r *rand.Rand) netip.Addr {
	a := p.Addr().As16()
	binary.BigEndian.PutUint64(a[8:], r.Uint64())
	return netip.AddrFrom16(a)
}
