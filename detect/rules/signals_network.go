package rules

import (
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// addNetworks adds what another network says: 0.4 for another country, else 0.3 for another provider (ASN).
func (s *signals) addNetworks(a, b *detect.Vantage) {
	x, y := &a.Geo, &b.Geo
	switch {
	case x.Country != "" && y.Country != "" && x.Country != y.Country:
		s.add(schema.SignalNetwork, 0.4)
	case x.ASN != 0 && y.ASN != 0 && x.ASN != y.ASN:
		s.add(schema.SignalNetwork, 0.3)
	}
}
