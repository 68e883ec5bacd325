package pagerduty

import (
	"fmt"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// Limits of the Events API v2.
const (
	maxSummary  = 1024 // characters
	maxDedupKey = 255  // characters
	maxDetail   = 500  // bytes; our own, to stay far below the 512 KB of an event
)

// event is a trigger event (Events API v2, "Send an alert event").
type event struct {
	RoutingKey string  `json:"routing_key"`
	Action     string  `json:"event_action"`
	DedupKey   string  `json:"dedup_key"`
	Client     string  `json:"client"`
	Payload    payload `json:"payload"`
}

type payload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp time.Time      `json:"timestamp,omitzero"`
	Component string         `json:"component,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

// severities are PagerDuty's words for ours.
var severities = map[schema.Severity]string{schema.Low: "info", schema.Medium: "warning", schema.High: "error", schema.Critical: "critical"}

// trigger is the event for an alert. Everything that is told about one finding has its key, and so is one alert.
func trigger(key string, a *actions.Alert) event {
	e := event{RoutingKey: key, Action: "trigger", DedupKey: text(a.ID, maxDedupKey), Client: "hijackd"}
	switch {
	case a.Finding != nil:
		e.DedupKey = text(a.Finding.ID, maxDedupKey)
		e.Payload = ofFinding(a.Finding, a.Action)
	case a.Storm != nil:
		e.Payload = payload{Summary: fmt.Sprintf("%d incidents between %s and %s", a.Storm.Count, clock(a.Storm.From), clock(a.Storm.Until)),
			Source: "hijackd", Severity: "critical", Timestamp: a.Storm.Until.UTC(), Component: "hijackd", Class: "storm"}
	default:
		e.Payload = payload{Summary: text(a.Page, maxSummary), Source: "hijackd", Severity: "error", Component: "hijackd", Class: "page"}
	}
	return e
}

func ofFinding(f *schema.Finding, done *schema.Action) payload {
	details := map[string]any{"rule": f.Rule, "confidence": f.Confidence, "decision": string(f.Decision), "scope": string(f.Scope), "finding": f.ID}
	for name, s := range map[string]string{"tenant": f.Tenant, "user": f.User, "token": f.Token, "from": end(f.From), "to": end(f.To), "attack": strings.Join(f.Attack, " ")} {
		if s != "" {
			details[name] = text(s, maxDetail)
		}
	}
	if done != nil {
		details["action"] = string(done.Action) + ": " + done.State.String()
	}
	source := f.App
	if source == "" {
		source = "hijackd"
	}
	return payload{Summary: text(f.Rule+": "+f.Summary, maxSummary), Source: text(source, maxDetail), Severity: severities[f.Severity],
		Timestamp: f.Time.UTC(), Component: text(f.App, maxDetail), Class: f.Rule, Details: details}
}

// end is one side of a finding in a line.
func end(e *schema.End) string {
	if e == nil {
		return ""
	}
	var parts []string
	for _, s := range []string{e.City, e.Country, e.ASOrg, e.UA} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.IP.IsValid() {
		parts = append(parts, e.IP.String())
	}
	return strings.Join(parts, ", ")
}

func clock(t time.Time) string { return t.UTC().Format("15:04 MST") }

// text cleans what an attacker may have written. A limit in bytes keeps the one in characters.
func text(s string, limit int) string { return string(schema.CleanText(s, limit)) }
