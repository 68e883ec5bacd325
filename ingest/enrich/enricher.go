package enrich

import "github.com/hijackd/hijackd/schema"

// Enricher fills in an event's geo and user agent. It caches, and is not safe for concurrent use: each lane has its own.
type Enricher struct {
	databases *Databases
	places    places
	agents    *Agents
}

// New returns an Enricher over databases that lanes share. Its caches take about 2 MiB, at most 6.
func New(databases *Databases) *Enricher {
	return &Enricher{databases: databases, places: newPlaces(), agents: NewAgents()}
}

// Enrich fills in e.Geo, keeping what the event itself says, and e.Agent. What it adds does not alias the event's record.
func (en *Enricher) Enrich(e *schema.Event) {
	if e.IP.IsValid() {
		g := en.databases.current.Load()
		g.networks.merge(&e.Geo, en.places.of(g, e.IP))
	}
	e.Agent = en.agents.Parse(e.UserAgent)
}

// merge lets the event's own geo win field by field, of which {lat, lon, accuracy_km} is one and {asn, as_org} another (contract
// section 1). The operator's networks stay corporate whatever a CDN says of them.
func (n networks) merge(own *schema.Geo, known *place) {
	if own.Country == "" {
		own.Country = known.Country
	}
	if own.City == "" {
		own.City = known.City
	}
	if !own.HasPlace {
		own.Lat, own.Lon, own.AccuracyKM, own.HasPlace = known.Lat, known.Lon, known.AccuracyKM, known.HasPlace
	}
	if own.ASN == 0 && own.ASOrg == "" {
		own.ASN, own.ASOrg = known.ASN, known.ASOrg
	}
	switch {
	case known.Network == schema.NetworkCorporate:
		own.Network = known.Network
	case own.Network != schema.NetworkUnknown:
	case own.ASN == known.ASN:
		own.Network = known.Network
	default: // the event knows better whose address it is
		own.Network = n.classify(known.given, own.ASN)
	}
}
