package detect

import "hash/maphash"

// known reports whether an event of this id was folded into the session and is still remembered. What is older than that is
// harmless when it comes again: it finds its own traces.
func (t *Tokens) known(s *session, id eventID, short bool, text string) bool {
	a, b := t.bloom(id, short, text)
	if s.ids[0]&a == 0 || s.ids[1]&b == 0 {
		return false
	}
	for r := s.uses; r != 0; r = t.uses.at(r).next {
		c := t.uses.at(r)
		for i := range c.n {
			if u := &c.uses[i]; t.same(eventID{u.id, u.kind}, id, short, text) {
				return true
			}
		}
	}
	for r := s.marks; r != 0; r = t.marks.at(r).next { // Authenticated ones bear the id of a use
		if m := t.marks.at(r); MarkKind(m.kind) != Authenticated && t.same(eventID{m.id, m.idk}, id, short, text) {
			return true
		}
	}
	return false
}

func (t *Tokens) same(kept, id eventID, short bool, text string) bool {
	if short {
		return kept == id
	}
	return kept.kind == idText && t.texts.equal(kept.ref(), text)
}

func (t *Tokens) bloom(id eventID, short bool, text string) (a, b uint64) {
	var h uint64
	if short {
		h = maphash.Bytes(t.seed, id.b[:])
	} else {
		h = maphash.String(t.seed, text)
	}
	return 1 << (h & 63), 1 << (h >> 6 & 63)
}

// remember enters an id that is kept.
func (t *Tokens) remember(s *session, id eventID) {
	var h uint64
	if id.kind == idText {
		var buffer [maxIDBytes]byte
		h = maphash.Bytes(t.seed, buffer[:t.texts.copy(id.ref(), buffer[:])])
	} else {
		h = maphash.Bytes(t.seed, id.b[:])
	}
	s.ids[0] |= 1 << (h & 63)
	s.ids[1] |= 1 << (h >> 6 & 63)
}

const maxIDBytes = 128 // contract section 1

func (t *Tokens) forget(id eventID) {
	if id.kind == idText {
		t.texts.drop(id.ref())
	}
}

func (t *Tokens) idText(id eventID) string {
	if id.kind == idText {
		return t.texts.text(id.ref())
	}
	return id.String()
}
