package detect

import "github.com/hijackd/hijackd/schema"

// table finds a session by its key: open addressing, linear probing, half of the hash beside each number so that a wrong
// neighbour is recognised without touching its record.
type table struct {
	slots []uint64 // high half: part of the key; low half: number of the session, 0 for empty
	used  int
}

const firstSlots = 1024

const tagMask = 0xFFFFFFFF << 32

func (t *table) find(k schema.Key, sessions *pool[session]) ref {
	if len(t.slots) == 0 {
		return 0
	}
	mask := t.mask()
	for p := k[0] & mask; ; p = (p + 1) & mask {
		s := t.slots[p]
		if s == 0 {
			return 0
		}
		if s&tagMask == k[1]&tagMask {
			if r := ref(s & 0xFFFFFFFF); sessions.at(r).key == k {
				return r
			}
		}
	}
}

func (t *table) insert(k schema.Key, r ref) {
	mask := t.mask()
	p := k[0] & mask
	for t.slots[p] != 0 {
		p = (p + 1) & mask
	}
	t.slots[p] = k[1]&tagMask | uint64(r)
	t.used++
}

func (t *table) remove(k schema.Key, r ref, sessions *pool[session]) {
	mask := t.mask()
	p := k[0] & mask
	for ref(t.slots[p]&0xFFFFFFFF) != r {
		p = (p + 1) & mask
	}
	t.used--
	// Close the gap: move back whatever would no longer be reached from its home.
	for q := (p + 1) & mask; t.slots[q] != 0; q = (q + 1) & mask {
		home := sessions.at(ref(t.slots[q] & 0xFFFFFFFF)).key[0] & mask
		if (q-home)&mask >= (q-p)&mask {
			t.slots[p] = t.slots[q]
			p = q
		}
	}
	t.slots[p] = 0
}

func (t *table) mask() uint64 { return uint64(len(t.slots) - 1) } // #nosec G115 -- not negative: asked only of a table with slots

// full reports whether the next insert must be preceded by a doubling.
func (t *table) full() bool { return (t.used+1)*4 > len(t.slots)*3 }

func (t *table) double(sessions *pool[session]) {
	old := t.slots
	t.slots, t.used = make([]uint64, max(firstSlots, 2*len(old))), 0
	for _, s := range old {
		if s != 0 {
			r := ref(s & 0xFFFFFFFF)
			t.insert(sessions.at(r).key, r)
		}
	}
}
