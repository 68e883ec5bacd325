package population

import "math"

// city is where people live and where their providers place them.
type city struct {
	name, country string
	lat, lon      float64
	zone          int // hours east of UTC
	weight        int // of living here
	nation        *nation
	isps          [3]*network
	carriers      [2]*network
	business      *network
	hosting       *network
	exits         [3]*network // of consumer VPNs
	relay         *network
	corporate     *network
	public        []*hotspot // cafés, hotels, the airport
}

// nation is a country's providers.
type nation struct {
	code   string
	cities []*city
	asn    uint32 // of its first provider; the others follow
}

// Populations are rough; what counts is that zones, distances and several cities to a country are real.
var atlas = []city{
	{name: "Paris", country: "FR", lat: 48.857, lon: 2.352, zone: 1, weight: 8}, {name: "Lyon", country: "FR", lat: 45.764, lon: 4.836, zone: 1, weight: 3},
	{name: "Marseille", country: "FR", lat: 43.297, lon: 5.381, zone: 1, weight: 2}, {name: "Lille", country: "FR", lat: 50.629, lon: 3.057, zone: 1, weight: 1},
	{name: "London", country: "GB", lat: 51.507, lon: -0.128, zone: 0, weight: 9}, {name: "Manchester", country: "GB", lat: 53.481, lon: -2.243, zone: 0, weight: 3},
	{name: "Edinburgh", country: "GB", lat: 55.953, lon: -3.188, zone: 0, weight: 1},
	{name: "Berlin", country: "DE", lat: 52.520, lon: 13.405, zone: 1, weight: 5}, {name: "Munich", country: "DE", lat: 48.137, lon: 11.576, zone: 1, weight: 4},
	{name: "Hamburg", country: "DE", lat: 53.551, lon: 9.994, zone: 1, weight: 3}, {name: "Cologne", country: "DE", lat: 50.938, lon: 6.960, zone: 1, weight: 3},
	{name: "Madrid", country: "ES", lat: 40.417, lon: -3.704, zone: 1, weight: 4}, {name: "Barcelona", country: "ES", lat: 41.385, lon: 2.173, zone: 1, weight: 3},
	{name: "Milan", country: "IT", lat: 45.464, lon: 9.190, zone: 1, weight: 3}, {name: "Rome", country: "IT", lat: 41.903, lon: 12.496, zone: 1, weight: 3},
	{name: "Amsterdam", country: "NL", lat: 52.368, lon: 4.904, zone: 1, weight: 3}, {name: "Rotterdam", country: "NL", lat: 51.924, lon: 4.478, zone: 1, weight: 1},
	{name: "Warsaw", country: "PL", lat: 52.230, lon: 21.012, zone: 1, weight: 3}, {name: "Kraków", country: "PL", lat: 50.065, lon: 19.945, zone: 1, weight: 1},
	{name: "Stockholm", country: "SE", lat: 59.329, lon: 18.069, zone: 1, weight: 2}, {name: "Göteborg", country: "SE", lat: 57.709, lon: 11.975, zone: 1, weight: 1},
	{name: "New York", country: "US", lat: 40.713, lon: -74.006, zone: -5, weight: 9}, {name: "Boston", country: "US", lat: 42.360, lon: -71.059, zone: -5, weight: 3},
	{name: "Chicago", country: "US", lat: 41.878, lon: -87.630, zone: -6, weight: 5}, {name: "Dallas", country: "US", lat: 32.777, lon: -96.797, zone: -6, weight: 4},
	{name: "Denver", country: "US", lat: 39.739, lon: -104.990, zone: -7, weight: 2}, {name: "Los Angeles", country: "US", lat: 34.052, lon: -118.244, zone: -8, weight: 6},
	{name: "San Francisco", country: "US", lat: 37.775, lon: -122.419, zone: -8, weight: 4}, {name: "Seattle", country: "US", lat: 47.606, lon: -122.332, zone: -8, weight: 3},
	{name: "Toronto", country: "CA", lat: 43.653, lon: -79.383, zone: -5, weight: 3}, {name: "Vancouver", country: "CA", lat: 49.283, lon: -123.121, zone: -8, weight: 1},
	{name: "São Paulo", country: "BR", lat: -23.551, lon: -46.633, zone: -3, weight: 5}, {name: "Rio de Janeiro", country: "BR", lat: -22.907, lon: -43.173, zone: -3, weight: 3},
	{name: "Mexico City", country: "MX", lat: 19.433, lon: -99.133, zone: -6, weight: 3}, {name: "Monterrey", country: "MX", lat: 25.687, lon: -100.316, zone: -6, weight: 1},
	{name: "Tokyo", country: "JP", lat: 35.676, lon: 139.650, zone: 9, weight: 6}, {name: "Osaka", country: "JP", lat: 34.694, lon: 135.502, zone: 9, weight: 3},
	{name: "Seoul", country: "KR", lat: 37.567, lon: 126.978, zone: 9, weight: 3}, {name: "Busan", country: "KR", lat: 35.180, lon: 129.076, zone: 9, weight: 1},
	{name: "Mumbai", country: "IN", lat: 19.076, lon: 72.878, zone: 5, weight: 5}, {name: "Bengaluru", country: "IN", lat: 12.972, lon: 77.595, zone: 5, weight: 4},
	{name: "Delhi", country: "IN", lat: 28.614, lon: 77.209, zone: 5, weight: 5}, {name: "Singapore", country: "SG", lat: 1.352, lon: 103.820, zone: 8, weight: 2},
	{name: "Jurong", country: "SG", lat: 1.340, lon: 103.709, zone: 8, weight: 1},
	{name: "Sydney", country: "AU", lat: -33.869, lon: 151.209, zone: 10, weight: 3}, {name: "Melbourne", country: "AU", lat: -37.814, lon: 144.963, zone: 10, weight: 3},
	{name: "Johannesburg", country: "ZA", lat: -26.204, lon: 28.047, zone: 2, weight: 2}, {name: "Cape Town", country: "ZA", lat: -33.925, lon: 18.424, zone: 2, weight: 1},
	{name: "Istanbul", country: "TR", lat: 41.008, lon: 28.978, zone: 3, weight: 3}, {name: "Ankara", country: "TR", lat: 39.934, lon: 32.860, zone: 3, weight: 1},
}

const earthRadiusKM = 6371.0088

// distance is the great circle between two points in km (haversine).
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	s1, s2 := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	h := s1*s1 + math.Cos(lat1*rad)*math.Cos(lat2*rad)*s2*s2
	return 2 * earthRadiusKM * math.Asin(math.Sqrt(min(1, h)))
}

func (c *city) distance(o *city) float64 { return distance(c.lat, c.lon, o.lat, o.lon) }
