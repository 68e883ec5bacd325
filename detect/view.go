package detect

// view is scratch space in which the session at hand is spread out for the judges.
type view struct {
	session Session
	kept    []use
	stay    []bool
	actors  ref
	records [64]*vantage // by number
	decoded [64]*Vantage
	users   [256]uint8  // by actor: number of the user among the session's, 0 for none
	apps    [256]uint32 // by actor
}

// spread fills the view with the session.
func (t *Tokens) spread(s *session, tenant, token string) *Session {
	v := &t.view
	v.records, v.decoded = [64]*vantage{}, [64]*Vantage{}
	t.identify(s)
	view := &v.session
	*view = Session{Tenant: tenant, Token: token, Uses: view.Uses[:0], Vantages: view.Vantages[:0], Marks: view.Marks[:0], twins: view.twins[:0],
		Expired: s.expires, Whole: t.horizon(s), epoch: int(s.epoch), ended: s.flags&sessionEnded != 0, named: t.firstNamed(s)}
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		p := t.vantages.at(r)
		d := t.decodeVantage(p)
		v.records[p.number], v.decoded[p.number] = p, d
		view.Vantages = append(view.Vantages, d)
	}
	t.showTwins(s, view)
	kept := t.sorted(s)
	for i := range kept {
		u := &kept[i]
		d := Use{Time: u.at(), Expires: u.expires, Accepted: u.flags&useRejected == 0, Start: u.flags&useStart != 0,
			Rotation: u.flags&useRotation != 0, Elevated: u.flags&useElevation != 0, Unbound: u.flags&useUnbound != 0,
			Sensitive: u.flags&useSensitive != 0, Inherited: u.flags&useInherited != 0, user: v.users[u.actor], app: v.apps[u.actor], raw: u, fold: t}
		if u.vantage != noVantage {
			d.Vantage = v.decoded[u.vantage]
		}
		view.Uses = append(view.Uses, d)
	}
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		m := t.marks.at(r)
		d := Mark{Kind: MarkKind(m.kind), Time: m.time, ID: t.idText(eventID{m.id, m.idk}), Text: t.texts.text(m.text), Auth: m.auth, actor: m.actor, fold: t}
		if m.vantage != noVantage {
			d.Vantage = v.decoded[m.vantage]
		}
		view.Marks = append(view.Marks, d)
	}
	for i := 1; i < len(view.Marks); i++ {
		for j := i; j > 0 && view.Marks[j].before(&view.Marks[j-1]); j-- {
			view.Marks[j], view.Marks[j-1] = view.Marks[j-1], view.Marks[j]
		}
	}
	return view
}

func (m *Mark) before(o *Mark) bool {
	return m.Time < o.Time || m.Time == o.Time && (m.ID < o.ID || m.ID == o.ID && m.Kind < o.Kind)
}
