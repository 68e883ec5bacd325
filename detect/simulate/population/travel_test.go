package population

import (
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// fix is where somebody was seen.
type fix struct {
	at  int64
	geo schema.Geo
}

// apart is the distance of two fixes in km, radii subtracted; 0 where it is not evaluable.
func apart(a, b *fix) float64 {
	if a.geo.City == "" || b.geo.City == "" {
		return 0
	}
	return max(0, distance(a.geo.Lat, a.geo.Lon, b.geo.Lat, b.geo.Lon)-float64(a.geo.AccuracyKM)-float64(b.geo.AccuracyKM))
}

// farthest is the worst speed of anybody's, over all that they carry, and where it was.
func farthest(t *testing.T, cfg Config) (kmh float64, from, to fix, journeys int) {
	last := map[string]fix{}
	run(t, cfg, func(e *simulate.Event) {
		switch {
		case e.User == "" || !e.IP.IsValid() || e.Role != simulate.User || e.Nuisances.Has(simulate.Anchor):
			return
		case e.Geo.Network.Placeless() || e.Geo.Network == schema.NetworkCorporate || e.Geo.City == "":
			return
		}
		now := fix{e.Time, e.Geo}
		if before, ok := last[e.User]; ok {
			if km := apart(&before, &now); km >= 100 {
				journeys++
				if speed := km / max(time.Second, time.Duration(now.at-before.at)).Hours(); speed > kmh {
					kmh, from, to = speed, before, now
				}
			}
		}
		last[e.User] = now
	})
	return kmh, from, to, journeys
}

// TestNobodyTravelsFasterThanAeroplanes holds for everybody whom nobody attacks, over all devices that they carry. Machines that stay
// where they are, and gateways that traffic is sent through, are left out: their labels say so.
func TestNobodyTravelsFasterThanAeroplanes(t *testing.T) {
	for seed := range uint64(2) {
		kmh, from, to, journeys := farthest(t, Config{Seed: seed, Users: 300, Start: start, Duration: 6 * 24 * time.Hour})
		if journeys < 10 {
			t.Errorf("seed %d: %d journeys", seed, journeys)
		}
		if kmh > 950 {
			t.Errorf("seed %d: %s (%s) to %s (%s) at %.0f km/h in %s", seed, from.geo.City, from.geo.ASOrg, to.geo.City, to.geo.ASOrg, kmh, time.Duration(to.at-from.at))
		}
	}
}

// TestHardNuisancesLookImpossible: they are what the property above excludes.
func TestHardNuisancesLookImpossible(t *testing.T) {
	seen := map[simulate.Nuisance]int{}
	cfg := Config{Seed: 1, Users: 600, Start: start, Duration: 4 * 24 * time.Hour, Hard: true}
	run(t, cfg, func(e *simulate.Event) {
		for n := range e.Nuisances.All() {
			seen[n]++
		}
	})
	for _, n := range []simulate.Nuisance{simulate.Roaming, simulate.Misplaced, simulate.SharedAccount} {
		if seen[n] == 0 {
			t.Errorf("no %s", n)
		}
	}
	if kmh, _, _, _ := farthest(t, cfg); kmh < 2000 {
		t.Errorf("nobody is faster than %.0f km/h", kmh)
	}
}
