// Package geotest writes small GeoIP databases, for tests and the demo. They have the schema and the types of MaxMind's, and hold what
// they are told; it is no tool for making real ones.
package geotest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Entry is a network in a city database. With no City and both coordinates zero it has no place.
type Entry struct {
	Prefix   netip.Prefix
	City     string
	Country  string // ISO 3166-1 alpha-2
	Lat, Lon float64
	Radius   uint16 // km
	Anycast  bool
}

// System is a network in an ASN database.
type System struct {
	Prefix netip.Prefix
	ASN    uint32
	Org    string
}

// Hidden is a network in an Anonymous IP database.
type Hidden struct {
	Prefix                                           netip.Prefix
	Tor, VPN, PublicProxy, Hosting, ResidentialProxy bool
}

// City writes a GeoLite2-City database to path, by renaming, as operators should.
func City(path string, entries []Entry) error {
	return write(path, "GeoLite2-City", entries, func(e Entry) (netip.Prefix, mmdbtype.Map) {
		m := mmdbtype.Map{"traits": mmdbtype.Map{"is_anycast": mmdbtype.Bool(e.Anycast)}}
		if e.City != "" {
			m["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(e.City)}}
		}
		if e.Country != "" {
			m["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(e.Country), "names": mmdbtype.Map{"en": mmdbtype.String(e.Country)}}
		}
		if e.City != "" || e.Lat != 0 || e.Lon != 0 {
			m["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(e.Lat), "longitude": mmdbtype.Float64(e.Lon), "accuracy_radius": mmdbtype.Uint16(e.Radius)}
		}
		return e.Prefix, m
	})
}

// ASN writes a GeoLite2-ASN database to path.
func ASN(path string, entries []System) error {
	return write(path, "GeoLite2-ASN", entries, func(e System) (netip.Prefix, mmdbtype.Map) {
		return e.Prefix, mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(e.ASN), "autonomous_system_organization": mmdbtype.String(e.Org)}
	})
}

// Anonymous writes a GeoIP2-Anonymous-IP database to path.
func Anonymous(path string, entries []Hidden) error {
	return write(path, "GeoIP2-Anonymous-IP", entries, func(e Hidden) (netip.Prefix, mmdbtype.Map) {
		return e.Prefix, mmdbtype.Map{
			"is_anonymous": mmdbtype.Bool(true), "is_tor_exit_node": mmdbtype.Bool(e.Tor), "is_anonymous_vpn": mmdbtype.Bool(e.VPN),
			"is_public_proxy": mmdbtype.Bool(e.PublicProxy), "is_hosting_provider": mmdbtype.Bool(e.Hosting), "is_residential_proxy": mmdbtype.Bool(e.ResidentialProxy),
		}
	})
}

// Typed writes a database of any type, with one record, for those who want to see it refused.
func Typed(path, databaseType string) error {
	return write(path, databaseType, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, func(p netip.Prefix) (netip.Prefix, mmdbtype.Map) {
		return p, mmdbtype.Map{"ip": mmdbtype.String("x")}
	})
}

func write[E any](path, databaseType string, entries []E, record func(E) (netip.Prefix, mmdbtype.Map)) (err error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: databaseType, IncludeReservedNetworks: true, RecordSize: 28, Languages: []string{"en"}})
	if err != nil {
		return fmt.Errorf("make %s: %w", databaseType, err)
	}
	for _, e := range entries {
		p, m := record(e)
		network := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if err := tree.Insert(network, m); err != nil {
			return fmt.Errorf("insert %s into %s: %w", p, databaseType, err)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "geoip-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", databaseType, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = tree.WriteTo(f); err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", databaseType, err)
	}
	return nil
}
