package enrich

import (
	"hash/maphash"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/hijackd/hijackd/schema"
)

const (
	// addressSlots is how many addresses a lane remembers, one for each hash: 1.25 MiB, without pointers. It has to hold about as many
	// addresses as a lane has live sessions: a miss costs the way through three search trees.
	addressSlots = 1 << 16
	// maxPlaces bounds the different answers that a lane remembers, about 100 bytes each. Databases have far fewer than addresses.
	maxPlaces = 1 << 14
)

// places remembers what a generation of databases says about addresses. It is not safe for concurrent use.
type places struct {
	from  *generation
	seed  maphash.Seed // random, so that nobody can choose addresses that share a slot
	slots []addressSlot
	known []place           // known[0] is nothing
	index map[answer]uint32 // into known
}

// place is what is known about an address.
type place struct {
	schema.Geo
	// given is the class of the network as the databases name it, without what its autonomous system says.
	given schema.NetworkClass
}

// addressSlot says that an address, in its 16-byte form, has a place in known; 0 where the slot is free.
type addressSlot struct {
	address [16]byte
	place   uint32
}

// answer is where the databases keep what they say about an address: many addresses share one.
type answer struct {
	at      [numFiles]uintptr // plus 1; 0 where the database has nothing
	trusted bool
}

func newPlaces() places {
	return places{seed: maphash.MakeSeed(), slots: make([]addressSlot, addressSlots)}
}

// of returns what is known about an address. It is valid until the next call.
func (p *places) of(g *generation, ip netip.Addr) *place {
	if g != p.from || len(p.known) >= maxPlaces {
		p.forget(g)
	}
	ip = ip.Unmap()
	b := ip.As16()
	slot := &p.slots[maphash.Bytes(p.seed, b[:])%addressSlots]
	if slot.place == 0 || slot.address != b {
		*slot = addressSlot{b, p.find(ip)}
	}
	return &p.known[slot.place]
}

// find asks the databases where their answer is, and reads it if it is a new one.
func (p *places) find(ip netip.Addr) uint32 {
	a := answer{trusted: p.from.trusts(ip)}
	var found [numFiles]maxminddb.Result
	for kind, reader := range p.from.readers {
		if reader == nil {
			continue
		}
		if found[kind] = reader.Lookup(ip); found[kind].Found() {
			a.at[kind] = found[kind].Offset() + 1
		}
	}
	number, ok := p.index[a]
	if !ok {
		number = uint32(len(p.known)) // #nosec G115 -- at most maxPlaces
		geo := read(&found, a.trusted)
		given := geo.Network
		geo.Network = p.from.networks.classify(given, geo.ASN)
		p.known = append(p.known, place{geo, given})
		p.index[a] = number
	}
	return number
}

func (p *places) forget(g *generation) {
	p.from = g
	p.known = append(p.known[:0], place{})
	p.index = make(map[answer]uint32)
	clear(p.slots)
}
