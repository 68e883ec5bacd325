package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Fixation finds a token that somebody planted before its user logged in.
var Fixation = detect.Rule{
	Name: "fixation", Version: 1,
	Title: "A token used before login from one place and logged in from another",
	Why: "Who makes a victim log in on a token that they know already (a planted cookie, a link that carries it) owns the session afterwards. " +
		"An app that issues a new token at login is safe from it.",
	Method: "The login is the first use of the token that names a user. It is compared with the accepted uses of the same token before it, at least 1 s before, that named none: of each " +
		"vantage that is not equivalent to the login's, and not a crawler's, the latest one. A token that replaced another at login was not used before, so nothing is said.\n\n" +
		"It fires if os, family or class of the device differ in a way that one machine does not show, conclusive; or if, on one device, the places are ≥ 500 km apart (radii subtracted) " +
		"or provider (ASN) and country differ. That is conclusive only where the two uses lie inside one hour, both on residential or mobile networks and ≥ 500 km apart: " +
		"else a traveller or a VPN that was switched on looks the same.\n\n" +
		"Confidence is 1 − Π(1 − p) over independent signals: behaviour (the same token goes on over the login) p = 0.5; device differs 0.7; conclusive distance 0.6. " +
		"One that only a traveller's journey or a VPN's egress makes is 0.3.",
	Severity: schema.High, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"An app that names the user in some of its events only, with a token that is really on two devices.",
		"A session that is begun on one device and handed to another for the login (a QR code) without a new token.",
	},
	Response: "Revoke the session; have the app issue a new token at login.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Used without a user in Amsterdam, 5 min later logged in from Lyon: Chrome on Linux, Firefox on Windows",
	New:      func(detect.Settings) detect.Judge { return fixation{} },
}

type fixation struct{}

func (fixation) Needs() detect.Needs { return detect.Needs{On: detect.OnLogin} }

func (j fixation) Judge(s *detect.Session, say func(detect.Verdict)) {
	login, before := s.Login()
	if login == nil || login.Vantage == nil || login.Time < s.Whole {
		return
	}
	var seen uint64
	for _, o := range slices.Backward(before) {
		if !o.First(&seen) || o.Vantage.Agent.Class == schema.DeviceBot || s.Equivalent(o.Vantage, login.Vantage, login.Time) {
			continue
		}
		p := planted{before: o, login: login}
		if p.weigh() {
			say(detect.Verdict{
				About: detect.PairLabel(o.Vantage, login.Vantage), Severity: schema.High, Confidence: p.signals.confidence(), Conclusive: p.conclusive, Signals: p.signals,
				Pattern: []*detect.Use{o, login}, Explain: p.explain,
			})
		}
	}
}

// planted is a use without a user and the login after it, with all operands of their judgement.
type planted struct {
	before, login *detect.Use
	took          time.Duration
	gap           detect.Gap
	measured      bool
	device        bool // differs
	hop           bool
	people        bool
	signals       signals
	conclusive    bool
}

// weigh is false where there is nothing to say.
func (p *planted) weigh() bool {
	a, b := p.before.Vantage, p.login.Vantage
	p.took = time.Duration(p.login.Time - p.before.Time)
	p.gap, p.measured = detect.Distance(a, b)
	p.device = detect.Changed(a, b).Has(detect.System|detect.Browser|detect.Form) && !detect.Disguised(a, b)
	p.hop = hop(a, b)
	p.people = accessOf(a).people && accessOf(b).people
	far := p.measured && p.gap.DistanceKM >= farKM
	journey := far && p.took <= farInside && p.people
	switch {
	case p.device:
		p.signals.add(schema.SignalBehaviour, 0.5)
		p.signals.add(schema.SignalDevice, 0.7)
	case journey:
		p.signals.add(schema.SignalBehaviour, 0.5)
	case far || p.hop:
		p.signals.add(schema.SignalBehaviour, 0.3)
	default:
		return false
	}
	if journey {
		p.signals.add(schema.SignalDistance, 0.6)
	}
	p.conclusive = p.device || journey
	return true
}

func (p *planted) explain(f *schema.Finding) {
	a, b := p.before.Vantage, p.login.Vantage
	f.From, f.To = a.End(), b.End()
	f.Evidence = map[string]any{
		"used_at": stamp(p.before.Time), "login_at": stamp(p.login.Time), "seconds": p.took.Seconds(), "device_differs": p.device, "asn_and_country_differ": p.hop,
		"networks": []string{accessOf(a).name, accessOf(b).name},
	}
	if p.measured {
		f.Evidence["great_circle_km"], f.Evidence["radius_km"], f.Evidence["distance_km"] = round(p.gap.GreatCircleKM, 1), p.gap.RadiusKM[:], round(p.gap.DistanceKM, 1)
	}
	f.Summary = fmt.Sprintf("Used without a user in %s, %s later logged in from %s: %s", place(a), lasting(p.took), place(b), devices(a, b))
}
