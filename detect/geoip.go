package detect

import "github.com/hijackd/hijackd/schema"

// geoip is when the GeoIP databases in use were built, as people read it: "city 2026-11-18, asn 2026-11-18"; empty where there are none
// or it is not known.
type geoip string

// stamp adds it to what a finding rests on, if a place or a provider is among that. It is what was in use when the fold began, also if a
// newer database came since: a fold knows no more than its events and its options.
func (g geoip) stamp(f *schema.Finding) {
	if g != "" && f.Evidence != nil && (located(f.From) || located(f.To)) {
		f.Evidence["geoip_built"] = string(g)
	}
}

func located(e *schema.End) bool {
	return e != nil && (e.ASN != 0 || e.Country != "" || e.Lat != nil)
}
