package enrich

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/ingest/enrich/geotest"
	"github.com/hijackd/hijackd/schema"
)

func TestShippedNetworks(t *testing.T) {
	n, err := readNetworks(shipped)
	if err != nil {
		t.Fatal(err)
	}
	for system, want := range map[uint32]schema.NetworkClass{
		16509: schema.NetworkHosting, 16276: schema.NetworkHosting, 24940: schema.NetworkHosting, 14061: schema.NetworkHosting,
		9009: schema.NetworkVPN, 13335: schema.NetworkVPN, 53813: schema.NetworkVPN, 60729: schema.NetworkTor, 36183: schema.NetworkRelay,
		14593: schema.NetworkSatellite, 22351: schema.NetworkSatellite, 64294: schema.NetworkSatellite,
		21928: schema.NetworkMobile, 6167: schema.NetworkMobile, 19281: schema.NetworkAnycast,
		3215: schema.NetworkUnknown, 7018: schema.NetworkUnknown, 0: schema.NetworkUnknown,
	} {
		if got := n[system]; got != want {
			t.Errorf("AS%d is %v, want %v", system, got, want)
		}
	}
	count := map[schema.NetworkClass]int{}
	for _, class := range n {
		count[class]++
	}
	for _, class := range []schema.NetworkClass{schema.NetworkHosting, schema.NetworkVPN, schema.NetworkTor, schema.NetworkRelay, schema.NetworkSatellite, schema.NetworkMobile} {
		if count[class] == 0 {
			t.Errorf("no network is %v", class)
		}
	}
}

// TestShippedNetworksAreSorted: so that people find a number, and see whether it is there.
func TestShippedNetworksAreSorted(t *testing.T) {
	classes := map[string]bool{}
	class, last := "", ""
	for line := range strings.Lines(shipped) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, ",")
		if fields[1] != class {
			if classes[fields[1]] {
				t.Errorf("%s is in two places", fields[1])
			}
			class, last = fields[1], ""
			classes[class] = true
		}
		if len(fields[0]) < len(last) || len(fields[0]) == len(last) && fields[0] < last {
			t.Errorf("AS%s comes after AS%s", fields[0], last)
		}
		last = fields[0]
	}
}

func TestReadNetworks(t *testing.T) {
	n, err := readNetworks("# said\n\n64500,vpn,Example VPN\r\n64501,hosting,Example")
	if err != nil || len(n) != 2 || n[64500] != schema.NetworkVPN || n[64501] != schema.NetworkHosting {
		t.Errorf("%v, %v", n, err)
	}
	for text, says := range map[string]string{
		"64500,vpn":                             "line 1: want number",
		"64500,vpn,a,b":                         "line 1: want number",
		"64500,vpn, ":                           "line 1: want number",
		"#\nAS64500,vpn,a":                      "line 2: \"AS64500\" is no number",
		"0,vpn,a":                               "is no number",
		"4294967296,vpn,a":                      "is no number",
		"64500,proxy,a":                         "is no class",
		"64500,corporate,a":                     "is no class",
		"64500,,a":                              "is no class",
		"64500,vpn,a\n64501,tor,b\n64500,tor,a": "line 3: AS64500 stands there twice",
	} {
		if _, err := readNetworks(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want %q", text, err, says)
		}
	}
}

func TestWhoIsBelieved(t *testing.T) {
	n := networks{1: schema.NetworkHosting, 2: schema.NetworkVPN, 3: schema.NetworkTor, 4: schema.NetworkRelay, 5: schema.NetworkSatellite, 6: schema.NetworkMobile}
	for _, c := range []struct {
		given  schema.NetworkClass
		system uint32
		want   schema.NetworkClass
	}{
		{schema.NetworkUnknown, 1, schema.NetworkHosting},
		{schema.NetworkUnknown, 6, schema.NetworkMobile},
		{schema.NetworkUnknown, 9, schema.NetworkUnknown},
		{schema.NetworkHosting, 2, schema.NetworkVPN},
		{schema.NetworkHosting, 3, schema.NetworkTor},
		{schema.NetworkHosting, 4, schema.NetworkRelay},
		{schema.NetworkHosting, 5, schema.NetworkSatellite},
		{schema.NetworkHosting, 6, schema.NetworkHosting},
		{schema.NetworkResidential, 1, schema.NetworkResidential},
		{schema.NetworkResidential, 2, schema.NetworkResidential},
		{schema.NetworkResidential, 5, schema.NetworkSatellite},
		{schema.NetworkMobile, 5, schema.NetworkSatellite},
		{schema.NetworkVPN, 3, schema.NetworkVPN},
		{schema.NetworkTor, 5, schema.NetworkTor},
		{schema.NetworkCorporate, 1, schema.NetworkCorporate},
		{schema.NetworkAnycast, 1, schema.NetworkAnycast},
	} {
		if got := n.classify(c.given, c.system); got != c.want {
			t.Errorf("%v in AS%d is %v, want %v", c.given, c.system, got, c.want)
		}
	}
}

// TestClassesOfEvents: the event's own word, then the databases', then the list's.
func TestClassesOfEvents(t *testing.T) {
	dir := t.TempDir()
	c := Config{ASN: filepath.Join(dir, "asn.mmdb"), Anonymous: filepath.Join(dir, "anonymous.mmdb")}
	must(t, geotest.ASN(c.ASN, []geotest.System{{Prefix: prefix("192.0.2.0/24"), ASN: 16276, Org: "OVH"}, {Prefix: prefix("198.51.100.0/24"), ASN: 3215, Org: "Orange"}}))
	must(t, geotest.Anonymous(c.Anonymous, []geotest.Hidden{{Prefix: prefix("192.0.2.1/32"), VPN: true}, {Prefix: prefix("198.51.100.1/32"), Tor: true}}))
	d := loaded(t, c)
	en := New(d)
	for _, c := range []struct {
		ip   string
		own  schema.Geo
		want schema.NetworkClass
	}{
		{"192.0.2.9", schema.Geo{}, schema.NetworkHosting},
		{"192.0.2.1", schema.Geo{}, schema.NetworkVPN},
		{"192.0.2.1", schema.Geo{Network: schema.NetworkResidential}, schema.NetworkResidential},
		{"192.0.2.9", schema.Geo{ASN: 3215}, schema.NetworkUnknown},
		{"198.51.100.9", schema.Geo{}, schema.NetworkUnknown},
		{"198.51.100.9", schema.Geo{ASN: 14593}, schema.NetworkSatellite},
		{"198.51.100.1", schema.Geo{ASN: 14593}, schema.NetworkTor},
		{"203.0.113.1", schema.Geo{ASN: 9009}, schema.NetworkVPN},
	} {
		for range 2 { // from the databases, and from memory
			e := schema.Event{IP: netip.MustParseAddr(c.ip), Geo: c.own}
			if en.Enrich(&e); e.Geo.Network != c.want {
				t.Errorf("%s with %+v is %v, want %v", c.ip, c.own, e.Geo.Network, c.want)
			}
		}
	}
}

func BenchmarkClassOfEventsOwnSystem(b *testing.B) {
	en := New(loaded(b, world(b)))
	b.ReportAllocs()
	for b.Loop() {
		e := schema.Event{IP: netip.MustParseAddr("192.0.2.9"), Geo: schema.Geo{ASN: 9009}}
		en.Enrich(&e)
	}
}
