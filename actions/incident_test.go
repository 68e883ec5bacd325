package actions

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// found is an alerting finding about a token so many minutes after at0.
func found(id, token string, minute int, change ...func(*schema.Finding)) *schema.Finding {
	f := &schema.Finding{ID: "fnd_" + id, Rule: "device-change", Severity: schema.Medium, Confidence: 0.5, Scope: schema.ScopeToken, Subject: token, Token: token,
		User: "u-1", Time: at0.Add(time.Duration(minute) * time.Minute), Summary: "from Firefox to curl"}
	for _, c := range change {
		c(f)
	}
	return f
}

func TestWhatIsOneIncident(t *testing.T) {
	network := func(f *schema.Finding) { f.Scope, f.Subject, f.Token = schema.ScopeNetwork, "198.51.100.0/24", "" }
	for name, c := range map[string]struct {
		found []*schema.Finding
		want  string // the incident of each, in the order of opening
	}{
		"one finding":                  {[]*schema.Finding{found("1", "h1:k1:a", 0)}, "0"},
		"one that comes again":         {[]*schema.Finding{found("1", "h1:k1:a", 0), found("1", "h1:k1:a", 0)}, "00"},
		"of one token within an hour":  {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:a", 60)}, "00"},
		"more than an hour apart":      {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:a", 61)}, "01"},
		"counted from the last":        {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:a", 50), found("3", "h1:k1:a", 100)}, "000"},
		"an earlier one that is late":  {[]*schema.Finding{found("1", "h1:k1:a", 100), found("2", "h1:k1:a", 50)}, "00"},
		"one that is much earlier":     {[]*schema.Finding{found("1", "h1:k1:a", 100), found("2", "h1:k1:a", 20)}, "01"},
		"of two tokens":                {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:b", 1)}, "01"},
		"of two lives":                 {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:a", 1, func(f *schema.Finding) { f.Epoch = 1 })}, "01"},
		"of two tenants":               {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:a", 1, func(f *schema.Finding) { f.Tenant = "t" })}, "01"},
		"about a network":              {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "", 1, network), found("3", "", 2, network)}, "011"},
		"a user's, which names tokens": {[]*schema.Finding{found("1", "h1:k1:a", 0, func(f *schema.Finding) { f.Scope, f.Subject = schema.ScopeUser, "u-1" }), found("2", "h1:k1:a", 1)}, "00"},
		"observed, no more":            {[]*schema.Finding{found("1", "h1:k1:a", 0, func(f *schema.Finding) { f.Rule = "not-rotated" })}, "-"},
		"to and fro":                   {[]*schema.Finding{found("1", "h1:k1:a", 0), found("2", "h1:k1:a", 90), found("3", "h1:k1:a", 10), found("4", "h1:k1:a", 100)}, "0101"},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFold(enforcing(t))
			var ids []string
			got := ""
			for _, x := range c.found {
				f.Finding(at0, x)
				i := f.incidents.byFinding[x.ID]
				if i == nil {
					got += "-"
					continue
				}
				if !slices.Contains(ids, i.card.ID) {
					ids = append(ids, i.card.ID)
				}
				got += itoa(slices.Index(ids, i.card.ID))
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// A token that is used after its revocation: that belongs to the incident in which it was revoked, however much later.
func TestUsesAfterTheRevocation(t *testing.T) {
	replay := func(class string, accepted bool, app string) func(*schema.Finding) {
		return func(f *schema.Finding) {
			f.Rule, f.Severity = "revoked-replay", schema.Critical
			f.Evidence = map[string]any{"class": class, "accepted": accepted, "app": app}
		}
	}
	f := NewFold(enforcing(t))
	first := conclusive("h1:k1:a")
	first.Time = at0
	a := f.Finding(at0, first).Actions[0]
	// One comes before it is known that the revocation was delivered.
	f.Finding(at0.Add(time.Minute), found("early", "h1:k1:a", 1, replay("stale client", false, "mail")))
	c := *a
	c.State, c.FinishedAt = schema.ActionDelivered, at0.Add(30*time.Second)
	f.incidents.unwritten()
	f.apply(1, at0.Add(2*time.Minute), &record{Action: &c})
	i := f.incidents.byFinding[first.ID]
	if i.card.Uses != 1 || len(i.card.StillAccepted) != 0 || len(i.card.Actions) != 1 || i.card.Actions[0].State != schema.ActionDelivered {
		t.Errorf("%+v", i.card)
	}
	version := i.card.Version
	for _, x := range []*schema.Finding{
		found("1", "h1:k1:a", 300, replay("still accepted", true, "shop")),
		found("2", "h1:k1:a", 301, replay("attacker", false, "mail")),
		found("3", "h1:k1:a", 302, replay("still accepted", true, "bank")),
		found("3", "h1:k1:a", 302, replay("still accepted", true, "bank")),
	} {
		f.Finding(at0.Add(5*time.Hour), x)
		f.incidents.unwritten()
	}
	if i.card.Uses != 4 || !slices.Equal(i.card.StillAccepted, []string{"bank", "shop"}) || i.card.Version != version+3 || len(f.incidents.byID) != 1 {
		t.Errorf("%d incidents: %+v", len(f.incidents.byID), i.card)
	}
	before := f.incidents.byID[i.card.ID].card.Uses
	f.Finding(at0.Add(6*time.Hour), found("4", "h1:k1:a", -1, replay("still accepted", true, "early")))
	if i.card.Uses != before {
		t.Error("a use before the revocation counts")
	}
	// A day later it is over.
	f.Finding(at0.Add(48*time.Hour), found("5", "h1:k1:a", 48*60, replay("still accepted", true, "shop")))
	if f.incidents.byFinding["fnd_5"] == i {
		t.Error("an incident that is over goes on")
	}
}

func TestIncidentsAreBounded(t *testing.T) {
	f := NewFold(enforcing(t))
	f.incidents.perMinute = 0
	for n := range 100 {
		f.Finding(at0, found(fmt.Sprint(n), "h1:k1:a", 0, func(f *schema.Finding) { f.Confidence = float64(n) / 200 }))
	}
	i := f.incidents.byFinding["fnd_99"]
	for n := range 2 * cardNotes {
		f.incidents.ordered(at0, &order{Answers: []answer{{}}, Command: schema.Command{Verb: schema.Acknowledge, Incident: i.card.ID, By: "ann", Why: itoa(n), At: at0.Add(time.Duration(n) * time.Minute)}})
	}
	for n := range 2 * cardActions {
		f.incidents.act(i, at0, &schema.Action{ID: itoa(n), Subject: "h1:k1:a", State: schema.ActionPending})
	}
	c := &i.card
	if len(c.Findings) != cardFindings || c.Findings[0].ID != "fnd_99" || c.More != cardRest || len(c.Rest) != cardRest || len(c.Notes) != cardNotes || c.Notes[cardNotes-1].Why != "63" || len(c.Actions) != cardActions {
		t.Errorf("%d findings, %d more, %d notes, %d actions", len(c.Findings), c.More, len(c.Notes), len(c.Actions))
	}
	version := c.Version
	for n := range 100 { // all of it again
		f.incidents.ordered(at0, &order{Answers: []answer{{}}, Command: schema.Command{Verb: schema.Acknowledge, Incident: c.ID, By: "ann", Why: itoa(n % 64), At: at0.Add(time.Duration(n%64) * time.Minute)}})
		f.recent.findings["fnd_"+itoa(n)].told = nil
		f.Finding(at0, found(itoa(n), "h1:k1:a", 0, func(f *schema.Finding) { f.Confidence = float64(n) / 200 }))
	}
	if c.Version != version {
		t.Errorf("what comes again makes %d versions", c.Version-version)
	}
	for n := range 3 * incidentsMost {
		f.incidents.unwritten()
		f.Finding(at0.Add(time.Duration(n)*time.Minute), found("other"+itoa(n), "h1:k1:"+itoa(n), n, func(f *schema.Finding) { f.User = "" }))
	}
	s := &f.incidents
	if len(s.byID) > incidentsMost || len(s.unshown) > incidentsMost || len(s.opened) > incidentsMost || len(s.about) > incidentsMost || len(s.byFinding) > incidentsMost+64 || len(s.byAction)+len(s.lives) > 64 {
		t.Errorf("%d incidents, %d findings, %d actions", len(s.byID), len(s.byFinding), len(s.byAction))
	}
}

// Whoever reads the log comes to the version that was written, whichever of its records are there.
func TestCardsAreWhatTheLogSays(t *testing.T) {
	writer, reader := NewFold(enforcing(t)), NewFold(enforcing(t))
	x := conclusive("h1:k1:a")
	a := writer.Finding(at0, x).Actions[0]
	var log []*record
	log = append(log, writer.incidents.unwritten()...)
	log = append(log, &record{Action: a})
	both := func() {
		for _, r := range log {
			for _, f := range []*Fold{writer, reader} {
				if r.Incident != nil {
					f.incidents.said(at0, r.Incident)
				} else {
					f.apply(0, at0, r)
				}
			}
		}
	}
	both()
	c := *a
	c.State = schema.ActionDelivered
	log = append(log, &record{Action: &c})
	both() // the older ones for the second time
	id := writer.incidents.byFinding[x.ID].card.ID
	w, r := writer.incidents.byID[id], reader.incidents.byID[id]
	if w.card.Version != 2 || r.card.Version != 2 || r.card.Actions[0].State != schema.ActionDelivered || w.uncertain || !r.uncertain {
		t.Errorf("%+v\n%+v", w.card, r.card)
	}
	shown := log[0].Incident.clone()
	shown.Shown, shown.Message = 1, Message{"C1", "1.0"}
	reader.incidents.said(at0, shown)
	if r.card.Version != 2 || r.card.Shown != 1 || r.card.Message.TS != "1.0" || reader.incidents.unshown[id] == nil {
		t.Errorf("%+v", r.card)
	}
	if rs := reader.incidents.unsaid(at0.Add(25*time.Hour), time.Hour); len(rs) != 1 || rs[0].Incident.Message.TS != "1.0" {
		t.Errorf("what is behind is not said again: %+v", rs)
	}
	shown = w.card.clone()
	shown.Shown, shown.Message = 2, Message{"C1", "1.0"}
	reader.incidents.said(at0, shown)
	if rs := reader.incidents.unsaid(at0.Add(25*time.Hour), time.Hour); len(rs) != 0 || len(reader.incidents.unshown) != 0 {
		t.Errorf("what is over is said again: %+v", rs)
	}
}
