package schema

import "time"

// Verb is what a command orders.
type Verb string

// Verbs.
const (
	Release Verb = "release" // lets held actions go
	Discard Verb = "discard" // gives held actions up
	Pool    Verb = "pool"    // a network turned out to be an egress that many users share
)

// Command is a person's order, published on the signals topic so that one lane orders and records all of it. It names action ids: a
// replayed "release" must not release what was held after it.
type Command struct {
	ID      string    `json:"id"`
	Verb    Verb      `json:"verb"`
	Tenant  string    `json:"tenant"`
	Actions []string  `json:"actions,omitempty"`
	Network string    `json:"network,omitempty"` // of pool: CIDR
	By      string    `json:"by"`
	Why     string    `json:"why"`
	At      time.Time `json:"at"`
}

// Signal is one record of the signals topic: a finding before its decision, or a command. Exactly one is set.
type Signal struct {
	Finding *Finding `json:"finding,omitempty"`
	Command *Command `json:"command,omitempty"`
}
