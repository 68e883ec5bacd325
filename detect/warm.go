package detect

import "github.com/hijackd/hijackd/schema"

// Warm touches the state of many keys, so that their cache misses overlap: one after another, as folding them meets them, each waits
// for memory by itself. It changes nothing.
func (t *Tokens) Warm(ks []schema.Key) {
	if len(t.table.slots) == 0 {
		return
	}
	mask := t.table.mask()
	var touched uint64
	for _, k := range ks {
		touched += t.table.slots[k[0]&mask]
	}
	for _, k := range ks {
		if r := ref(t.table.slots[k[0]&mask] & 0xFFFFFFFF); r != 0 {
			s := t.sessions.at(r)
			touched += s.key[0] + uint64(s.flags)
		}
	}
	for _, k := range ks {
		r := ref(t.table.slots[k[0]&mask] & 0xFFFFFFFF)
		if r == 0 {
			continue
		}
		s := t.sessions.at(r)
		if s.vantages != 0 {
			touched += t.vantages.at(s.vantages).look
		}
		if s.uses != 0 {
			touched += uint64(t.uses.at(s.uses).n)
		}
		if s.actors != 0 {
			touched += t.actors.at(s.actors).look
		}
	}
	t.touched = touched
}
