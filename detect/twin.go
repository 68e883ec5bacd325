package detect

import "time"

// alternation is how close in time two IP versions are used by a device that tries both (Happy Eyeballs, RFC 8305).
const alternation = int64(10 * time.Second)

// twin says since when two vantages are known to be used by turns over both IP versions.
type twin struct {
	since int64 // time of the later one of the first two such uses, Unix nanoseconds
	next  ref
	a, b  uint8 // numbers of the vantages, the smaller one first
}

// pairUp notes which vantages the new uses alternate with over the other IP version.
func (t *Tokens) pairUp(s *session, view *Session) {
	for i := view.From; i < view.To; i++ {
		a := &view.Uses[i]
		if a.Vantage == nil {
			continue
		}
		for j := i - 1; j >= 0 && a.Time-view.Uses[j].Time <= alternation; j-- {
			t.pair(s, &view.Uses[j], a)
		}
		for j := i + 1; j < len(view.Uses) && view.Uses[j].Time-a.Time <= alternation; j++ {
			t.pair(s, a, &view.Uses[j])
		}
	}
	t.showTwins(s, view)
}

func (t *Tokens) showTwins(s *session, view *Session) {
	view.twins = view.twins[:0]
	for r := s.twins; r != 0; r = t.twins.at(r).next {
		view.twins = append(view.twins, *t.twins.at(r))
	}
}

// pair notes that a was followed by b.
func (t *Tokens) pair(s *session, a, b *Use) {
	if a.Vantage == nil || b.Vantage == nil || a.Vantage.IP.Is4() == b.Vantage.IP.Is4() {
		return
	}
	x, y := min(a.Vantage.number, b.Vantage.number), max(a.Vantage.number, b.Vantage.number)
	for r := s.twins; r != 0; r = t.twins.at(r).next {
		if p := t.twins.at(r); p.a == x && p.b == y {
			p.since = min(p.since, b.Time)
			return
		}
	}
	r := t.twins.get()
	*t.twins.at(r) = twin{since: b.Time, next: s.twins, a: x, b: y}
	s.twins = r
}

// part forgets the pairs of a vantage.
func (t *Tokens) part(s *session, number uint8) {
	for link := &s.twins; *link != 0; {
		r := *link
		p := t.twins.at(r)
		if p.a != number && p.b != number {
			link = &p.next
			continue
		}
		*link = p.next
		t.twins.put(r)
	}
}

// alternated reports whether two vantages are one for having been used by turns up to a time.
func (s *Session) alternated(a, b *Vantage, at int64) bool {
	if a.IP.Is4() == b.IP.Is4() {
		return false
	}
	x, y := min(a.number, b.number), max(a.number, b.number)
	for i := range s.twins {
		if p := &s.twins[i]; p.a == x && p.b == y {
			return p.since <= at && mayAlternate(a, b)
		}
	}
	return false
}

// Alternations counts the pairs of vantages that had been used by turns over both IP versions up to a time: while it stays the same, so
// does Equivalent.
func (s *Session) Alternations(at int64) (n int) {
	for i := range s.twins {
		if s.twins[i].since <= at {
			n++
		}
	}
	return n
}
