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
	// The rest are orders of people.
	Hold        Verb = "hold"        // keeps pending actions back that have not been tried
	Revoke      Verb = "revoke"      // revokes tokens (Targets) that no finding asks for; limits don't hold it up
	Again       Verb = "again"       // revokes tokens anew whose revocation had no effect
	Retry       Verb = "retry"       // reopens failed actions, under their ids
	Allowed     Verb = "allow"       // enters Allow
	Disallow    Verb = "disallow"    // ends the allow entry of that id
	Dismiss     Verb = "dismiss"     // the incident was a false positive: enters an allow entry for its user at its vantage
	Acknowledge Verb = "acknowledge" // somebody looks into the incident
	Kill        Verb = "kill"        // holds all effects of this lane until Unkill
	Unkill      Verb = "unkill"
)

// Command is a person's order, published on the signals topic so that one lane orders and records all of it. It names action ids: a
// replayed "release" must not release what was held after it.
type Command struct {
	ID      string   `json:"id"`
	Verb    Verb     `json:"verb"`
	Tenant  string   `json:"tenant"`
	Actions []string `json:"actions,omitempty"`
	Network string   `json:"network,omitempty"` // of pool: CIDR
	App     string   `json:"app,omitempty"`     // of census
	Count   int64    `json:"count,omitempty"`   // of census: tokens
	// Targets are the tokens of revoke and again. A negative Partition means the one where the token's key belongs.
	Targets  []Target  `json:"targets,omitempty"`
	Incident string    `json:"incident,omitempty"` // of dismiss and acknowledge
	Allow    *Allow    `json:"allow,omitempty"`    // of allow; of disallow its id alone
	By       string    `json:"by"`
	Via      string    `json:"via,omitempty"` // where the person gave the order: cli, slack, console or api
	Why      string    `json:"why"`
	At       time.Time `json:"at"`
}

// Allow is an exemption that a person entered: findings that it covers are observed, no more. Every field that is set must fit; of the
// two ends of a finding one that fits Network, ASN, Country and UA together is enough.
type Allow struct {
	ID      string    `json:"id"`
	Rule    string    `json:"rule,omitempty"`
	User    string    `json:"user,omitempty"`
	Token   string    `json:"token,omitempty"`
	App     string    `json:"app,omitempty"`
	Network string    `json:"network,omitempty"` // CIDR
	ASN     uint32    `json:"asn,omitempty"`
	Country string    `json:"country,omitempty"`
	UA      string    `json:"ua,omitempty"` // family on OS, as in End
	Expires time.Time `json:"expires"`      // event time from which it covers nothing; an entry without an end is refused
	By      string    `json:"by"`
	Why     string    `json:"why"`
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
