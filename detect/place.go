package detect

import (
	"math"

	"github.com/hijackd/hijackd/schema"
)

// EarthRadiusKM is the mean radius of the Earth, (2a+b)/3 of WGS 84, in km (Moritz, Geodetic Reference System 1980, R₁, rounded as
// usual). Treating the Earth as a sphere errs by less than 0.6 % of a distance.
const EarthRadiusKM = 6371.0088

// MissingRadiusKM is the accuracy radius assumed for a place that comes without one: a city's.
const MissingRadiusKM = 50

// countryRadiusKM is the accuracy radius from which a place without a city stands for a whole country: databases then give a
// country's centre.
const countryRadiusKM = 200

// Gap is how far apart two places are.
type Gap struct {
	GreatCircleKM float64
	RadiusKM      [2]float64 // accuracy radii
	DistanceKM    float64    // max(0, great circle − both radii)
}

// Distance measures the gap between the places of two vantages. ok is false where it is not evaluable: where a side has no
// coordinates, where its network says nothing about its place, or where both are in one country and a side is known only by it.
func Distance(a, b *Vantage) (g Gap, ok bool) {
	if !a.hasPlace() || !b.hasPlace() {
		return g, false
	}
	if a.Geo.Country == b.Geo.Country && (a.onlyCountry() || b.onlyCountry()) {
		return g, false
	}
	g.GreatCircleKM = greatCircle(a.Geo.Lat, a.Geo.Lon, b.Geo.Lat, b.Geo.Lon)
	g.RadiusKM = [2]float64{a.radius(), b.radius()}
	g.DistanceKM = max(0, g.GreatCircleKM-g.RadiusKM[0]-g.RadiusKM[1])
	return g, true
}

func (v *Vantage) hasPlace() bool { return v.Geo.HasPlace && !v.Geo.Network.Placeless() }

// onlyCountry reports whether a place is but its country's. Without a city, that of a mobile network is, whatever radius comes with it:
// its gateway may be anywhere.
func (v *Vantage) onlyCountry() bool {
	return v.Geo.City == "" && v.Geo.Country != "" &&
		(v.Geo.AccuracyKM == 0 || v.Geo.AccuracyKM >= countryRadiusKM || v.Geo.Network == schema.NetworkMobile)
}

// ThroughGateway reports whether the way between two vantages may be that of a mobile network's traffic to its gateway, and nobody's
// journey: both are in one country, and a side is mobile.
func ThroughGateway(a, b *Vantage) bool {
	return SameCountry(a, b) && (a.Geo.Network == schema.NetworkMobile || b.Geo.Network == schema.NetworkMobile)
}

func (v *Vantage) radius() float64 {
	if v.Geo.AccuracyKM == 0 {
		return MissingRadiusKM
	}
	return float64(v.Geo.AccuracyKM)
}

// greatCircle is the haversine distance in km between two points in degrees (Sinnott, "Virtues of the Haversine", 1984).
func greatCircle(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	s1, s2 := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	h := s1*s1 + math.Cos(lat1*rad)*math.Cos(lat2*rad)*s2*s2
	return 2 * EarthRadiusKM * math.Asin(math.Sqrt(min(1, h)))
}
