package actions

import (
	"context"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Card is the living message about an incident: the findings about one subject that came within an hour of each other. It is posted once
// and brought up to date in place; the details of each finding stand in its thread.
type Card struct {
	ID      string       `json:"id"` // the incident
	Tenant  string       `json:"tenant"`
	Scope   schema.Scope `json:"scope"`
	Subject string       `json:"subject"` // fingerprint, user, network or app
	Epoch   int          `json:"epoch"`   // of a token its life
	User    string       `json:"user,omitempty"`
	Session string       `json:"session,omitempty"`
	App     string       `json:"app,omitempty"`
	Opened  time.Time    `json:"opened"`  // event time of the first finding
	Last    time.Time    `json:"last"`    // of the last one
	At      time.Time    `json:"at"`      // record time at which it opened
	Changed time.Time    `json:"changed"` // record time of the last change
	// Findings are the strongest, the worst first; More counts those that are not among them.
	Findings []schema.Finding `json:"findings"`
	More     int              `json:"more,omitempty"`
	Rest     []string         `json:"rest,omitempty"` // ids of those
	// Actions are what was done about it, as far as it has come, without their findings.
	Actions []schema.Action `json:"actions,omitempty"`
	// Notes are what people said and did, oldest first.
	Notes []CardNote `json:"notes,omitempty"`
	// Uses counts the findings that tell of uses of the token since it was revoked, at least one use each; StillAccepted names the apps
	// that went on accepting it.
	Uses          int      `json:"uses"`
	StillAccepted []string `json:"still_accepted,omitempty"`
	// Version grows with every change, and the message shows Shown. Message is zero until it has been posted.
	Version int     `json:"version"`
	Shown   int     `json:"shown"`
	Message Message `json:"message,omitzero"`
	// Uncertain says that the message may have been posted before: it must be looked for first.
	Uncertain bool `json:"-"`
}

// CardNote is what a person said or did about an incident.
type CardNote struct {
	At   time.Time   `json:"at"`
	By   string      `json:"by"`
	Verb schema.Verb `json:"verb"`
	Why  string      `json:"why,omitempty"`
}

// Message is where a message stands.
type Message struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"` // Slack's timestamp, the message's identity in its channel
}

// Board is an Alerter that can keep a message up to date.
type Board interface {
	Alerter
	// Show posts a card that has no message yet and updates the message of one that has. It returns where the message stands.
	Show(ctx context.Context, c *Card) (Message, Result)
}

// Storm stands for the messages of incidents that came faster than people can read.
type Storm struct {
	From  time.Time        `json:"from"`
	Until time.Time        `json:"until"`
	Count int              `json:"count"` // incidents without a card of their own
	Worst []schema.Finding `json:"worst"` // at most five
}

// Digest tells once a day what was found and what enforcing would have done.
type Digest struct {
	From     time.Time        `json:"from"`
	Until    time.Time        `json:"until"`
	Findings int              `json:"findings"`
	Revoked  int              `json:"revoked"`
	Held     int              `json:"held"`
	Failed   int              `json:"failed"`
	Would    int              `json:"would"` // sessions that enforcing would have revoked and the policy in force did not
	Examples []schema.Finding `json:"examples,omitempty"`
	Rules    map[string]int   `json:"rules,omitempty"`
	Allows   int              `json:"allows"` // allow entries in force
}
