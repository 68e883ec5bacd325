package schema

import "time"

// Audit is one line of the audit trail: who decided, did or ordered what, when and why. It is written once per fact; the id is a function
// of the fact, so that a line written again is the same line.
type Audit struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"` // record time
	Tenant  string    `json:"tenant"`
	Kind    string    `json:"kind"`    // decision, action, command, allow or switch
	What    string    `json:"what"`    // the decision, the action's state, or the verb
	About   string    `json:"about"`   // id of the finding, action, incident or allow entry
	Subject string    `json:"subject"` // fingerprint, user or network; never a raw token
	By      string    `json:"by"`      // a person, or the rule and mode that decided
	Via     string    `json:"via"`     // policy, cli, slack, console, api, or the destination of an effect
	Why     string    `json:"why"`
	Detail  string    `json:"detail"` // the outcome, or why an order was not obeyed
}

// AuditID is the identity of an audit line.
func AuditID(kind, what, about, cause string) string {
	return "aud_" + digest("audit", kind, what, about, cause)
}
