package detect

import (
	"strconv"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// NearKM is how much further than their accuracy radii two places of one provider's network may be apart and still be one vantage.
const NearKM = 50

// Equivalent reports whether two vantages are one for the rules (detections, "Shared notions"). It is symmetric, but not
// transitive: rules test the pairs that they look at and never form clusters, which would depend on the order of arrival.
func Equivalent(a, b *Vantage) bool {
	switch {
	case a == b || schema.Network(a.IP) == schema.Network(b.IP):
		return true
	case a.Geo.Network == schema.NetworkCorporate && b.Geo.Network == schema.NetworkCorporate:
		return true
	case a.Geo.Network == schema.NetworkRelay && b.Geo.Network == schema.NetworkRelay && a.Geo.ASN == b.Geo.ASN:
		return true
	case a.Geo.ASN != 0 && a.Geo.ASN == b.Geo.ASN && SameDevice(a, b) && near(a, b):
		return true
	case (Tunnel(a) || Tunnel(b)) && SameDevice(a, b) && (sameMark(a, b) || a.Geo.Country != "" && a.Geo.Country == b.Geo.Country):
		return true
	}
	return a.Alternated(b) && SameDevice(a, b) && near(a, b)
}

// Tunnel reports whether a network is one that devices send a part of their traffic through and the rest not: split-tunnel VPNs,
// zero-trust gateways, Private Relay. One device inside and outside of it is one vantage. That it is one device is believed if both
// sides show the same device or cnf, or if all that is known of it is the same and it is in the same country.
func Tunnel(v *Vantage) bool {
	switch v.Geo.Network {
	case schema.NetworkCorporate, schema.NetworkVPN, schema.NetworkRelay:
		return true
	}
	return false
}

// sameMark reports whether both sides show the same device or cnf. (Everybody with one browser shows one ja4.)
func sameMark(a, b *Vantage) bool {
	return a.device != 0 && a.device == b.device || a.cnf != 0 && a.cnf == b.cnf
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
func SameDevice(a, b *Vantage) bool { return sameButVersion(a, b) && version(a, b) == 0 }

// Updated reports whether the device of a, used before b, may be the device of b: the same, or the same browser in a later version.
func Updated(a, b *Vantage) bool { return sameButVersion(a, b) && version(a, b) >= 0 }

func version(a, b *Vantage) int {
	if a.Agent.Major == 0 || b.Agent.Major == 0 {
		return 0
	}
	return int(b.Agent.Major) - int(a.Agent.Major)
}

func sameButVersion(a, b *Vantage) bool {
	switch {
	case a.device != 0 && b.device != 0 && a.device != b.device:
		return false
	case a.cnf != 0 && b.cnf != 0 && a.cnf != b.cnf:
		return false
	case differ(a.Agent.Family, b.Agent.Family) || differ(a.Agent.OS, b.Agent.OS):
		return false
	case a.Agent.Class != 0 && b.Agent.Class != 0 && a.Agent.Class != b.Agent.Class:
		return false
	case version(a, b) != 0: // another version shakes hands in another way
		return true
	}
	return !otherJA4(a.ja4, b.ja4)
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
