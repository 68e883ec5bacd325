package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

var opened = time.Date(2026, 11, 21, 10, 0, 2, 0, time.UTC)

// incident is a card about one finding, changed as a test likes.
func incident(change ...func(*actions.Card)) *actions.Card {
	f := finding()
	f.Evidence = map[string]any{"great_circle_km": 9712.4, "distance_km": 9672.0, "seconds": 240.0, "kmh": 145080.0}
	c := &actions.Card{
		ID: "inc_1", Tenant: "acme", Scope: schema.ScopeToken, Subject: f.Token, User: f.User, Session: f.Session, App: f.App,
		Opened: opened, Last: opened, Findings: []schema.Finding{*f}, Version: 1,
	}
	for _, ch := range change {
		ch(c)
	}
	return c
}

// did appends an action in a state.
func acted(s schema.ActionState, change ...func(*schema.Action)) func(*actions.Card) {
	return func(c *actions.Card) {
		a := action(s)
		a.Attempts = 1
		a.FinishedAt = a.DecidedAt
		for _, ch := range change {
			ch(a)
		}
		c.Actions = append(c.Actions, *a)
	}
}

func at(to, id string) func(*schema.Action) {
	return func(a *schema.Action) { a.To, a.ID = to, id }
}

func note(verb schema.Verb, why string) func(*actions.Card) {
	return func(c *actions.Card) {
		c.Notes = append(c.Notes, actions.CardNote{At: opened.Add(time.Minute), By: "U1 (jane)", Verb: verb, Why: why})
	}
}

func more(rule string, scope schema.Scope) func(*actions.Card) {
	return func(c *actions.Card) {
		f := finding()
		f.ID, f.Rule, f.Scope, f.Confidence, f.Summary = fmt.Sprint("fnd_", len(c.Findings)+1), rule, scope, 0.7, "Chrome on Linux after Firefox on Windows"
		c.Findings = append(c.Findings, *f)
	}
}

func cards() map[string]*actions.Card {
	return map[string]*actions.Card{
		"card-alert":     incident(),
		"card-pending":   incident(acted(schema.ActionPending)),
		"card-delivered": incident(acted(schema.ActionDelivered)),
		"card-held":      incident(acted(schema.ActionHeld, func(a *schema.Action) { a.Outcome = "limit of 60 a minute" })),
		"card-failed":    incident(acted(schema.ActionFailed, func(a *schema.Action) { a.Outcome, a.Attempts = "403", 3 })),
		"card-discarded": incident(acted(schema.ActionHeld, func(a *schema.Action) { a.State = schema.ActionDiscarded })),
		"card-accepted": incident(acted(schema.ActionDelivered), more("replay", schema.ScopeToken), note(schema.Acknowledge, "acknowledged on the card"),
			func(c *actions.Card) { c.StillAccepted, c.Uses = []string{"shop", "admin"}, 3 }),
		"card-destinations": incident(acted(schema.ActionDelivered), acted(schema.ActionPending, at("keycloak", "act_1"), func(a *schema.Action) { a.Outcome = "timeout" }),
			acted(schema.ActionFailed, at("okta", "act_1"), func(a *schema.Action) { a.Outcome, a.Attempts = "401", 1 })),
		"card-people": incident(acted(schema.ActionDelivered, func(a *schema.Action) { a.By = "U2 (joe)" }), note(schema.Acknowledge, "acknowledged on the card"),
			note(schema.Dismiss, "false positive"), note("later-verb", "")),
		"card-many":  incident(more("device-change", schema.ScopeToken), more("parallel-use", schema.ScopeToken), func(c *actions.Card) { c.More = 12 }),
		"card-user":  incident(func(c *actions.Card) { c.Scope, c.Subject = schema.ScopeUser, c.User }),
		"card-empty": {ID: "inc_2", Opened: opened, Last: opened.AddDate(0, 0, 1), More: 3},
	}
}

// TestCards compares what people see with golden files; go test -run TestCards -update writes them.
func TestCards(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	s.SetGroup("U1")
	sl := to(t, s, clickable)
	for name, c := range cards() {
		t.Run(name, func(t *testing.T) {
			at, res := sl.Show(t.Context(), c)
			if res != (actions.Result{Class: actions.Done, Detail: "sent"}) || at.Channel != slacktest.Channel {
				t.Fatalf("%+v %+v", at, res)
			}
			m := find(t, s, at.TS)
			if m.Metadata.EventType != "hijackd_incident" || m.ID() != c.ID {
				t.Errorf("metadata %+v", m.Metadata)
			}
			golden(t, name+".json", readable(t, m))
		})
	}
}

