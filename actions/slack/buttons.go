package slack

import (
	"fmt"
	"slices"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
	"github.com/slack-go/slack"
)

// Buttons, by their action_id.
const (
	ordersBlock = "hijackd_orders"

	pressAcknowledge = "hijackd_acknowledge"
	pressDismiss     = "hijackd_dismiss"
	pressRevoke      = "hijackd_revoke"
	pressHold        = "hijackd_hold"
)

// buttons are what a card offers, by how far its actions have come. A value is the sealed order itself, so that a click needs nothing
// that a restart loses, and any member of the fleet may take it.
func buttons(c *actions.Card, seal *sealer) slack.Block {
	if seal == nil || c.ID == "" {
		return nil
	}
	var es []slack.BlockElement
	add := func(press, label, ask string, style slack.Style, o order) {
		o.Tenant, o.Incident = c.Tenant, c.ID
		value := seal.seal(press, o)
		if value == "" {
			return
		}
		b := slack.NewButtonBlockElement(press, value, plain(label)).WithStyle(style)
		b.Confirm = slack.NewConfirmationBlockObject(plain(label+"?"), plain(safe(ask, maxConfirm)), plain("Yes"), plain("Cancel"))
		es = append(es, b)
	}
	whom := cut(c.User)
	if whom == "" {
		whom = cut(c.Subject)
	}
	add(pressAcknowledge, "Acknowledge", "The card will say that you look into it.", "", order{Verb: schema.Acknowledge})
	add(pressDismiss, "False positive", "It was no hijacking: from now on "+orUnknown(whom)+" may do this from there, until the allow entry expires. What was revoked stays revoked.",
		"", order{Verb: schema.Dismiss})
	if o, label, ask := revokeOrder(c); o.Verb != "" {
		add(pressRevoke, label, ask+" Whom it is about: "+orUnknown(whom)+". A revocation cannot be taken back.", slack.StyleDanger, o)
	}
	if ids, _ := inState(c.Actions, schema.ActionPending, schema.ActionReleased); len(ids) > 0 {
		add(pressHold, "Hold", "Keeps back what has not been tried yet, until somebody releases or discards it.", "", order{Verb: schema.Hold, Actions: ids})
	}
	if len(es) == 0 {
		return nil
	}
	return slack.NewActionBlock(ordersBlock, es...)
}

// revokeOrder is what "revoke now" means as things are: release what is held, try again what failed, revoke anew what had no effect, revoke
// what no action was about; nothing where it is under way or done.
func revokeOrder(c *actions.Card) (o order, label, ask string) {
	if ids, rounds := inState(c.Actions, schema.ActionHeld); len(ids) > 0 {
		return order{Verb: schema.Release, Actions: ids, Round: rounds}, "Revoke now", counted(len(ids), "held action") + " will go out."
	}
	if ids, rounds := inState(c.Actions, schema.ActionFailed); len(ids) > 0 {
		return order{Verb: schema.Retry, Actions: ids, Round: rounds}, "Revoke now", counted(len(ids), "failed action") + " will be tried again."
	}
	ts, all := targets(c.Findings)
	if len(ts) == 0 {
		return order{}, "", ""
	}
	what := counted(len(ts), "session") + " will be revoked."
	if all > len(ts) {
		what = fmt.Sprintf("%s of %d will be revoked; the others by hijackd revoke.", counted(len(ts), "session"), all)
	}
	revoked := slices.ContainsFunc(c.Actions, func(a schema.Action) bool {
		return a.State != schema.ActionDiscarded && (a.Action == schema.RevokeSession || a.Action == schema.RevokeUser)
	})
	switch {
	case revoked && (c.Uses > 0 || len(c.StillAccepted) > 0):
		return order{Verb: schema.Again, Targets: ts, Round: len(c.Actions)}, "Revoke again", what
	case revoked:
		return order{}, "", ""
	}
	return order{Verb: schema.Revoke, Targets: ts, Round: len(c.Actions)}, "Revoke now", what
}

// inState lists the actions in one of the states, and how often they were reopened: a second retry is another order.
func inState(as []schema.Action, states ...schema.ActionState) (ids []string, rounds int) {
	for i := range as {
		if a := &as[i]; slices.Contains(states, a.State) && a.Action != schema.NotifyUser && len(ids) < maxActions {
			ids, rounds = append(ids, a.EntryID()), rounds+a.Round
		}
	}
	return ids, rounds
}

// targets are the tokens that findings ask to respond to, each once, as many as a button's value holds, and how many there are.
func targets(fs []schema.Finding) (ts []schema.Target, all int) {
	seen := map[string]bool{}
	room := maxSealed
	add := func(t schema.Target) {
		if t.Token == "" || seen[t.Token] {
			return
		}
		seen[t.Token] = true
		t.Partition = -1 // where the token's key belongs by the time of the click
		all++
		if room -= t4(t); room > 0 {
			ts = append(ts, t)
		}
	}
	for i := range fs {
		f := &fs[i]
		if f.Scope == schema.ScopeToken || len(f.Targets) == 0 {
			add(schema.Target{Token: f.Token, User: f.User, Session: f.Session, Epoch: f.Epoch})
		}
		for _, t := range f.Targets {
			add(t)
		}
	}
	return ts, all
}
