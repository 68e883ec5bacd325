package schema

import "hash/maphash"

// Subject names what a lane keeps state for: a token of a tenant, or a user, a network, a session or an app.
type Subject struct {
	Tenant string
	Name   string
}

// Key is a Subject as 128 bits, for tables in memory. Keys differ from process to process and are never written anywhere.
type Key [2]uint64

// Keyer makes keys. Its seeds are random, so that nobody can choose tokens whose keys collide.
type Keyer struct{ a, b maphash.Seed }

// NewKeyer returns a Keyer with fresh seeds. All keys that meet in one table come from one Keyer.
func NewKeyer() Keyer { return Keyer{maphash.MakeSeed(), maphash.MakeSeed()} }

// Key returns the key of a subject.
func (k Keyer) Key(tenant, name string) Key {
	x := Key{maphash.String(k.a, name), maphash.String(k.b, name)}
	if tenant != "" {
		t := maphash.String(k.a, tenant)
		x[0] ^= t*0x9E3779B97F4A7C15 + 1
		x[1] += t ^ t>>29
	}
	return x
}
