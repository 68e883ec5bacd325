package enrich

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/ingest/enrich/geotest"
	"github.com/hijackd/hijackd/schema"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// world writes the three databases into a fresh directory.
func world(t testing.TB) Config {
	t.Helper()
	dir := t.TempDir()
	c := Config{City: filepath.Join(dir, "city.mmdb"), ASN: filepath.Join(dir, "asn.mmdb"), Anonymous: filepath.Join(dir, "anonymous.mmdb")}
	must(t, geotest.City(c.City, []geotest.Entry{
		{Prefix: prefix("192.0.2.0/24"), City: "Paris", Country: "FR", Lat: 48.85, Lon: 2.35, Radius: 20},
		{Prefix: prefix("2001:db8:1::/48"), City: "Tokyo", Country: "JP", Lat: 35.68, Lon: 139.69, Radius: 50},
		{Prefix: prefix("198.51.100.0/24"), Country: "DE"},
		{Prefix: prefix("203.0.113.0/24"), Country: "US", Anycast: true},
		{Prefix: prefix("100.64.0.0/10"), City: "Null Island", Lat: 0, Lon: 0, Radius: 1},
	}))
	must(t, geotest.ASN(c.ASN, []geotest.System{
		{Prefix: prefix("192.0.2.0/24"), ASN: 3215, Org: "Orange"},
		{Prefix: prefix("198.51.100.0/25"), ASN: 14593, Org: "SpaceX"},
		{Prefix: prefix("198.51.100.128/25"), ASN: 22351, Org: "Intelsat"},
	}))
	must(t, geotest.Anonymous(c.Anonymous, []geotest.Hidden{
		{Prefix: prefix("192.0.2.1/32"), Tor: true, VPN: true, Hosting: true},
		{Prefix: prefix("192.0.2.2/32"), VPN: true, Hosting: true},
		{Prefix: prefix("192.0.2.3/32"), PublicProxy: true},
		{Prefix: prefix("192.0.2.4/32"), Hosting: true, ResidentialProxy: true},
		{Prefix: prefix("192.0.2.5/32"), ResidentialProxy: true},
		{Prefix: prefix("198.51.100.9/32"), Hosting: true},
		{Prefix: prefix("198.51.100.10/32"), VPN: true},
		{Prefix: prefix("203.0.113.7/32"), Tor: true},
	}))
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func loaded(t testing.TB, c Config) *Databases {
	t.Helper()
	d := NewDatabases(c, slog.New(slog.DiscardHandler))
	must(t, d.Load())
	return d
}

func TestLookup(t *testing.T) {
	c := world(t)
	c.Trusted = []netip.Prefix{prefix("192.0.2.64/26"), prefix("::ffff:198.51.100.64/122"), prefix("2001:db8:1:2::/64")}
	d := loaded(t, c)
	paris := schema.Geo{Country: "FR", City: "Paris", Lat: 48.85, Lon: 2.35, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange"}
	in := func(g schema.Geo, n schema.NetworkClass) schema.Geo { g.Network = n; return g }
	tokyo := schema.Geo{Country: "JP", City: "Tokyo", Lat: 35.68, Lon: 139.69, HasPlace: true, AccuracyKM: 50}
	starlink := schema.Geo{Country: "DE", ASN: 14593, ASOrg: "SpaceX"}
	for ip, want := range map[string]schema.Geo{
		"192.0.2.200":      paris,
		"192.0.2.1":        in(paris, schema.NetworkTor),
		"192.0.2.2":        in(paris, schema.NetworkVPN),
		"192.0.2.3":        in(paris, schema.NetworkVPN),
		"192.0.2.4":        in(paris, schema.NetworkHosting),
		"192.0.2.5":        in(paris, schema.NetworkResidential),
		"192.0.2.65":       in(paris, schema.NetworkCorporate),
		"2001:db8:1::1":    tokyo,
		"2001:db8:1:2::1":  in(tokyo, schema.NetworkCorporate),
		"198.51.100.1":     in(starlink, schema.NetworkSatellite),
		"198.51.100.9":     in(starlink, schema.NetworkSatellite),
		"198.51.100.10":    in(starlink, schema.NetworkVPN),
		"198.51.100.65":    in(starlink, schema.NetworkCorporate),
		"198.51.100.200":   {Country: "DE", ASN: 22351, ASOrg: "Intelsat", Network: schema.NetworkSatellite},
		"203.0.113.1":      {Country: "US", Network: schema.NetworkAnycast},
		"203.0.113.7":      {Country: "US", Network: schema.NetworkTor},
		"100.64.0.1":       {City: "Null Island", HasPlace: true, AccuracyKM: 1},
		"10.0.0.1":         {},
		"2001:db8:ffff::1": {},
		"255.255.255.255":  {},
		"::":               {},
	} {
		if got := d.Lookup(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %+v, want %+v", ip, got, want)
		}
	}
}

func TestNoDatabasesMeansUnknown(t *testing.T) {
	d := loaded(t, Config{})
	if got := d.Lookup(netip.MustParseAddr("192.0.2.1")); got != (schema.Geo{}) || len(d.Versions()) != 0 || d.Failures() != 0 {
		t.Errorf("%+v, %v, %d failures", got, d.Versions(), d.Failures())
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	good := world(t)
	whole, err := os.ReadFile(good.City)
	must(t, err)
	for _, c := range []struct {
		name, says string
		write      func(path string) error
	}{
		{"the schema of another maker", "flat ones", func(p string) error { return geotest.Typed(p, "ipinfo generic_city.mmdb") }},
		{"another kind", "does not support", func(p string) error {
			return geotest.ASN(p, []geotest.System{{Prefix: prefix("192.0.2.0/24"), ASN: 1}})
		}},
		{"text", "open", func(p string) error { return os.WriteFile(p, []byte("<html>login</html>"), 0o600) }},
		{"cut short", "open", func(p string) error { return os.WriteFile(p, whole[:len(whole)/2], 0o600) }},
		{"without a byte", "open", func(p string) error { return os.WriteFile(p, nil, 0o600) }},
		{"without a network", "empty", func(p string) error { return geotest.City(p, nil) }},
		{"not there", "no such file", os.Remove},
		{"a directory", "directory", func(p string) error { must(t, os.Remove(p)); return os.Mkdir(p, 0o700) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := world(t)
			d := loaded(t, config)
			must(t, c.write(config.City))
			err := d.Load()
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), config.City) {
				t.Errorf("error %v", err)
			}
			if d.Failures() != 1 {
				t.Errorf("%d failures", d.Failures())
			}
			if err := d.Load(); err != nil || d.Failures() != 1 {
				t.Errorf("an unchanged file was tried again: %v", err)
			}
			if got := d.Lookup(netip.MustParseAddr("192.0.2.9")); got.City != "Paris" || got.ASN != 3215 {
				t.Errorf("the old databases are gone: %+v", got)
			}
			fresh := NewDatabases(config, slog.New(slog.DiscardHandler))
			if err := fresh.Load(); err == nil {
				t.Error("accepted at the start")
			}
			if got := fresh.Lookup(netip.MustParseAddr("192.0.2.9")); got.City != "" || got.ASN != 3215 {
				t.Errorf("the good databases are not used: %+v", got)
			}
		})
	}
}

func TestReplacedFileIsUsed(t *testing.T) {
	config := world(t)
	d := loaded(t, config)
	en := New(d)
	at := func() string {
		e := schema.Event{IP: netip.MustParseAddr("192.0.2.9")}
		en.Enrich(&e)
		return e.Geo.City
	}
	if at() != "Paris" {
		t.Fatalf("in %s", at())
	}
	must(t, geotest.City(config.City, []geotest.Entry{{Prefix: prefix("192.0.2.0/24"), City: "Lyon", Country: "FR", Lat: 45.76, Lon: 4.84}}))
	if at() != "Paris" {
		t.Errorf("in %s before the file was looked at", at())
	}
	must(t, d.Load())
	if at() != "Lyon" {
		t.Errorf("in %s after the file was replaced", at())
	}
	// Overwritten in place, by the same size: a mapped database would change under its readers here.
	whole, err := os.ReadFile(config.City)
	must(t, err)
	must(t, os.WriteFile(config.City, bytes.Replace(whole, []byte("Lyon"), []byte("Nice"), 1), 0o600))
	must(t, os.Chtimes(config.City, time.Time{}, time.Now().Add(time.Hour)))
	if at() != "Lyon" {
		t.Errorf("in %s before the overwritten file was looked at", at())
	}
	must(t, d.Load())
	if at() != "Nice" {
		t.Errorf("in %s after the file was overwritten", at())
	}
	d.SetTrusted([]netip.Prefix{prefix("192.0.2.9/32")})
	e := schema.Event{IP: netip.MustParseAddr("192.0.2.9"), Geo: schema.Geo{Network: schema.NetworkVPN}}
	if en.Enrich(&e); e.Geo.Network != schema.NetworkCorporate || e.Geo.City != "Nice" {
		t.Errorf("new trusted networks: %+v", e.Geo)
	}
}

func TestVersions(t *testing.T) {
	d := loaded(t, world(t))
	got := d.Versions()
	if len(got) != 3 {
		t.Fatalf("%v", got)
	}
	for i, want := range []string{"GeoLite2-City", "GeoLite2-ASN", "GeoIP2-Anonymous-IP"} {
		if got[i].Type != want || time.Since(got[i].Built) > time.Hour || got[i].Name == "" {
			t.Errorf("%+v, want %s", got[i], want)
		}
	}
}

func TestBuilt(t *testing.T) {
	today := time.Now().UTC().Format(time.DateOnly)
	if got, want := loaded(t, world(t)).Built(), "city "+today+", asn "+today+", anonymous "+today; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := loaded(t, Config{}).Built(); got != "" {
		t.Errorf("built without databases: %q", got)
	}
}

func TestWatch(t *testing.T) {
	config := world(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d := NewDatabases(config, slog.New(slog.NewTextHandler(&log, nil)))
		must(t, d.Load())
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { d.Watch(ctx) })
		must(t, geotest.City(config.City, []geotest.Entry{{Prefix: prefix("192.0.2.0/24"), City: "Lyon"}}))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := d.Lookup(netip.MustParseAddr("192.0.2.9")); got.City != "Lyon" {
			t.Errorf("%+v", got)
		}
		must(t, os.WriteFile(config.City, []byte("x"), 0o600))
		time.Sleep(12 * time.Second)
		stop()
		done.Wait()
		if d.Failures() != 1 || strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "geoip database in use") {
			t.Errorf("%d failures, log:\n%s", d.Failures(), log.String())
		}
	})
}

