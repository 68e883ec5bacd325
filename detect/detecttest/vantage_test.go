package detecttest_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

// networks and machines are what people, their apps and thieves use; stories wander among all of them.
var networks = []struct {
	ip  string
	geo schema.Geo
}{
	{"198.51.100.1", schema.Geo{Country: "FR", City: "Lyon", Lat: 45.764, Lon: 4.8357, HasPlace: true, AccuracyKM: 20, ASN: 3215, Network: schema.NetworkResidential}},
	{"2001:db8:1::1", schema.Geo{Country: "FR", City: "Lyon", Lat: 45.76, Lon: 4.84, HasPlace: true, AccuracyKM: 20, ASN: 3215, Network: schema.NetworkResidential}},
	{"2001:db8:2::1", schema.Geo{Country: "FR", City: "Lyon", Lat: 45.76, Lon: 4.84, HasPlace: true, AccuracyKM: 20, ASN: 6939}},
	{"198.51.100.3", schema.Geo{Country: "FR", City: "Paris", Lat: 48.8566, Lon: 2.3522, HasPlace: true, ASN: 15557, Network: schema.NetworkMobile}},
	{"198.51.100.4", schema.Geo{Country: "FR", City: "Marseille", Lat: 43.2965, Lon: 5.3698, HasPlace: true, ASN: 15557, Network: schema.NetworkMobile}},
	{"198.51.100.5", schema.Geo{Country: "FR", ASN: 16276, ASOrg: "OVH", Network: schema.NetworkHosting}},
	{"198.51.100.6", schema.Geo{Country: "DE", City: "Berlin", Lat: 52.52, Lon: 13.405, HasPlace: true, ASN: 64500, ASOrg: "Example Hosting"}},
	{"198.51.100.7", schema.Geo{Country: "FR", ASN: 9009, Network: schema.NetworkVPN}},
	{"198.51.100.8", schema.Geo{Country: "NL", ASN: 9009, Network: schema.NetworkVPN}},
	{"198.51.100.9", schema.Geo{Country: "DE", ASN: 60729, Network: schema.NetworkTor}},
	{"198.51.100.10", schema.Geo{Country: "FR", ASN: 36183, Network: schema.NetworkRelay}},
	{"2001:db8:3::1", schema.Geo{Country: "FR", ASN: 13335, Network: schema.NetworkRelay}},
	{"198.51.100.12", schema.Geo{Country: "US", ASN: 22351, Network: schema.NetworkSatellite}},
	{"198.51.100.13", schema.Geo{Country: "CH", ASN: 64294, Network: schema.NetworkSatellite}},
	{"198.51.100.14", schema.Geo{Country: "US", ASN: 64501, Network: schema.NetworkCorporate}},
	{"198.51.100.15", schema.Geo{}},
}

var machines = []schema.Event{
	{Agent: schema.Agent{Family: "Chrome", OS: "Windows", Major: 140, Class: schema.DeviceDesktop}, JA4: "t13d1516h2_8daaf6152771_b0da82dd1658"},
	{Agent: schema.Agent{Family: "Chrome", OS: "Windows", Major: 140, Class: schema.DeviceDesktop}, JA4: "t13d1715h2_5b57614c22b0_3d5424432f57"},
	{Agent: schema.Agent{Family: "Chrome", OS: "Windows", Major: 141, Class: schema.DeviceDesktop}, Device: "d-1"},
	{Agent: schema.Agent{Family: "Chrome", OS: "Windows", Major: 141, Class: schema.DeviceDesktop}, Device: "d-2"},
	{Agent: schema.Agent{Family: "Safari", OS: "iOS", Major: 18, Class: schema.DeviceMobile}, CNF: "k-1"},
	{Agent: schema.Agent{Family: "Safari", OS: "iOS", Major: 18, Class: schema.DeviceMobile}, CNF: "k-2"},
	{Agent: schema.Agent{Family: "Safari", OS: "macOS", Major: 18, Class: schema.DeviceDesktop}},
	{Agent: schema.Agent{Family: "Chrome", OS: "Android", Major: 138, Class: schema.DeviceMobile}},
	{Agent: schema.Agent{Family: "Chrome", OS: "Android", Major: 140, Class: schema.DeviceTablet}},
	{Agent: schema.Agent{Family: "okhttp", Major: 4, Class: schema.DeviceMobile}},
	{Agent: schema.Agent{Family: "curl", Major: 8, Class: schema.DeviceScript}},
	{Agent: schema.Agent{Family: "Slackbot", Major: 1, Class: schema.DeviceBot}},
	{},
}

type wandering struct {
	gap                            time.Duration
	token, network, machine, event int
}

var wanderings = rapid.Custom(func(t *rapid.T) wandering {
	return wandering{
		gap:   rapid.SampledFrom([]time.Duration{0, 800 * time.Millisecond, 4 * time.Second, 9 * time.Second, 30 * time.Second, 2 * time.Minute, 8 * time.Minute}).Draw(t, "gap"),
		token: rapid.IntRange(0, 5).Draw(t, "token"), network: rapid.IntRange(0, len(networks)-1).Draw(t, "network"),
		machine: rapid.IntRange(0, len(machines)-1).Draw(t, "machine"), event: rapid.IntRange(0, 24).Draw(t, "event"),
	}
})

// wander draws a story that few networks and machines occur in.
func wander(t *rapid.T) []*schema.Event {
	some := rapid.SliceOfN(rapid.IntRange(0, len(networks)-1), 2, 4).Draw(t, "networks")
	with := rapid.SliceOfN(rapid.IntRange(0, len(machines)-1), 1, 3).Draw(t, "machines")
	at, tokens := detecttest.Start, []string{"t1"}
	var events []*schema.Event
	for i, s := range rapid.SliceOfN(wanderings, 2, 30).Draw(t, "wanderings") {
		at = at.Add(s.gap)
		n := networks[some[s.network%len(some)]]
		e := machines[with[s.machine%len(with)]]
		e.ID, e.Time, e.Offset, e.Repeat, e.Outcome = fmt.Sprintf("e%d%02d", s.machine%3, i), at.UnixNano(), int64(i), 1, schema.OutcomeAccepted
		e.Token, e.IP, e.Geo = tokens[s.token%len(tokens)], netip.MustParseAddr(n.ip), n.geo
		switch s.event {
		case 24:
			e.Type, e.PreviousToken, e.Token = schema.SessionRotated, e.Token, fmt.Sprint("t", len(tokens)+1)
			tokens = append(tokens, e.Token)
		case 23:
			e.Type = schema.SessionEnded
		case 22, 21:
			e.Type = schema.SessionStarted
		}
		events = append(events, &e)
	}
	return events
}

// TestVantagesInAnyOrder: what is found of networks and machines of every kind is a function of the set of events.
func TestVantagesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := wander(t)
		want := detecttest.Found(running, events)
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		got := detecttest.Found(running, shuffled)
		if beyond(want) || beyond(got) {
			return
		}
		mustEqual(t, "shuffled", shuffled, got, want)
		at := rapid.IntRange(0, len(events)-1).Draw(t, "restart")
		mustEqual(t, "restarted", events, detecttest.FoundAfterRestart(running, events, at), want)
	})
}
