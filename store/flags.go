package store

import "github.com/hijackd/hijackd/schema"

// The small fields of an event share one number, session_events.flags; the view events names them again.
const (
	networkShift = 0 // 4 bits
	bindingShift = 4 // 2 bits
	schemeShift  = 6 // 2 bits
	outcomeShift = 8 // 2 bits

	sensitiveFlag = 1 << 10
	hasIPFlag     = 1 << 11 // tells an absent address from ::
	hasPlaceFlag  = 1 << 12
	rawTokenFlag  = 1 << 13
	aheadFlag     = 1 << 14

	tokenInShift = 16 // 3 bits
)

func packFlags(e *schema.Event) uint32 {
	f := uint32(e.Geo.Network)<<networkShift | uint32(e.Binding)<<bindingShift | uint32(e.Scheme)<<schemeShift |
		uint32(e.Outcome)<<outcomeShift | uint32(e.TokenIn)<<tokenInShift
	for _, b := range [...]struct {
		on  bool
		bit uint32
	}{{e.Sensitive, sensitiveFlag}, {e.IP.IsValid(), hasIPFlag}, {e.Geo.HasPlace, hasPlaceFlag}, {e.RawToken, rawTokenFlag}, {e.Ahead, aheadFlag}} {
		if b.on {
			f |= b.bit
		}
	}
	return f
}

func unpackFlags(f uint32, e *schema.Event) {
	e.Geo.Network = schema.NetworkClass(f >> networkShift & 15)
	e.Binding = schema.Binding(f >> bindingShift & 3)
	e.Scheme = schema.Scheme(f >> schemeShift & 3)
	e.Outcome = schema.Outcome(f >> outcomeShift & 3)
	e.TokenIn = schema.TokenIn(f >> tokenInShift & 7)
	e.Sensitive = f&sensitiveFlag != 0
	e.Geo.HasPlace = f&hasPlaceFlag != 0
	e.RawToken = f&rawTokenFlag != 0
	e.Ahead = f&aheadFlag != 0
}
