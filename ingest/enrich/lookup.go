package enrich

import (
	"math"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/hijackd/hijackd/schema"
)

// record is the part of the databases' records that is used.
type record struct {
	place struct {
		City struct {
			Names struct {
				English string `maxminddb:"en"`
			} `maxminddb:"names"`
		} `maxminddb:"city"`
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
		Location struct {
			Lat    float64 `maxminddb:"latitude"`
			Lon    float64 `maxminddb:"longitude"`
			Radius uint16  `maxminddb:"accuracy_radius"`
		} `maxminddb:"location"`
		Traits struct {
			Anycast  bool   `maxminddb:"is_anycast"`
			UserType string `maxminddb:"user_type"` // Enterprise databases only
		} `maxminddb:"traits"`
	}
	system struct {
		Number uint32 `maxminddb:"autonomous_system_number"`
		Org    string `maxminddb:"autonomous_system_organization"`
	}
	hidden struct {
		Tor         bool `maxminddb:"is_tor_exit_node"`
		VPN         bool `maxminddb:"is_anonymous_vpn"`
		PublicProxy bool `maxminddb:"is_public_proxy"`
		Hosting     bool `maxminddb:"is_hosting_provider"`
		Residential bool `maxminddb:"is_residential_proxy"`
	}
}

func (r *record) decode(kind int, from maxminddb.Result) error {
	switch kind {
	case city:
		r.place.Location.Lat, r.place.Location.Lon = math.NaN(), math.NaN() // stay so where the record has none
		return from.Decode(&r.place)
	case asn:
		return from.Decode(&r.system)
	}
	return from.Decode(&r.hidden)
}

// trusts reports whether an address is in one of the operator's networks.
func (g *generation) trusts(ip netip.Addr) bool {
	for _, p := range g.trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// read is what was found about an address, in each database. The network class is without what the ASN says.
func read(found *[numFiles]maxminddb.Result, trusted bool) schema.Geo {
	var r record
	r.place.Location.Lat = math.NaN()
	for kind := range found {
		// Unknown is also what a record that can't be decoded says, or a database that isn't there.
		_ = r.decode(kind, found[kind])
	}
	geo := schema.Geo{Country: r.place.Country.Code, City: r.place.City.Names.English, ASN: r.system.Number, ASOrg: r.system.Org, Network: r.network()}
	if at := r.place.Location; at.Lat >= -90 && at.Lat <= 90 && at.Lon >= -180 && at.Lon <= 180 {
		geo.Lat, geo.Lon, geo.AccuracyKM, geo.HasPlace = at.Lat, at.Lon, at.Radius, true
	}
	if trusted {
		geo.Network = schema.NetworkCorporate
	}
	return geo
}

// network is the class that the databases name. A residential proxy counts as residential: its exit is a real line at a real place, and
// as an anonymizer, which has no place, it would be a way to travel unseen.
func (r *record) network() schema.NetworkClass {
	switch {
	case r.hidden.Tor:
		return schema.NetworkTor
	case r.hidden.VPN, r.hidden.PublicProxy:
		return schema.NetworkVPN
	case r.place.Traits.Anycast:
		return schema.NetworkAnycast
	case r.hidden.Hosting, r.place.Traits.UserType == "hosting":
		return schema.NetworkHosting
	case r.hidden.Residential, r.place.Traits.UserType == "residential":
		return schema.NetworkResidential
	case r.place.Traits.UserType == "cellular":
		return schema.NetworkMobile
	}
	return schema.NetworkUnknown
}
