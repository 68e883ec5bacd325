package enrich

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/ingest/enrich/geotest"
	"github.com/hijackd/hijackd/schema"
)

func TestEventsOwnGeoWins(t *testing.T) {
	known := schema.Geo{Country: "FR", City: "Paris", Lat: 48.85, Lon: 2.35, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkResidential}
	with := func(change func(*schema.Geo)) schema.Geo { g := known; change(&g); return g }
	for _, c := range []struct {
		name             string
		own, known, want schema.Geo
	}{
		{"nothing of its own", schema.Geo{}, known, known},
		{"all of its own", schema.Geo{Country: "JP", City: "Tokyo", Lat: 35, Lon: 139, HasPlace: true, AccuracyKM: 5, ASN: 1, ASOrg: "x", Network: schema.NetworkMobile}, known,
			schema.Geo{Country: "JP", City: "Tokyo", Lat: 35, Lon: 139, HasPlace: true, AccuracyKM: 5, ASN: 1, ASOrg: "x", Network: schema.NetworkMobile}},
		{"a place without radius takes none", schema.Geo{Lat: 1, Lon: 2, HasPlace: true}, known,
			with(func(g *schema.Geo) { g.Lat, g.Lon, g.AccuracyKM = 1, 2, 0 })},
		{"a system without name takes none", schema.Geo{ASN: 7}, known, with(func(g *schema.Geo) { g.ASN, g.ASOrg = 7, "" })},
		{"a name without system takes none", schema.Geo{ASOrg: "x"}, known, with(func(g *schema.Geo) { g.ASN, g.ASOrg = 0, "x" })},
		{"its own satellite system", schema.Geo{ASN: 14593}, known,
			with(func(g *schema.Geo) { g.ASN, g.ASOrg, g.Network = 14593, "", schema.NetworkSatellite })},
		{"its own network class", schema.Geo{ASN: 14593, Network: schema.NetworkMobile}, known,
			with(func(g *schema.Geo) { g.ASN, g.ASOrg, g.Network = 14593, "", schema.NetworkMobile })},
		{"trusted networks", schema.Geo{Network: schema.NetworkHosting}, with(func(g *schema.Geo) { g.Network = schema.NetworkCorporate }),
			with(func(g *schema.Geo) { g.Network = schema.NetworkCorporate })},
		{"unknown on both sides", schema.Geo{}, schema.Geo{}, schema.Geo{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.own
			if shippedNetworks().merge(&got, &place{c.known, c.known.Network}); got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestCacheAgreesWithDatabases(t *testing.T) {
	d := loaded(t, world(t))
	en := New(d)
	rapid.Check(t, func(t *rapid.T) {
		for range 50 {
			ip := netip.AddrFrom4([4]byte{192 + rapid.SampledFrom([]byte{0, 6, 11}).Draw(t, "a"), rapid.SampledFrom([]byte{0, 51}).Draw(t, "b"),
				rapid.SampledFrom([]byte{2, 100, 113}).Draw(t, "c"), rapid.Byte().Draw(t, "d")})
			if rapid.Bool().Draw(t, "v6") {
				ip = netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", rapid.IntRange(0, 2).Draw(t, "e"), rapid.IntRange(0, 9999).Draw(t, "f")))
			}
			e := schema.Event{IP: ip}
			if en.Enrich(&e); e.Geo != d.Lookup(ip) {
				t.Fatalf("%s: %+v, want %+v", ip, e.Geo, d.Lookup(ip))
			}
		}
	})
}

func TestMoreAnswersThanAreRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "city.mmdb")
	entries := make([]geotest.Entry, maxPlaces+1000)
	for i := range entries {
		ip := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		entries[i] = geotest.Entry{Prefix: netip.PrefixFrom(ip, 32), City: fmt.Sprint("city ", i)}
	}
	must(t, geotest.City(path, entries))
	en := New(loaded(t, Config{City: path}))
	for range 2 {
		for i := range entries {
			e := schema.Event{IP: entries[i].Prefix.Addr()}
			if en.Enrich(&e); e.Geo.City != entries[i].City {
				t.Fatalf("%s is in %q, want %q", e.IP, e.Geo.City, entries[i].City)
			}
		}
		if len(en.places.known) > maxPlaces {
			t.Errorf("%d answers are remembered", len(en.places.known))
		}
	}
}

func TestWithoutAddress(t *testing.T) {
	e := schema.Event{Geo: schema.Geo{City: "Paris"}, UserAgent: "curl/8.5"}
	New(loaded(t, world(t))).Enrich(&e)
	if e.Geo != (schema.Geo{City: "Paris"}) || e.Agent.Family != "curl" {
		t.Errorf("%+v", e)
	}
}

func TestEnrichingAllocatesNothing(t *testing.T) {
	en := New(loaded(t, world(t)))
	ip := netip.MustParseAddr("192.0.2.1")
	if n := testing.AllocsPerRun(100, func() {
		e := schema.Event{IP: ip, UserAgent: chrome}
		en.Enrich(&e)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEnrich(b *testing.B) {
	d := loaded(b, world(b))
	run := func(name string, event func(i int) schema.Event) {
		b.Run(name, func(b *testing.B) {
			en := New(d)
			events := make([]schema.Event, 512)
			if strings.HasPrefix(name, "50000") {
				events = make([]schema.Event, 50000)
			}
			for i := range events {
				events[i] = event(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			start := processorTime(b)
			for i := range b.N {
				e := &events[i%len(events)]
				e.Geo = schema.Geo{}
				en.Enrich(e)
			}
			b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
		})
	}
	run("hit", func(int) schema.Event {
		return schema.Event{IP: netip.MustParseAddr("192.0.2.1"), UserAgent: chrome}
	})
	run("512-addresses", func(i int) schema.Event {
		return schema.Event{IP: netip.AddrFrom4([4]byte{192, 0, 2 + byte(i>>8), byte(i)}), UserAgent: chrome}
	})
	run("50000-addresses", func(i int) schema.Event {
		return schema.Event{IP: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), UserAgent: chrome}
	})
	b.Run("address-miss", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			d.Lookup(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		}
	})
	b.Run("agent-miss", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ParseAgent(chrome)
		}
	})
}

// processorTime is what the process has used, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
