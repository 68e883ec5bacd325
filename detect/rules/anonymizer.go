package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Anonymizer finds a session that moves onto a hosting, VPN or Tor network.
var Anonymizer = detect.Rule{
	Name: "anonymizer", Version: 1,
	Title: "A session that moves onto a hosting, VPN or Tor network",
	Why: "Stolen tokens are replayed from rented machines, VPNs and Tor, so that the thief's own address doesn't show. A session that began on " +
		"somebody's line at home, at work or on a phone has little reason to go on from there.",
	Method: "The first use of each vantage on a hosting, VPN or Tor network is compared with the vantage where the same life of the token was first seen. If that one was on such a network, too, " +
		"nothing is said, nor if the device had been on one of the same class in the same country before. Corporate (policy.trusted_networks) and relay networks (iCloud Private Relay) are none.\n\n" +
		"Where the class is not known, a company that is known to rent out machines or sell VPNs by its name counts as hosting; evidence says so.\n\n" +
		"A VPN in the same country with the same device is its owner's, switched on: nothing is said. Low: a VPN elsewhere with the same device (by all that is known of it); any of the three where both sides show the same cnf; hosting where both show the same device.\n\n" +
		"Confidence is 1 − Π(1 − p) over independent signals: Tor p = 0.5, hosting or VPN 0.4; device changed 0.6. Of a low one it is 0.2.",
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"A VPN of one's own on a rented machine, or a company's egress in a cloud: list its networks under policy.trusted_networks.",
		"A consumer VPN whose network the databases and the list take for hosting.",
		"A backend that uses its users' tokens from a data centre: list its networks there, too.",
	},
	Response: "Ask the user. With a second signal, revoke the session.",
	Attack:   []string{"T1539", "T1550.004", "T1090.003"},
	Example:  "From Orange, FR onto Tor (F3 Netze, DE) after 12 min",
	New:      func(detect.Settings) detect.Judge { return anonymizer{} },
}

type anonymizer struct{}

func (anonymizer) Needs() detect.Needs { return detect.Needs{} }

func (anonymizer) Judge(s *detect.Session, say func(detect.Verdict)) {
	for _, a := range s.Arrivals() {
		m := hiding{from: a.Prior[0], to: a.Use.Vantage, access: accessOf(a.Use.Vantage), use: a.Use}
		if !m.access.hides || accessOf(m.from.Vantage).hides || detect.SameNetwork(m.from.Vantage, m.to) || m.before(&a) || !m.weigh() {
			continue
		}
		say(detect.Verdict{
			About: "onto " + m.access.class.String() + " " + m.to.Label(), Severity: m.severity, Confidence: m.signals.confidence(), Signals: m.signals,
			Pattern: []*detect.Use{m.from.Last, a.Use}, Explain: m.explain,
		})
	}
}

// hiding is a move onto a network that hides its users.
type hiding struct {
	from     detect.Prior
	to       *detect.Vantage
	access   access
	use      *detect.Use
	severity schema.Severity
	signals  signals
}

// before reports whether the device had been on such a network in that country before: its exits change.
func (m *hiding) before(a *detect.Arrival) bool {
	for _, p := range a.Prior {
		if x := accessOf(p.Vantage); x.hides && x.class == m.access.class && detect.SameCountry(p.Vantage, m.to) && detect.Updated(p.Vantage, m.to) {
			return true
		}
	}
	return false
}

// weigh is false where there is nothing to say.
func (m *hiding) weigh() bool {
	a, b := m.from.Vantage, m.to
	same := detect.Updated(a, b)
	vpn, tor := m.access.class == schema.NetworkVPN, m.access.class == schema.NetworkTor
	switch {
	case vpn && same && detect.SameCountry(a, b):
		return false
	case same && (detect.SameKey(a, b) || !tor && detect.SameMark(a, b) || vpn && detect.Comparable(a, b)):
		m.severity, m.signals = schema.Low, signals{{Signal: schema.SignalNetwork, P: 0.2}}
		return true
	}
	m.severity = schema.Medium
	p := 0.4
	if tor {
		p = 0.5
	}
	m.signals.add(schema.SignalNetwork, p)
	if !same {
		m.signals.add(schema.SignalDevice, 0.6)
	}
	return true
}

func (m *hiding) explain(f *schema.Finding) {
	a, b := m.from.Vantage, m.to
	took := time.Duration(m.use.Time - m.from.Last.Time)
	f.From, f.To = a.End(), b.End()
	f.Evidence = map[string]any{
		"networks": []string{accessOf(a).name, m.access.name}, "seconds": took.Seconds(), "same_country": detect.SameCountry(a, b),
		"device_changed": !detect.Updated(a, b), "same_mark": detect.SameMark(a, b),
	}
	f.Summary = fmt.Sprintf("From %s onto %s (%s) after %s", provider(a), m.access.name, provider(b), lasting(took))
}

// provider names the network of a vantage and its country.
func provider(v *detect.Vantage) string {
	if v.Geo.Country == "" {
		return network(v)
	}
	return network(v) + ", " + v.Geo.Country
}
