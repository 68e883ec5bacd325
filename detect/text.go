package detect

// texts keeps strings that belong to one session, in pieces.
type texts struct{ pool[textChunk] }

func (t *texts) add(s string) ref {
	var first, last ref
	for len(s) > 0 {
		r := t.get()
		c := t.at(r)
		n := copy(c.b[:], s)
		c.n = uint8(n) // #nosec G115 -- at most textSize
		s = s[n:]
		if first == 0 {
			first = r
		} else {
			t.at(last).next = r
		}
		last = r
	}
	return first
}

func (t *texts) text(r ref) string {
	var b []byte
	for ; r != 0; r = t.at(r).next {
		c := t.at(r)
		b = append(b, c.b[:c.n]...)
	}
	return string(b)
}

func (t *texts) equal(r ref, s string) bool {
	for ; r != 0; r = t.at(r).next {
		c := t.at(r)
		if len(s) < int(c.n) || s[:c.n] != string(c.b[:c.n]) {
			return false
		}
		s = s[c.n:]
	}
	return s == ""
}

func (t *texts) drop(r ref) {
	for r != 0 {
		next := t.at(r).next
		t.put(r)
		r = next
	}
}

// copy writes the text into b, as far as it fits, and returns its length.
func (t *texts) copy(r ref, b []byte) (n int) {
	for ; r != 0; r = t.at(r).next {
		c := t.at(r)
		n += copy(b[n:], c.b[:c.n])
	}
	return n
}
