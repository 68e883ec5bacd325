package alertmanager

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// maxText bounds an annotation in bytes, and a tenant.
const maxText = 1024

// alert is what POST /api/v2/alerts takes a list of (Alertmanager's OpenAPI: postableAlert).
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// render makes the alert. Labels are its identity, so they are the same whenever it is sent: the id keeps two findings of one rule apart,
// which would be one alert and one notification otherwise.
func render(cfg *Config, a *actions.Alert, now time.Time) alert {
	r := alert{StartsAt: now.UTC(), EndsAt: now.Add(cfg.Fires).UTC(), GeneratorURL: cfg.GeneratorURL}
	switch {
	case a.Finding != nil:
		f := a.Finding
		r.Labels = map[string]string{"alertname": "SessionHijacking", "rule": f.Rule, "severity": string(f.Severity), "finding": f.ID}
		if f.Tenant != "" {
			r.Labels["tenant"] = text(f.Tenant)
		}
		r.Annotations = map[string]string{"summary": text(f.Rule + ": " + f.Summary), "decision": string(f.Decision)}
		for name, s := range map[string]string{"user": f.User, "token": f.Token, "app": f.App} {
			if s != "" {
				r.Annotations[name] = text(s)
			}
		}
		if a.Action != nil {
			r.Annotations["action"] = string(a.Action.Action) + ": " + a.Action.State.String()
		}
		if !f.Time.IsZero() && f.Time.Before(now) {
			r.StartsAt = f.Time.UTC()
		}
	case a.Storm != nil:
		r.Labels = map[string]string{"alertname": "SessionHijackingStorm", "severity": string(schema.Critical), "storm": text(a.ID)}
		r.Annotations = map[string]string{"summary": fmt.Sprintf("%d incidents came faster than people can read", a.Storm.Count)}
	default:
		r.Labels = map[string]string{"alertname": "HijackdPage", "severity": string(schema.High), "page": text(a.ID)}
		r.Annotations = map[string]string{"summary": text(a.Page)}
	}
	return r
}

func text(s string) string { return string(schema.CleanText(s, maxText)) }
