package detect

import (
	"strconv"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// NearKM is how much further than their accuracy radii two places of one provider's network may be apart and still be one vantage.
const NearKM = 50

// Equivalent reports whether two vantages are one for the rules (detections, "Shared notions"). It is symmetric, but not
// transitive: rules test the pairs that they look at and never form clusters, which would depend on the order of arrival. What only
// the uses of a session show, Session.Equivalent adds.
func Equivalent(a, b *Vantage) bool {
	switch {
	case sameEgress(a, b):
		return true
	case sameProvider(a, b):
		return SameDevice(a, b) || Disguised(a, b)
	case !SameDevice(a, b):
		return false
	case both(a, b, schema.NetworkSatellite):
		return true // on board, the provider changes with the beam
	case Tunnel(a) || Tunnel(b):
		return SameMark(a, b) || SameCountry(a, b)
	}
	return false
}

// mayAlternate reports whether two vantages are one if they are used by turns within seconds, over IPv4 and IPv6: one device at one
// place, or at least in one country as far as that is known, and neither on a rented machine, VPN or Tor.
func mayAlternate(a, b *Vantage) bool {
	return a.IP.Is4() != b.IP.Is4() && SameDevice(a, b) && near(a, b) && !differ(a.Geo.Country, b.Geo.Country) && !hidden(a) && !hidden(b)
}

func hidden(v *Vantage) bool {
	switch v.Geo.Network {
	case schema.NetworkHosting, schema.NetworkVPN, schema.NetworkTor:
		return true
	}
	return false
}

// SameNetwork reports whether two vantages are on one network as far as people go, whatever their devices: one address or /64, one
// egress that is nobody's own, or the pool of one provider at one place.
func SameNetwork(a, b *Vantage) bool { return sameEgress(a, b) || sameProvider(a, b) }

// sameEgress: devices behind it can't be told apart by their addresses.
func sameEgress(a, b *Vantage) bool {
	return a == b || schema.Network(a.IP) == schema.Network(b.IP) || both(a, b, schema.NetworkCorporate) ||
		both(a, b, schema.NetworkRelay) && a.Geo.ASN == b.Geo.ASN
}

// sameProvider: carrier-grade NAT and pools give one device addresses by turns, some way apart; those of mobile networks anywhere in
// the country, for their gateways are few.
func sameProvider(a, b *Vantage) bool {
	return a.Geo.ASN != 0 && a.Geo.ASN == b.Geo.ASN && (near(a, b) || both(a, b, schema.NetworkMobile) && SameCountry(a, b))
}

func both(a, b *Vantage, class schema.NetworkClass) bool {
	return a.Geo.Network == class && b.Geo.Network == class
}

// SameCountry reports whether two vantages are known to be in one country.
func SameCountry(a, b *Vantage) bool { return a.Geo.Country != "" && a.Geo.Country == b.Geo.Country }

// Tunnel reports whether a network is one that devices send a part of their traffic through and the rest not: split-tunnel VPNs,
// zero-trust gateways, Private Relay. One device inside and outside of it is one vantage. That it is one device is believed if both
// sides show the same device or cnf, or if all that is known of it is the same and it is in the same country. So a thief with the
// victim's browser, in the victim's version, behind a VPN in the victim's country looks like the victim; where events carry device, ja4
// or cnf, these have to be the same too.
func Tunnel(v *Vantage) bool {
	switch v.Geo.Network {
	case schema.NetworkCorporate, schema.NetworkVPN, schema.NetworkRelay:
		return true
	}
	return false
}

// near reports whether places don't speak against one vantage. Where they can't be compared, countries are.
func near(a, b *Vantage) bool {
	if g, ok := Distance(a, b); ok {
		return g.DistanceKM <= NearKM
	}
	if a.Geo.Network.Placeless() || b.Geo.Network.Placeless() {
		return true
	}
	return a.Geo.Country == "" || b.Geo.Country == "" || a.Geo.Country == b.Geo.Country
}

// SameDevice reports whether two vantages, the order of their use apart, may be one device. What is absent on a side differs
// from nothing. A version differs: of two, one way round it is an update, the other way it is not; see Updated.
func SameDevice(a, b *Vantage) bool { return differing(a, b) == 0 && version(a, b) == 0 }

// Updated reports whether the device of a, used before b, may be the device of b: the same, or the same browser in a later version.
func Updated(a, b *Vantage) bool { return Changed(a, b) == 0 }

func version(a, b *Vantage) int {
	if a.Agent.Major == 0 || b.Agent.Major == 0 {
		return 0
	}
	return int(b.Agent.Major) - int(a.Agent.Major)
}

func differ(a, b string) bool { return a != "" && b != "" && a != b }

// Label is the vantage in coarse form: network, country, device family and OS. Findings about a vantage are one finding
// under its label, whatever the address inside the network.
func (v *Vantage) Label() string {
	network := schema.Network(v.IP).String()
	if v.Geo.ASN != 0 {
		network = "AS" + strconv.FormatUint(uint64(v.Geo.ASN), 10)
	}
	return strings.Join([]string{network, v.Geo.Country, v.Agent.Family, v.Agent.OS}, "/")
}

// PairLabel is the label of two vantages, whichever comes first.
func PairLabel(a, b *Vantage) string {
	x, y := a.Label(), b.Label()
	if y < x {
		x, y = y, x
	}
	return x + " ~ " + y
}