func TestSummaries(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	var worst []schema.Finding
	for range 6 {
		worst = append(worst, *finding())
	}
	for name, a := range map[string]*actions.Alert{
		"storm": {ID: "storm_1", Storm: &actions.Storm{From: opened, Until: opened.Add(time.Minute), Count: 1203, Worst: worst}},
		"digest": {ID: "digest_1", Digest: &actions.Digest{From: opened.AddDate(0, 0, -1), Until: opened, Findings: 12, Would: 3, Held: 1, Allows: 2,
			Examples: worst[:2], Rules: map[string]int{"impossible-travel": 7, "device-change": 3, "replay": 2}}},
		"digest-quiet": {ID: "digest_2", Digest: &actions.Digest{From: opened.AddDate(0, 0, -1), Until: opened}},
	} {
		t.Run(name, func(t *testing.T) {
			if res := sl.Alert(t.Context(), a); res.Class != actions.Done {
				t.Fatalf("%+v", res)
			}
			m := s.Messages()[len(s.Messages())-1]
			if m.ID() != a.ID {
				t.Errorf("metadata %+v", m.Metadata)
			}
			golden(t, name+".json", readable(t, m))
		})
	}
}

// readable is a message as a golden file holds it: as people read it, then as Slack gets it, without the buttons' values.
func readable(t *testing.T, m slacktest.Message) []byte {
	t.Helper()
	var blocks []any
	if err := json.Unmarshal(m.Raw, &blocks); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		es, _ := b.(map[string]any)["elements"].([]any)
		for _, e := range es {
			delete(e.(map[string]any), "value")
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(blocks); err != nil {
		t.Fatal(err)
	}
	return append([]byte(m.Fallback+"\n\n"+m.String()+"\n\n"), out.Bytes()...)
}

func find(t *testing.T, s *slacktest.Server, ts string) slacktest.Message {
	t.Helper()
	for _, m := range s.Messages() {
		if m.TS == ts {
			return m
		}
	}
	t.Fatalf("no message at %s", ts)
	return slacktest.Message{}
}

// TestButtons says what each state of a card offers.
func TestButtons(t *testing.T) {
	seal := newSealer("token")
	for name, want := range map[string]map[string]schema.Verb{
		"card-alert":        {pressRevoke: schema.Revoke},
		"card-pending":      {pressHold: schema.Hold},
		"card-delivered":    {},
		"card-held":         {pressRevoke: schema.Release},
		"card-failed":       {pressRevoke: schema.Retry},
		"card-discarded":    {pressRevoke: schema.Revoke},
		"card-accepted":     {pressRevoke: schema.Again},
		"card-destinations": {pressRevoke: schema.Retry, pressHold: schema.Hold},
		"card-empty":        {},
	} {
		t.Run(name, func(t *testing.T) {
			c := cards()[name]
			got := map[string]schema.Verb{}
			for press, o := range orders(t, card(c, seal), seal) {
				if o.Tenant != c.Tenant || o.Incident != c.ID {
					t.Errorf("%s is about %q of %q", press, o.Incident, o.Tenant)
				}
				got[press] = o.Verb
			}
			want[pressAcknowledge], want[pressDismiss] = schema.Acknowledge, schema.Dismiss
			if !maps.Equal(got, want) {
				t.Errorf("buttons %v, want %v", got, want)
			}
			if len(orders(t, card(c, nil), seal)) != 0 {
				t.Error("buttons without a seal")
			}
		})
	}
	o := orders(t, card(cards()["card-destinations"], seal), seal)
	if r, h := o[pressRevoke].Actions, o[pressHold].Actions; fmt.Sprint(r, h) != "[act_1@okta] [act_1@keycloak]" {
		t.Errorf("retry %v, hold %v", r, h)
	}
	if ts := orders(t, card(incident(), seal), seal)[pressRevoke].Targets; len(ts) != 1 || ts[0].Token != finding().Token || ts[0].Session != "sid-1" || ts[0].User != "u-7" {
		t.Errorf("targets %+v", ts)
	}
}

// orders opens the buttons of a message.
func orders(t testing.TB, m *message, seal *sealer) map[string]order {
	t.Helper()
	raw, err := json.Marshal(m.blocks)
	if err != nil {
		t.Fatal(err)
	}
	var sent slacktest.Message
	if err := json.Unmarshal(raw, &sent.Blocks); err != nil {
		t.Fatal(err)
	}
	all := map[string]order{}
	for _, b := range sent.Blocks {
		for _, e := range b.Elements {
			if e.Type != "button" {
				continue
			}
			if e.Confirm == nil {
				t.Errorf("%s asks for no confirmation", e.ActionID)
			}
			o, err := seal.open(e.ActionID, e.Value)
			if err != nil {
				t.Fatal(err)
			}
			all[e.ActionID] = o
		}
	}
	return all
}
