package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

// TestAClickReachesTheSignalsTopic goes the whole way: a configuration, a card, a person's click through Socket Mode, and the order in
// the response lane of its tenant, there before the click is acknowledged.
func TestAClickReachesTheSignalsTopic(t *testing.T) {
	d := newDesk(t, false)
	people := slacktest.New()
	defer people.Close()
	people.SetGroup("UJANE")
	cfg, warnings, err := Load("", []string{
		"HIJACKD_ACTIONS_SLACK_TOKEN=" + slacktest.Token, "HIJACKD_ACTIONS_SLACK_CHANNEL=" + slacktest.Channel, "HIJACKD_ACTIONS_SLACK_API_URL=" + people.URL(),
		"HIJACKD_ACTIONS_SLACK_APP_TOKEN=" + slacktest.AppToken, "HIJACKD_ACTIONS_SLACK_USER_GROUP=" + slacktest.UserGroup,
	})
	if err != nil {
		t.Fatal(err, warnings)
	}
	o, err := destinations(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var stops []func(context.Context) error
	defer func() {
		for _, stop := range slices.Backward(stops) {
			if err := stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}()
	out := &publisher{client: d.client, topics: &topics{signals: "session-events.signals", signalPartitions: deskLanes}}
	startSlack(o.slack, out, discardLog, func(stop func(context.Context) error) { stops = append(stops, stop) })
	card := &actions.Card{ID: "inc_1", Tenant: "acme", Scope: schema.ScopeToken, Subject: "id:t-1", User: "u-7", Opened: time.Now(), Last: time.Now(),
		Findings: []schema.Finding{{ID: "fnd_1", Rule: "impossible-travel", Scope: schema.ScopeToken, Token: "id:t-1", User: "u-7", Epoch: 2, Partition: 5, Summary: "far"}}}
	at, res := o.slack.Show(t.Context(), card)
	if res.Class != actions.Done || !people.Connected(10*time.Second) {
		t.Fatalf("%+v, or Socket Mode is not connected", res)
	}
	press := people.Payload(slacktest.Press{User: "UJANE", Name: "jane", TS: at.TS, ActionID: "hijackd_revoke"})
	id, err := people.Send("interactive", press)
	if err != nil || !people.Acked(id, 10*time.Second) {
		t.Fatalf("%v, or the click is not acknowledged", err)
	}
	c := d.only()
	want := schema.Target{Token: "id:t-1", User: "u-7", Epoch: 2, Partition: -1}
	if c.Verb != schema.Revoke || c.Tenant != "acme" || c.Via != "slack" || c.By != "UJANE (jane)" || c.Why == "" || len(c.Targets) != 1 || c.Targets[0] != want ||
		!strings.HasPrefix(c.ID, "cmd_") {
		t.Errorf("%+v", c)
	}
}
