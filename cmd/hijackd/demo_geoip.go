package main

import (
	"fmt"
	"path/filepath"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/ingest/enrich/geotest"
	"github.com/hijackd/hijackd/schema"
)

// writeGeoIP writes databases that know the simulator's networks.
func writeGeoIP(dir string) error {
	var cities []geotest.Entry
	var systems []geotest.System
	var hidden []geotest.Hidden
	for _, n := range simulate.Networks() {
		cities = append(cities, geotest.Entry{Prefix: n.Prefix, City: n.City, Country: n.Country, Lat: n.Lat, Lon: n.Lon, Radius: n.RadiusKM})
		systems = append(systems, geotest.System{Prefix: n.Prefix, ASN: n.ASN, Org: n.ASOrg})
		if n.Class == schema.NetworkHosting {
			hidden = append(hidden, geotest.Hidden{Prefix: n.Prefix, Hosting: true})
		}
	}
	for name, err := range map[string]error{
		"city":      geotest.City(filepath.Join(dir, "city.mmdb"), cities),
		"asn":       geotest.ASN(filepath.Join(dir, "asn.mmdb"), systems),
		"anonymous": geotest.Anonymous(filepath.Join(dir, "anonymous.mmdb"), hidden),
	} {
		if err != nil {
			return fmt.Errorf("write the %s database: %w", name, err)
		}
	}
	return nil
}
