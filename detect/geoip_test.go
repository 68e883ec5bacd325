package detect_test

import (
	"net/netip"
	"testing"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

// TestFindingsShowTheAgeOfPlaces: what rests on places or providers names the databases in use; what rests on neither does not.
func TestFindingsShowTheAgeOfPlaces(t *testing.T) {
	const built = "city 2026-11-18, asn 2026-11-18"
	for _, c := range []struct {
		name, geoip string
		placed      bool
	}{{"databases", built, true}, {"none", "", true}, {"no places", built, false}} {
		t.Run(c.name, func(t *testing.T) {
			folds := detect.NewFolds(rules.Default().Running(), 0)
			folds.ShowGeoIP(c.geoip)
			for i := range 4 {
				e := ordinary("token", 1, i)
				if i%2 == 1 {
					e.IP, e.Agent.OS = netip.MustParseAddr("198.51.100.1"), "Linux"
					e.Geo = schema.Geo{Country: "JP", City: "Tokyo", Lat: 35.6762, Lon: 139.6503, HasPlace: true, ASN: 4713}
				}
				if !c.placed {
					e.Geo = schema.Geo{}
				}
				folds.Fold(e)
			}
			found := folds.Findings()
			if len(found) == 0 {
				t.Fatal("nothing found")
			}
			for _, f := range found {
				got, given := f.Evidence["geoip_built"]
				if want := c.geoip != "" && c.placed; given != want || want && got != built {
					t.Errorf("%s of %s: geoip_built %v", f.Rule, f.Scope, got)
				}
			}
		})
	}
}
