package actions

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// change makes a new version of a card, or adds to one that nobody has seen yet.
func (s *incidents) change(i *incident, at time.Time) {
	if !i.dirty {
		i.card.Version++
	}
	if i.card.Changed.Before(at) {
		i.card.Changed = at
	}
	if i.card.cardless() || s.boardless && i.card.Message == (Message{}) {
		i.card.Shown = i.card.Version
	}
	s.showable(i)
}

// touch says that the log does not have the present version.
func (s *incidents) touch(i *incident) {
	if !i.dirty {
		i.dirty = true
		s.dirty = append(s.dirty, i)
	}
}

// add enters a version of a finding, as cards hold it, in its incident; a weaker one than is known changes nothing.
func (s *incidents) add(i *incident, at time.Time, x *schema.Finding) {
	c, v := &i.card, *x
	known := s.byFinding[v.ID] == i
	n := slices.IndexFunc(c.Findings, func(o schema.Finding) bool { return o.ID == v.ID })
	fs := slices.Clone(c.Findings)
	switch {
	case n >= 0 && cmp.Or(v.Compare(&fs[n]), cmp.Compare(severer(v.Decision), severer(fs[n].Decision))) <= 0:
		return
	case n >= 0:
		fs[n] = v
	default:
		fs = append(fs, v)
	}
	slices.SortStableFunc(fs, worseFirst)
	rest := c.Rest
	if len(fs) > cardFindings {
		out := fs[cardFindings]
		fs = fs[:cardFindings]
		if out.ID == v.ID && known {
			return // it is among the rest already, and stays there
		}
		if rest = slices.DeleteFunc(slices.Clone(rest), func(id string) bool { return id == v.ID }); len(rest) == cardRest {
			if out.ID == v.ID {
				return
			}
			delete(s.byFinding, out.ID)
		} else {
			rest = append(rest, out.ID)
		}
	}
	c.Findings, c.Rest, c.More = fs, rest, len(rest)
	s.byFinding[v.ID] = i
	if c.Last.Before(v.Time) {
		c.Last = v.Time
	}
	if v.Time.Before(c.Opened) {
		c.Opened = v.Time
	}
	c.User, c.Session, c.App = cmp.Or(c.User, v.User), cmp.Or(c.Session, v.Session), cmp.Or(c.App, v.App)
	if !known {
		c.used(&v)
	}
	s.change(i, at)
}

// act enters how far an action has come, unless that is known.
func (s *incidents) act(i *incident, at time.Time, a *schema.Action) {
	c := &i.card
	n := slices.IndexFunc(c.Actions, func(o schema.Action) bool { return o.ID == a.ID && o.To == a.To })
	v := *a
	v.Findings = nil
	if n < 0 {
		if len(c.Actions) == cardActions {
			return
		}
		c.Actions = append(slices.Clone(c.Actions), v)
		slices.SortFunc(c.Actions, func(a, b schema.Action) int {
			return cmp.Or(a.DecidedAt.Compare(b.DecidedAt), cmp.Compare(a.EntryID(), b.EntryID()))
		})
		n = slices.IndexFunc(c.Actions, func(o schema.Action) bool { return o.ID == a.ID && o.To == a.To })
	} else {
		old := &c.Actions[n]
		if cmp.Or(cmp.Compare(v.Round, old.Round), cmp.Compare(v.State, old.State)) <= 0 {
			return
		}
		if v.Subject == "" { // no more than its end is known
			v = *old
			v.State, v.Round, v.Released = a.State, a.Round, a.Released
		}
		c.Actions = slices.Clone(c.Actions)
		c.Actions[n] = v
	}
	if v.State == schema.ActionDelivered && !slices.ContainsFunc(c.Actions[:n], revoked) && !slices.ContainsFunc(c.Actions[n+1:], revoked) {
		for f := range c.Findings { // those that came before it was known
			c.used(&c.Findings[f])
		}
	}
	s.indexAction(i, &v)
	s.change(i, at)
}

