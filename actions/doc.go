// Package actions is the response lane: it decides on findings and makes what was decided happen, once, whatever crashes.
//
// A finding comes in undecided. The policy decides on it; a revocation becomes an action whose id depends on what it does alone;
// the action is appended to the lane's own log and read back; then it is called, told to the event topic as session.revoked, and
// its outcome recorded. The right to act is fenced in that log: an owner opens a term, and records that an older term's owner
// appends behind the opening are void, for every reader, for ever.
//
// The package refuses to detect anything, to act on what it has not read back, and to wait for ClickHouse or Slack before a
// revocation. It speaks to the outside through the small interfaces of Deps alone; its subpackages are the destinations.
package actions
