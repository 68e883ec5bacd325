package detect

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/schema"
)

var anyVantage = rapid.Custom(func(t *rapid.T) *Vantage {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	v := &Vantage{
		IP: netip.MustParseAddr(pick("ip", "192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1", "2001:db8::2", "2001:db8:1::1")),
		Geo: schema.Geo{
			Country: pick("country", "", "FR", "US"), City: pick("city", "", "Lyon"), ASN: rapid.SampledFrom([]uint32{0, 3215, 15557}).Draw(t, "asn"),
			Lat: rapid.Float64Range(44, 47).Draw(t, "lat"), Lon: 4, HasPlace: rapid.Bool().Draw(t, "place"),
			AccuracyKM: rapid.SampledFrom([]uint16{0, 20, 500}).Draw(t, "radius"),
			Network:    schema.NetworkClass(rapid.IntRange(0, int(schema.NetworkAnycast)).Draw(t, "class")), // #nosec G115 -- small
		},
		Agent: schema.Agent{
			Family: pick("family", "", "Chrome", "Safari", "okhttp", "curl", "Trident", "Edge"), OS: pick("os", "", "Android", "iOS", "macOS", "Linux", "Windows"),
			Major: rapid.SampledFrom([]uint16{0, 18, 19}).Draw(t, "major"), Class: schema.DeviceClass(rapid.IntRange(0, int(schema.DeviceScript)).Draw(t, "form")), // #nosec G115 -- small
		},
		ja4: pick("ja4", "", "t:a", "t:b", "q:c"), device: rapid.SampledFrom([]uint64{0, 1, 2}).Draw(t, "device"), cnf: rapid.SampledFrom([]uint64{0, 1, 2}).Draw(t, "cnf"),
	}
	return v
})

// TestRelationsAreSymmetric: which of two vantages comes first makes no difference, save to an update; and each is one with itself.
func TestRelationsAreSymmetric(t *testing.T) {
	relations := map[string]func(a, b *Vantage) bool{
		"Equivalent": Equivalent, "SameNetwork": SameNetwork, "SameDevice": SameDevice, "SameMark": SameMark, "SameTLS": SameTLS, "SameKey": SameKey,
		"SameCountry": SameCountry, "Disguised": Disguised, "Comparable": Comparable, "ThroughGateway": ThroughGateway, "mayAlternate": mayAlternate,
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyVantage.Draw(t, "a"), anyVantage.Draw(t, "b")
		for name, related := range relations {
			if related(a, b) != related(b, a) {
				t.Errorf("%s(a, b) is %v, the other way round %v", name, related(a, b), related(b, a))
			}
		}
		if !Equivalent(a, a) || !SameNetwork(a, a) || !SameDevice(a, a) || Changed(a, a) != 0 {
			t.Error("a vantage is not one with itself")
		}
		if PairLabel(a, b) != PairLabel(b, a) {
			t.Error("pairs have two labels")
		}
		x, ok := Distance(a, b)
		y, back := Distance(b, a)
		if ok != back || x.DistanceKM != y.DistanceKM || x.DistanceKM < 0 {
			t.Errorf("%v km one way, %v the other", x, y)
		}
		if SameDevice(a, b) && (!Updated(a, b) || !Updated(b, a)) {
			t.Error("the same device is no update of itself")
		}
		if SameNetwork(a, b) && SameDevice(a, b) && !Equivalent(a, b) {
			t.Error("one device on one network is two vantages")
		}
	})
}

func TestEquivalent(t *testing.T) {
	at := func(ip string, asn uint32, country string, class schema.NetworkClass) *Vantage {
		return &Vantage{IP: netip.MustParseAddr(ip), Geo: schema.Geo{ASN: asn, Country: country, Network: class}, Agent: schema.Agent{Family: "Firefox", OS: "Windows", Major: 140, Class: schema.DeviceDesktop}}
	}
	with := func(v *Vantage, change func(*Vantage)) *Vantage { w := *v; change(&w); return &w }
	other := func(v *Vantage) { v.Agent.Family = "Chrome" }
	older := func(v *Vantage) { v.Agent.Major = 128 }
	d1 := func(v *Vantage) { v.device = 1 }
	d2 := func(v *Vantage) { v.device = 2 }
	home := at("192.0.2.1", 3215, "FR", schema.NetworkResidential)
	mobile := at("198.51.100.1", 15557, "FR", schema.NetworkMobile)
	vpn := at("198.51.100.2", 9009, "FR", schema.NetworkVPN)
	abroad := at("198.51.100.3", 9009, "NL", schema.NetworkVPN)
	office := at("198.51.100.4", 64501, "DE", schema.NetworkCorporate)
	relay := at("198.51.100.5", 36183, "FR", schema.NetworkRelay)
	plane := at("198.51.100.6", 22351, "US", schema.NetworkSatellite)
	for _, c := range []struct {
		name string
		a, b *Vantage
		want bool
	}{
		{"one address, two browsers", home, with(home, other), true},
		{"home and mobile", home, mobile, false},
		{"one pool of a mobile network", mobile, at("198.51.100.9", 15557, "FR", schema.NetworkMobile), true},
		{"one pool, another browser", mobile, with(at("198.51.100.9", 15557, "FR", schema.NetworkMobile), other), false},
		{"roaming", mobile, at("198.51.100.9", 15557, "ES", schema.NetworkMobile), false},
		{"a VPN in the country", home, vpn, true},
		{"a VPN in the country, another browser", home, with(vpn, other), false},
		{"a VPN in the country, another version", home, with(vpn, older), false},
		{"a VPN in the country, another device id", with(home, d1), with(vpn, d2), false},
		{"a VPN abroad", home, abroad, false},
		{"a VPN abroad, the same device id", with(home, d1), with(abroad, d1), true},
		{"two offices, two browsers", office, with(at("198.51.100.8", 64502, "US", schema.NetworkCorporate), other), true},
		{"home and an office abroad", home, office, false},
		{"home and an office abroad, the same device id", with(home, d1), with(office, d1), true},
		{"home and relay", home, relay, true},
		{"two relays of one provider, two browsers", relay, with(at("203.0.113.1", 36183, "US", schema.NetworkRelay), other), true},
		{"two relays of two providers", relay, at("203.0.113.2", 13335, "FR", schema.NetworkRelay), true},
		{"two satellites", plane, at("203.0.113.3", 64294, "CH", schema.NetworkSatellite), true},
		{"two satellites, two browsers", plane, with(at("203.0.113.3", 64294, "CH", schema.NetworkSatellite), other), false},
		{"home and satellite", home, plane, false},
	} {
		if got := Equivalent(c.a, c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