// acted enters an action that the log has changed in the incidents that it belongs to: of the finding that asked for it, of others that
// ask for the same, or of the life that a person revoked.
func (s *incidents) acted(at time.Time, a *schema.Action) {
	is := slices.Clone(s.byAction[a.ID])
	add := func(i *incident) {
		if i != nil && !slices.Contains(is, i) {
			is = append(is, i)
		}
	}
	if len(a.Findings) > 0 {
		add(s.byFinding[a.Findings[0].ID])
	}
	if k, ok := lifeOf(a); ok && len(is) == 0 {
		for _, i := range slices.Backward(s.about[k]) {
			if i.open(at) {
				add(i)
				break
			}
		}
	}
	for _, i := range is {
		s.act(i, at, a)
	}
}

// lifeOf is the life of a token that an action ends, or the user whose sessions it ends.
func lifeOf(a *schema.Action) (k incidentKey, ok bool) {
	life, _, _ := strings.Cut(a.Epoch, ".") // what follows is the order that revoked it again
	epoch, err := strconv.Atoi(life)
	if a.Action == schema.RevokeUser {
		return incidentKey{a.Tenant, schema.ScopeUser, a.Subject, 0}, true
	}
	return incidentKey{a.Tenant, schema.ScopeToken, a.Token, epoch}, a.Token != "" && a.Action == schema.RevokeSession && err == nil
}

// note enters what a person ordered, once.
func (s *incidents) note(i *incident, at time.Time, n CardNote) {
	ns := i.card.Notes
	if slices.Contains(ns, n) || len(ns) == cardNotes && !n.At.After(ns[0].At) {
		return
	}
	ns = append(slices.Clone(ns), n)
	slices.SortStableFunc(ns, func(a, b CardNote) int { return a.At.Compare(b.At) })
	i.card.Notes = ns[max(0, len(ns)-cardNotes):]
	s.change(i, at)
}

// ordered enters a person's order in the incidents that it is about.
func (s *incidents) ordered(at time.Time, o *order) {
	c := &o.Command
	if !slices.ContainsFunc(o.Answers, func(a answer) bool { return a.Refused == "" }) {
		return
	}
	var is []*incident
	if i := s.byID[c.Incident]; i != nil && i.card.Tenant == c.Tenant {
		is = append(is, i)
	}
	for _, id := range c.Actions {
		id, _, _ = strings.Cut(id, "@") // at whatever destination
		for _, i := range s.byAction[id] {
			if i.card.Tenant == c.Tenant && !slices.Contains(is, i) {
				is = append(is, i)
			}
		}
	}
	for _, i := range is {
		s.note(i, at, CardNote{At: c.At.UTC(), By: c.By, Verb: c.Verb, Why: string(schema.CleanText(c.Why, noteMost))})
	}
}

// cardEvidence is what a card's findings keep of their evidence: one line of arithmetic, and what tells of uses of a dead token.
var cardEvidence = []string{"class", "accepted", "app", "great_circle_km", "distance_km", "seconds", "kmh"}

// onCard is what a card needs of a finding.
func onCard(f *schema.Finding) schema.Finding {
	c := brief(f)
	c.Tenant, c.Token, c.User, c.Session, c.App, c.Suppressed, c.Risk = f.Tenant, f.Token, f.User, f.Session, f.App, f.Suppressed, f.Risk
	c.From, c.To, c.WithoutHistory, c.Informed = f.From, f.To, f.WithoutHistory, f.Informed
	c.Targets = slices.Clone(f.Targets[:min(len(f.Targets), cardActions)])
	c.Evidence = picked(f.Evidence, cardEvidence)
	return c
}

func (c *Card) clone() *Card {
	d := *c
	d.Findings, d.Rest, d.Actions, d.Notes = slices.Clone(c.Findings), slices.Clone(c.Rest), slices.Clone(c.Actions), slices.Clone(c.Notes)
	d.StillAccepted = slices.Clone(c.StillAccepted)
	for i := range d.Findings {
		d.Findings[i].Evidence = maps.Clone(d.Findings[i].Evidence)
	}
	return &d
}

var severities = []schema.Severity{schema.Low, schema.Medium, schema.High, schema.Critical}

// worseFirst orders findings for people.
func worseFirst(a, b schema.Finding) int {
	return cmp.Or(
		-cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)),
		-compareConclusive(a.Conclusive, b.Conclusive), -cmp.Compare(a.Confidence, b.Confidence), a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
}

func compareConclusive(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// severer ranks decisions by what they do.
func severer(d schema.Decision) int {
	switch d {
	case "", schema.Observe:
		return 0
	case schema.Alert:
		return 1
	}
	return 2
}
