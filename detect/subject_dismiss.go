package detect

import (
	"slices"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// dismiss hands a session.revoked that names only a user or a session on to each live token of it: to all of them when it comes, and to
// one whose birth comes later though it was before. A token that ended up to the lateness before is told too, for whether the end or the
// dismissal came first must make no difference.
func (t *Subjects) dismiss(s *subject, e *schema.Sighting, only *Token, out *Output) {
	if len(s.gone) == 0 {
		return
	}
	if only != nil {
		t.dismissToken(s, e, only, out)
		return
	}
	for _, k := range s.tokens {
		t.dismissToken(s, e, k, out)
	}
}

func (t *Subjects) dismissToken(s *subject, e *schema.Sighting, k *Token, out *Output) {
	for _, at := range s.gone {
		if !t.reaches(s, k, at) || slices.Contains(k.noted, at) {
			continue
		}
		if len(k.noted) >= maxDismissed {
			s.bytes -= momentBytes + len(k.noted[0].Event)
			k.noted = slices.Delete(k.noted, 0, 1)
		}
		k.noted = append(k.noted, at)
		s.bytes += momentBytes + len(at.Event)
		x := Sight{Moment: at, Token: k}
		out.Notes = append(out.Notes, schema.Event{
			ID: schema.NoteID(schema.SessionRevoked, e.Tenant, k.Name, at.Event), Time: at.Time, Type: schema.SessionRevoked,
			Tenant: strings.Clone(e.Tenant), Token: k.Name, User: x.User(), Session: x.Session(), Partition: k.Lane,
			Repeat: 1, Outcome: schema.OutcomeAccepted,
		})
	}
}

// reaches reports whether a token was alive when it was dismissed, or ended so shortly before that the end might have come later.
func (t *Subjects) reaches(s *subject, k *Token, at Moment) bool {
	born, _ := k.lastTurn(at)
	if born == nil {
		return false
	}
	ended := func(m Moment) bool { return born.Before(m) && m.Time < ago(at.Time, t.lateness) }
	return !slices.ContainsFunc(k.turns, func(n turn) bool { return n.end && ended(n.Moment) }) && !slices.ContainsFunc(s.gone, ended)
}
