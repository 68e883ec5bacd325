package rules

import (
	"fmt"
	"strings"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// DeviceChange finds a session that goes on with another device.
var DeviceChange = detect.Rule{
	Name: "device-change", Version: 1,
	Title: "A session that goes on with another device",
	Why: "A session lives in one browser or app. That another browser, system or key goes on with its token means that the token was copied; " +
		"it shows at the first use, long before anybody is seen to alternate.",
	Method: "The first use of each vantage is compared with the vantages that the same life of the token was used at before. Of a device these are compared, each where both " +
		"sides have it: device, cnf, os, family, class (desktop or handheld), version (a later one of the same browser is an update) and what is stable of ja4 (transport and ciphers; over " +
		"one transport, and of one version). If nothing is another than at one of them, the device is known and nothing is said. Else the finding is about the one that explains it best.\n\n" +
		"Nothing is said inside policy.trusted_networks, nor, on one network, of what one machine does: a phone that asks for the desktop site, an app and its web view, " +
		"Edge in Internet Explorer mode.\n\n" +
		"Low: the network is the same (one address or /64, or one provider's pool at one place) and only device, ja4 or version is another, or the user agent is and the TLS client is not; " +
		"what one machine does, from another network of the same country; only ja4, with a VPN, relay or corporate network on a side, where TLS is inspected; " +
		"the new one is a crawler's or that of a service that previews links. Never so if cnf is another.\n\n" +
		"Confidence is 1 − Π(1 − p) over independent signals: device p = 0.6 for cnf or for several of os, family, device and ja4; 0.5 for os or device, 0.4 for family or ja4, 0.3 for class or version; " +
		"another country 0.4, else another provider (ASN) 0.3. Of a low one it is 0.2.",
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"An app whose device fingerprint changes with screens, fonts or updates: found as medium only where the network changed at the same time.",
		"Developers who try their site as another device, from another network than before.",
		"A session that is handed to another device on purpose (a QR code, a link that holds the token) without a new token.",
	},
	Response: "Ask the user. With a second signal, revoke the session.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Firefox on Windows → Chrome on Linux: another os and family, on another network",
	New:      func(detect.Settings) detect.Judge { return deviceChange{} },
}

type deviceChange struct{}

func (deviceChange) Needs() detect.Needs { return detect.Needs{} }

func (deviceChange) Judge(s *detect.Session, say func(detect.Verdict)) {
	for _, a := range s.Arrivals() {
		if c, ok := changeOf(&a); ok {
			say(detect.Verdict{
				About: detect.PairLabel(c.from.Vantage, c.to), Severity: c.severity, Confidence: c.confidence, Signals: c.signals,
				Pattern: []*detect.Use{c.from.Last, a.Use}, Explain: c.explain,
			})
		}
	}
}

// change is a change of device with all operands of its judgement.
type change struct {
	from       detect.Prior
	to         *detect.Vantage
	facets     detect.Facets
	network    bool // the same
	disguised  bool
	severity   schema.Severity
	confidence float64
	signals    signals
}

// changeOf compares an arrival with each vantage before it; ok is false where its device is known, or can't be compared.
func changeOf(a *detect.Arrival) (best change, ok bool) {
	for _, p := range a.Prior {
		if !detect.Comparable(p.Vantage, a.Use.Vantage) || p.Agent.Class == schema.DeviceBot {
			continue // what came after a crawler is not explained by it
		}
		c := change{from: p, to: a.Use.Vantage}
		if !c.weigh() {
			return change{}, false
		}
		if !ok || c.explainsBetter(&best) {
			best, ok = c, true
		}
	}
	return best, ok
}

// explainsBetter prefers what says less, then what was used last.
func (c *change) explainsBetter(o *change) bool {
	if x, y := c.severity == schema.Low, o.severity == schema.Low; x != y {
		return x
	}
	if c.confidence != o.confidence {
		return c.confidence < o.confidence
	}
	return o.from.Last.Before(c.from.Last)
}

// weigh is false where there is nothing to say.
func (c *change) weigh() bool {
	a, b := c.from.Vantage, c.to
	c.facets = detect.Changed(a, b)
	c.network = detect.SameNetwork(a, b)
	c.disguised = detect.Disguised(a, b)
	trusted := a.Geo.Network == schema.NetworkCorporate && b.Geo.Network == schema.NetworkCorporate
	if c.facets == 0 || trusted || c.network && c.disguised {
		return false
	}
	if c.weak() {
		c.severity, c.signals = schema.Low, signals{{Signal: schema.SignalDevice, P: 0.2}}
	} else {
		c.severity = schema.Medium
		c.signals.add(schema.SignalDevice, deviceSignal(c.facets))
		if !c.network {
			c.signals.addNetworks(a, b)
		}
	}
	c.confidence = c.signals.confidence()
	return true
}

func (c *change) weak() bool {
	a, b := c.from.Vantage, c.to
	const agent = detect.System | detect.Browser | detect.Form | detect.Version
	switch {
	case c.facets.Has(detect.BoundKey):
		return false
	case c.network && (c.facets == detect.DeviceID || c.facets == detect.TLS || c.facets == detect.Version):
		return true
	case c.network && !c.facets.Has(^agent) && detect.SameTLS(a, b):
		return true
	case c.disguised && detect.SameCountry(a, b):
		return true
	case c.facets == detect.TLS && (detect.Tunnel(a) || detect.Tunnel(b)):
		return true
	}
	return b.Agent.Class == schema.DeviceBot
}

func deviceSignal(f detect.Facets) float64 {
	several := 0
	for _, one := range []detect.Facets{detect.System, detect.Browser, detect.DeviceID, detect.TLS} {
		if f.Has(one) {
			several++
		}
	}
	switch {
	case f.Has(detect.BoundKey) || several > 1:
		return 0.6
	case f.Has(detect.System | detect.DeviceID):
		return 0.5
	case f.Has(detect.Browser | detect.TLS):
		return 0.4
	}
	return 0.3
}

func (c *change) explain(f *schema.Finding) {
	a, b := c.from.Vantage, c.to
	f.From, f.To = a.End(), b.End()
	f.Evidence = map[string]any{
		"changed": c.facets.Names(), "same_network": c.network, "same_country": detect.SameCountry(a, b), "one_machine": c.disguised,
		"versions": []int{int(a.Agent.Major), int(b.Agent.Major)}, "networks": []string{accessOf(a).name, accessOf(b).name},
	}
	where := "another"
	if c.network {
		where = "the same"
	}
	f.Summary = fmt.Sprintf("%s → %s: another %s, on %s network", or(a.Agent.String(), "unknown"), or(b.Agent.String(), "unknown"), listed(c.facets.Names()), where)
}

// listed writes a, b and c.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
