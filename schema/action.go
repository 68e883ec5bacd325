package schema

import "time"

// ActionState ranks how far an action has come. Of an action's valid records the highest state counts, never the last one read.
type ActionState uint8

// Action states, in rank order: a decision (pending or held) < a release or discard < the outcome.
const (
	ActionPending ActionState = iota + 1
	ActionHeld
	ActionReleased
	ActionDiscarded
	ActionFailed
	ActionDelivered
)

var actionStates = [...]string{"", "pending", "held", "pending", "discarded", "failed", "delivered"}

// String is the state that users see: one of pending, held, discarded, failed, delivered. A released action is pending again.
func (s ActionState) String() string { return actionStates[s] }

// Action is an intended effect on the world, made durable before it is tried and identified by what it does.
type Action struct {
	ID         string      `json:"action_id"`
	Action     Decision    `json:"action"`
	State      ActionState `json:"state"`
	Tenant     string      `json:"tenant"`
	Subject    string      `json:"subject"` // the token (revoke_session), the user or the network
	Epoch      string      `json:"epoch"`   // of a token its life; of a user the count of earlier deliveries; of a network the UTC day
	Token      string      `json:"token,omitempty"`
	Session    string      `json:"session,omitempty"`
	User       string      `json:"user,omitempty"`
	Partition  int32       `json:"partition"` // the lane of the token
	Reason     string      `json:"reason"`    // the rule that decided it
	Risk       float64     `json:"risk"`      // 0–1
	Mode       string      `json:"mode"`
	Findings   []Finding   `json:"findings"`
	DecidedAt  time.Time   `json:"decided_at"`
	Released   bool        `json:"released,omitempty"` // by an analyst: exempt from the limits
	Attempts   int         `json:"attempts,omitempty"`
	FinishedAt time.Time   `json:"finished_at,omitzero"`
	Outcome    string      `json:"outcome,omitempty"` // "204", "timeout": without secrets
	// To names the destination, empty for the primary one. An action has an entry of its own at each.
	To string `json:"to,omitempty"`
	// Round counts how often a failed action was reopened. Of an action's valid records the highest (round, state) counts.
	Round int `json:"round,omitempty"`
	// By is the person who ordered it, empty where the policy did; Why is the reason that they gave.
	By  string `json:"by,omitempty"`
	Why string `json:"why,omitempty"`
}

// EntryID is what an action is known by in hijackd's own log and tables: its id, and the destination where that is not the primary one.
func (a *Action) EntryID() string {
	if a.To == "" {
		return a.ID
	}
	return a.ID + "@" + a.To
}
