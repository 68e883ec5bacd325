package detect

import "github.com/hijackd/hijackd/schema"

// Family is the first token of the family that this one belongs to, as far as it is known, and the time of its earliest
// session.started, Unix nanoseconds, 0 where there was none.
func (s *Session) Family() (root string, start int64) {
	root = s.Token
	for i := range s.Marks {
		switch m := &s.Marks[i]; m.Kind {
		case Family:
			if m.Text != "" {
				root = m.Text
			}
			start = earlier(start, m.Time)
		case Started:
			start = earlier(start, m.Time)
		}
	}
	return root, start
}

func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// depth is how many rotations back the first token of the family is.
func (s *Session) depth() int {
	for i := range s.Marks {
		if m := &s.Marks[i]; m.Kind == Family {
			return int(m.Auth)
		}
	}
	return 0
}

// descend fills in what a successor inherits beside uses: its family and when the user authenticated.
func (p *inheritance) descend(view *Session, until int64, place func(*Vantage) int) {
	p.Root, p.Start = view.Family()
	p.Depth = view.depth() + 1
	for i := range view.Marks {
		m := &view.Marks[i]
		if m.Kind != Started && m.Kind != Authenticated || m.Time > until {
			continue
		}
		a := handedAuth{ID: m.ID, Known: m.Time, At: m.Auth, Vantage: -1}
		if m.Vantage != nil {
			a.Vantage = place(m.Vantage)
		}
		p.Auth = append(p.Auth, a)
	}
	if n := len(p.Auth) - maxAuthentications; n > 0 {
		p.Auth = p.Auth[n:]
	}
}

// descended takes that over; news where it was not known.
func (t *Tokens) descended(s *session, e *schema.Event, p *inheritance) (news bool) {
	for _, a := range p.Auth {
		m := mark{time: a.Known, auth: a.At, vantage: noVantage}
		if a.Vantage >= 0 && a.Vantage < len(p.Vantages) && p.Vantages[a.Vantage].IP.IsValid() {
			v := p.Vantages[a.Vantage].vantage()
			m.vantage, _ = t.vantage(s, &v, min(p.Vantages[a.Vantage].First, a.Known))
		}
		news = t.noteAuthentication(s, a.ID, m) || news
	}
	return t.join(s, e, p) || news
}

// join notes the family that a token belongs to: of several first tokens the one furthest back.
func (t *Tokens) join(s *session, e *schema.Event, p *inheritance) bool {
	if p.Root == "" || p.Root == e.Token || p.Depth < 1 || p.Depth > maxHops {
		return false
	}
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		m := t.marks.at(r)
		if MarkKind(m.kind) != Family {
			continue
		}
		start, root := earlier(m.time, p.Start), t.texts.text(m.text)
		further := uint32(p.Depth) > m.auth || uint32(p.Depth) == m.auth && p.Root < root // #nosec G115 -- small
		if further {
			t.texts.drop(m.text)
			text := t.texts.add(p.Root)
			m = t.marks.at(r)
			m.text, m.auth = text, uint32(p.Depth) // #nosec G115 -- small
		}
		changed := further || start != m.time
		m.time = start
		return changed
	}
	text := t.texts.add(p.Root)
	t.mark(s, mark{time: p.Start, kind: uint8(Family), auth: uint32(p.Depth), text: text, actor: noActor, vantage: noVantage}) // #nosec G115 -- small
	return true
}

func (w *handedVantage) vantage() Vantage {
	return Vantage{IP: w.IP, Geo: w.Geo, Agent: w.Agent, Device: w.Device, ja4: w.JA4, device: w.Hash, cnf: w.CNF}
}
