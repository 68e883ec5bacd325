package detect

import "github.com/hijackd/hijackd/schema"

// begin makes an empty record for a key.
func (t *Tokens) begin(k schema.Key) ref {
	for t.table.full() {
		more := max(firstSlots, len(t.table.slots)) * slotBytes
		if !t.budget.take(more) {
			if t.evict() {
				continue
			}
			t.pressed = true
			t.budget.force(more)
		}
		t.table.double(&t.sessions)
	}
	r := t.sessions.get()
	s := t.sessions.at(r)
	s.key, s.flags, s.last = k, sessionUsed|sessionRecent, -1
	s.main, s.vantage, s.actor = noVantage, noVantage, unknownActor
	t.table.insert(k, r)
	return r
}

const slotBytes = 8

// evict drops one session that was not touched lately and is stored whole (CLOCK); false where none is found.
func (t *Tokens) evict() bool {
	for range 2 * int(t.sessions.next) {
		t.hand++
		if t.hand >= t.sessions.next {
			t.hand = 1
		}
		if t.hand >= t.sessions.next {
			return false
		}
		s := t.sessions.at(t.hand)
		switch {
		case s.flags&sessionUsed == 0 || t.hand == t.pinned || s.last >= t.stored:
		case s.flags&sessionRecent != 0:
			s.flags &^= sessionRecent
		default:
			t.drop(t.hand)
			return true
		}
	}
	return false
}

// drop frees everything that is kept of a session.
func (t *Tokens) drop(r ref) {
	s := t.sessions.at(r)
	t.table.remove(s.key, r, &t.sessions)
	for c := s.uses; c != 0; {
		chunk := t.uses.at(c)
		for i := range chunk.n {
			t.forget(eventID{chunk.uses[i].id, chunk.uses[i].kind})
		}
		next := chunk.next
		t.uses.put(c)
		c = next
	}
	for v := s.vantages; v != 0; {
		next := t.vantages.at(v).next
		t.texts.drop(t.vantages.at(v).name)
		t.vantages.put(v)
		v = next
	}
	for a := s.actors; a != 0; {
		p := t.actors.at(a)
		next := p.next
		t.texts.drop(p.user)
		t.texts.drop(p.session)
		t.actors.put(a)
		a = next
	}
	for m := s.marks; m != 0; {
		p := t.marks.at(m)
		next := p.next
		t.forget(eventID{p.id, p.idk})
		t.texts.drop(p.text)
		t.marks.put(m)
		m = next
	}
	for b := s.breaches; b != 0; {
		next := t.breaches.at(b).next
		t.breaches.put(b)
		b = next
	}
	for p := s.twins; p != 0; {
		next := t.twins.at(p).next
		t.twins.put(p)
		p = next
	}
	for f := s.found; f != 0; {
		next := t.found.at(f).next
		t.found.put(f)
		f = next
	}
	t.sessions.put(r)
}

func (t *Tokens) bytes() int {
	return len(t.table.slots)*slotBytes + t.sessions.bytes() + t.vantages.bytes() + t.actors.bytes() + t.uses.bytes() +
		t.marks.bytes() + t.found.bytes() + t.breaches.bytes() + t.twins.bytes() + t.texts.bytes()
}
