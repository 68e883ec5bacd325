package revoke

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// maxBody is the size below which Standard Webhooks wants a body to stay.
const maxBody = 20_000

// message is the body (contract section 2).
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

type data struct {
	ActionID string          `json:"action_id"`
	Action   schema.Decision `json:"action"`
	Tenant   string          `json:"tenant"`
	Token    string          `json:"token"`
	Session  string          `json:"session"`
	User     string          `json:"user"`
	Network  string          `json:"network,omitempty"` // of ip.block: CIDR or address
	Reason   string          `json:"reason"`
	Risk     float64         `json:"risk"`
	Mode     string          `json:"mode"`
	Findings []finding       `json:"findings"`
}

type finding struct {
	ID         string          `json:"id"`
	Rule       string          `json:"rule"`
	Severity   schema.Severity `json:"severity"`
	Confidence float64         `json:"confidence"`
	Time       time.Time       `json:"time"`
	Summary    schema.Text     `json:"summary"`
}

// types are the message types of the actions.
var types = map[schema.Decision]string{
	schema.RevokeSession: "session.revoke", schema.RevokeUser: "user.revoke", schema.NotifyUser: "user.notify",
	schema.StepUp: "session.step_up", schema.Restrict: "session.restrict", schema.BlockIP: "ip.block",
}

// body encodes an action. It is the same for every attempt. Findings that do not fit are left out, the last ones first.
func body(a *schema.Action) ([]byte, error) {
	typ, ok := types[a.Action]
	if !ok {
		return nil, fmt.Errorf("action %q has no message type", a.Action)
	}
	d := data{
		ActionID: a.ID, Action: a.Action, Tenant: a.Tenant, Token: a.Token, Session: a.Session, User: a.User,
		Reason: a.Reason, Risk: a.Risk, Mode: a.Mode, Findings: []finding{},
	}
	if a.Action == schema.BlockIP {
		d.Network = a.Subject
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		d.Findings = append(d.Findings, finding{f.ID, f.Rule, f.Severity, f.Confidence, f.Time.UTC(), schema.CleanText(f.Summary, 500)})
	}
	for {
		b, err := json.Marshal(message{typ, a.DecidedAt.UTC(), d})
		if err != nil {
			return nil, fmt.Errorf("encode the message: %w", err)
		}
		if len(b) < maxBody || len(d.Findings) == 0 {
			return b, nil
		}
		d.Findings = d.Findings[:len(d.Findings)-max(1, len(d.Findings)/8)]
	}
}
