package enrich

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"github.com/hijackd/hijackd/schema"
)

// addressSlots is how many addresses a lane remembers: one slot for each hash, about 0.3 MB.
const addressSlots = 2048

// Enricher fills in an event's geo and user agent. It caches, and is not safe for concurrent use: each lane has its own.
type Enricher struct {
	databases *Databases
	from      *generation // of the slots
	seed      uint64
	slots     []addressSlot
	agents    *Agents
}

type addressSlot struct {
	ip  netip.Addr
	geo schema.Geo
}

// New returns an Enricher over databases that lanes share.
func New(databases *Databases) *Enricher {
	return &Enricher{databases: databases, seed: rand.Uint64() | 1, slots: make([]addressSlot, addressSlots), agents: NewAgents()}
}

// Enrich fills in e.Geo, keeping what the event itself says, and e.Agent. What it adds does not alias the event's record.
func (en *Enricher) Enrich(e *schema.Event) {
	if e.IP.IsValid() {
		merge(&e.Geo, en.address(e.IP))
	}
	e.Agent = en.agents.Parse(e.UserAgent)
}

// address looks an address up in the cache, then in the databases.
func (en *Enricher) address(ip netip.Addr) *schema.Geo {
	if now := en.databases.current.Load(); now != en.from {
		en.from = now
		clear(en.slots)
	}
	b := ip.As16()
	// The seed keeps an attacker from choosing addresses that share a slot.
	high, low := bits.Mul64(binary.LittleEndian.Uint64(b[:])^en.seed, binary.LittleEndian.Uint64(b[8:])*0x9E3779B97F4A7C15^bits.RotateLeft64(en.seed, 32))
	slot := &en.slots[(high^low)%addressSlots]
	if slot.ip != ip {
		*slot = addressSlot{ip, en.from.lookup(ip)}
	}
	return &slot.geo
}

// merge lets the event's own geo win field by field, of which {lat, lon, accuracy_km} is one and {asn, as_org} another (contract
// section 1). The operator's networks stay corporate whatever a CDN says of them.
func merge(own *schema.Geo, known *schema.Geo) {
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
	case own.Network == schema.NetworkUnknown:
		own.Network = classify(known.Network, own.ASN)
	}
}
