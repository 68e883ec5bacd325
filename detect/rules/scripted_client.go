package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// ScriptedClient finds a browser's session that goes on from a script.
var ScriptedClient = detect.Rule{
	Name: "scripted-client", Version: 1,
	Title: "A browser's session that goes on from a script",
	Why: "What a person began in a browser or an app goes on from curl, python-requests, Go-http-client or a headless browser: somebody has taken the token out and works " +
		"with it by program. Thieves who take care imitate a browser; many don't.",
	Method: "The first use of each vantage whose user agent is a script's is compared with the vantage where the same life of the token was first seen. It fires if that one's is a browser's or an app's. " +
		"Libraries that mobile apps use by default (okhttp, Dart, CFNetwork) are apps. policy.trusted_networks are left out: there, backends use their users' tokens. " +
		"A script that the session had before is known, whatever its network.\n\n" +
		"Confidence is 1 − Π(1 − p) over independent signals: script p = 0.5; another country 0.4, else another provider (ASN) 0.3.",
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"Developers who copy their own token into a script.",
		"A backend that forwards its users' tokens with its own user agent and address: list its networks under policy.trusted_networks.",
		"Download tools that borrow the browser's cookies.",
	},
	Response: "Ask the user. With a second signal, revoke the session.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Chrome on Windows goes on as python-requests, from DigitalOcean, US after 4 min",
	New:      func(detect.Settings) detect.Judge { return scripted{} },
}

type scripted struct{}

func (scripted) Needs() detect.Needs { return detect.Needs{} }

func (scripted) Judge(s *detect.Session, say func(detect.Verdict)) {
	for _, arrival := range s.Arrivals() {
		began, use := arrival.Prior[0], arrival.Use
		a, b := began.Vantage, use.Vantage
		if !interactive(a) || b.Agent.Class != schema.DeviceScript || b.Geo.Network == schema.NetworkCorporate || hadScript(&arrival) {
			continue
		}
		var found signals
		found.add(schema.SignalDevice, 0.5)
		if !detect.SameNetwork(a, b) {
			found.addNetworks(a, b)
		}
		say(detect.Verdict{
			About: "script " + b.Label(), Severity: schema.Medium, Confidence: found.confidence(), Signals: found,
			Pattern: []*detect.Use{began.Last, use},
			Explain: func(f *schema.Finding) {
				took := time.Duration(use.Time - began.Last.Time)
				f.From, f.To = a.End(), b.End()
				f.Evidence = map[string]any{
					"script": b.Agent.Family, "version": int(b.Agent.Major), "began_as": a.Agent.String(), "seconds": took.Seconds(),
					"same_network": detect.SameNetwork(a, b), "same_country": detect.SameCountry(a, b), "networks": []string{accessOf(a).name, accessOf(b).name},
				}
				f.Summary = fmt.Sprintf("%s goes on as %s, from %s after %s", a.Agent.String(), b.Agent.String(), provider(b), lasting(took))
			},
		})
	}
}

// interactive reports whether a vantage is a browser's or an app's.
func interactive(v *detect.Vantage) bool {
	switch v.Agent.Class {
	case schema.DeviceDesktop, schema.DeviceMobile, schema.DeviceTablet:
		return true
	}
	return false
}

// hadScript reports whether the session had the same script before: that is found already, and its addresses may change.
func hadScript(a *detect.Arrival) bool {
	for _, p := range a.Prior {
		if p.Agent.Class == schema.DeviceScript && detect.Updated(p.Vantage, a.Use.Vantage) {
			return true
		}
	}
	return false
}
