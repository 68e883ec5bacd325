package schema

import (
	"strconv"
	"time"
)

// Verb is what a command orders.
type Verb string

// Verbs.
const (
	Release Verb = "release" // lets held actions go
	Discard Verb = "discard" // gives held actions up
	Pool    Verb = "pool"    // a network turned out to be an egress that many users share
	// Census says how many tokens of an app were accepted in an hour: Count of App, the greater of the hour that began At and the one before.
	// Each token counts in an hour once, at the app that accepted it first, so the active tokens of a tenant are the sum over its apps of the
	// latest census of each. It is told when an hour begins and when it changes by more than a tenth; one that is more than two hours
	// older than the tenant's latest is over: the app is silent. Apps that events don't name have names in parentheses.
	Census Verb = "census"
)

// Command is a person's order, published on the signals topic so that one lane orders and records all of it. It names action ids: a
// replayed "release" must not release what was held after it.
type Command struct {
	ID      string    `json:"id"`
	Verb    Verb      `json:"verb"`
	Tenant  string    `json:"tenant"`
	Actions []string  `json:"actions,omitempty"`
	Network string    `json:"network,omitempty"` // of pool: CIDR
	App     string    `json:"app,omitempty"`     // of census
	Count   int64     `json:"count,omitempty"`   // of census: tokens
	By      string    `json:"by"`
	Why     string    `json:"why"`
	At      time.Time `json:"at"`
}

// Signal is one record of the signals topic: a finding before its decision, or a command. Exactly one is set.
type Signal struct {
	Finding *Finding `json:"finding,omitempty"`
	Command *Command `json:"command,omitempty"`
}

// CensusID is the identity of a census command: of an app, in the Unix hour, of so many tokens.
func CensusID(tenant, app string, hour, count int64) string {
	return "cmd_" + digest("census", tenant, app, strconv.FormatInt(hour, 10), strconv.FormatInt(count, 10))
}
