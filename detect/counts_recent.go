package detect

import (
	"hash/maphash"

	"github.com/hijackd/hijackd/schema"
)

// recent remembers which events without a token's record were counted, for at least the lateness, so that a repeated one is not counted
// twice. It forgets in two generations; one that is full remembers no more, and then repetitions count. What was counted before a
// crash it does not know: an event of before the stretch that is repeated after it counts twice.
type recent struct {
	seed     maphash.Seed
	lateness int64
	since    int64 // event time that the younger generation began at
	young    map[uint64]struct{}
	old      map[uint64]struct{}
}

// maxRecent bounds a generation, at about 40 bytes each.
const maxRecent = 1 << 17

// fresh reports whether an event is to be counted at the time now: it is not known, and not so old that it might have been forgotten.
func (r *recent) fresh(e *schema.Event, now int64) bool {
	if now-r.since > r.lateness {
		r.old, r.young, r.since = r.young, nil, now
	}
	if e.Time < now-r.lateness {
		return false
	}
	var h maphash.Hash
	h.SetSeed(r.seed)
	for _, s := range [...]string{e.Tenant, "\x00", e.Token, "\x00", e.ID} {
		_, _ = h.WriteString(s)
	}
	x := h.Sum64()
	if _, known := r.young[x]; known {
		return false
	}
	if _, known := r.old[x]; known {
		return false
	}
	if r.young == nil {
		r.young = map[uint64]struct{}{}
	}
	if len(r.young) < maxRecent {
		r.young[x] = struct{}{}
	}
	return true
}
