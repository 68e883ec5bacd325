package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// NetworkChange finds a session that hops to another provider in another country.
var NetworkChange = detect.Rule{
	Name: "network-change", Version: 1,
	Title: "A session that hops to another provider in another country",
	Why: "People change networks all day, and now and then the country; both in one step is what a copied token looks like when it is first used. Travellers look so too: " +
		"it is weak by itself and adds up with what else is found.",
	Method: "The first use of each vantage is compared with the use before it in the same life of the token. It fires if ASN and country are known on both sides and both differ. " +
		"Satellite, relay and corporate networks say nothing about where somebody is and are left out, and so is a provider and country that the session had before.\n\n" +
		"Confidence: 0.2.",
	Severity: schema.Low, DefaultMode: "shadow",
	KnownFalsePositives: []string{"Travel.", "A phone that roams: its traffic leaves the network at home or abroad by turns.", "A VPN switched on or off."},
	Response:            "None by itself.",
	Attack:              []string{"T1539", "T1550.004"},
	Example:             "Orange, FR → OCN, JP in 3 h 20 min",
	New:                 func(detect.Settings) detect.Judge { return networkChange{} },
}

type networkChange struct{}

func (networkChange) Needs() detect.Needs { return detect.Needs{} }

func (networkChange) Judge(s *detect.Session, say func(detect.Verdict)) {
	for _, a := range s.Arrivals() {
		x, y := a.Before.Vantage, a.Use.Vantage
		if !hop(x, y) || hadBefore(&a) {
			continue
		}
		found := signals{{Signal: schema.SignalNetwork, P: 0.2}}
		say(detect.Verdict{
			About: detect.PairLabel(x, y), Severity: schema.Low, Confidence: found.confidence(), Signals: found, Pattern: []*detect.Use{a.Before, a.Use},
			Explain: func(f *schema.Finding) {
				took := time.Duration(a.Use.Time - a.Before.Time)
				f.From, f.To = x.End(), y.End()
				f.Evidence = map[string]any{
					"asn": []uint32{x.Geo.ASN, y.Geo.ASN}, "country": []string{x.Geo.Country, y.Geo.Country}, "seconds": took.Seconds(),
					"networks": []string{accessOf(x).name, accessOf(y).name}, "device_changed": !detect.Updated(x, y),
				}
				f.Summary = fmt.Sprintf("%s, %s → %s, %s in %s", network(x), x.Geo.Country, network(y), y.Geo.Country, lasting(took))
			},
		})
	}
}

func hop(a, b *detect.Vantage) bool {
	return located(a) && located(b) && a.Geo.ASN != b.Geo.ASN && a.Geo.Country != b.Geo.Country
}

// located reports whether provider and country of a vantage are known and say something about its user.
func located(v *detect.Vantage) bool {
	switch v.Geo.Network {
	case schema.NetworkSatellite, schema.NetworkRelay, schema.NetworkCorporate:
		return false
	}
	return v.Geo.ASN != 0 && v.Geo.Country != ""
}

func hadBefore(a *detect.Arrival) bool {
	to := &a.Use.Vantage.Geo
	for _, p := range a.Prior {
		if p.Geo.ASN == to.ASN && p.Geo.Country == to.Country {
			return true
		}
	}
	return false
}