func TestLanesReadWhileDatabasesAreReplaced(t *testing.T) {
	config := world(t)
	d := loaded(t, config)
	var lanes sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		lanes.Go(func() {
			en := New(d)
			for {
				select {
				case <-stop:
					return
				default:
				}
				e := schema.Event{IP: netip.MustParseAddr("192.0.2.9")}
				if en.Enrich(&e); e.Geo.City != "Paris" && e.Geo.City != "Lyon" {
					t.Errorf("%+v", e.Geo)
					return
				}
			}
		})
	}
	for i := range 20 {
		must(t, geotest.City(config.City, []geotest.Entry{{Prefix: prefix("192.0.2.0/24"), City: []string{"Lyon", "Paris"}[i%2]}}))
		must(t, d.Load())
	}
	close(stop)
	lanes.Wait()
}

func TestConfigIsValidated(t *testing.T) {
	if err := (Config{Every: -1}).Validate(); err == nil {
		t.Error("a negative interval was accepted")
	}
	if err := (Config{Trusted: []netip.Prefix{{}}}).Validate(); err == nil {
		t.Error("an invalid prefix was accepted")
	}
	if err := (Config{City: "x", Trusted: []netip.Prefix{prefix("10.0.0.0/8")}}).Validate(); err != nil {
		t.Error(err)
	}
}
