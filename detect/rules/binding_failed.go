package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// BindingFailed finds a token used without the key or companion that it is bound to.
var BindingFailed = detect.Rule{
	Name: "binding-failed", Version: 1,
	Title: "A token used without the key that it is bound to",
	Why: "A bound token is of use only together with something that does not travel with it: a key (DPoP, mTLS) or a companion cookie. " +
		"Who presents the token and fails the proof has a copy of the token alone.",
	Method: "It fires on a use with binding: failed, whatever its outcome. It also fires on an accepted session.used that shows another cnf, or none, than the latest accepted use " +
		"before it that showed one, of the same token, in the same life of it and reported by the same app: other apps may not report cnf. Events without an address are left out of that.\n\n" +
		"Conclusive. Confidence is 0.9 where the app says that the binding failed, 0.8 where the key was lost or replaced.",
	Severity: schema.High, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"An app that stops reporting cnf, or reports it from some of its instances only, as while a new version is rolled out: report it from all or none.",
		"An app that reports binding: failed where a proof was merely late or its clock off.",
	},
	Response: "Revoke the session.",
	Attack:   []string{"T1539", "T1550.001"},
	Example:  "Token bound to a key was accepted without it by shop, from Tokyo",
	New:      func(detect.Settings) detect.Judge { return binding{} },
}

type binding struct{}

func (binding) Needs() detect.Needs { return detect.Needs{On: detect.OnBinding} }

func (j binding) Judge(s *detect.Session, say func(detect.Verdict)) {
	bound := map[uint32]*detect.Use{} // by app, the latest use with a key
	best := strongest{}
	lives := lives{s: s}
	for i := range s.Uses[:s.To] {
		u := &s.Uses[i]
		if u.Inherited {
			continue
		}
		if lives.next(u) {
			clear(bound)
			clear(best)
		}
		fresh := i >= s.From && u.Time >= s.Whole
		if fresh && u.Unbound {
			best.say(j.failed(u), say)
		}
		if u.Vantage == nil || !u.Accepted {
			continue
		}
		o := bound[u.AppNumber()]
		if fresh && o != nil && u.Plain() && !detect.SameKey(o.Vantage, u.Vantage) {
			best.say(j.lost(o, u), say)
		}
		if u.Vantage.Bound() {
			bound[u.AppNumber()] = u
		}
	}
}

func (binding) failed(u *detect.Use) detect.Verdict {
	found := signals{{Signal: schema.SignalOutcome, P: 0.9}}
	return detect.Verdict{
		About: "failed " + labelOf(u), Severity: schema.High, Confidence: found.confidence(), Conclusive: true, Signals: found, Pattern: []*detect.Use{u},
		Explain: func(f *schema.Finding) {
			app := u.App()
			f.Evidence = map[string]any{"class": "failed", "binding": "failed", "accepted": u.Accepted, "app": app, "used_at": stamp(u.Time)}
			f.To = endOf(u)
			f.Summary = fmt.Sprintf("The binding of the token failed at %s%s", or(app, "the app"), from(u))
		},
	}
}

func (binding) lost(o, u *detect.Use) detect.Verdict {
	found := signals{{Signal: schema.SignalOutcome, P: 0.8}}
	other := detect.Changed(o.Vantage, u.Vantage)&^detect.BoundKey != 0
	class, how := "key lost", "without it"
	if u.Vantage.Bound() {
		class, how = "key replaced", "with another"
	}
	return detect.Verdict{
		About: class + " " + labelOf(u), Severity: schema.High, Confidence: found.confidence(), Conclusive: true, Signals: found, Pattern: []*detect.Use{o, u},
		Explain: func(f *schema.Finding) {
			app := u.App()
			f.From, f.To = endOf(o), endOf(u)
			f.Evidence = map[string]any{
				"class": class, "bound_at": stamp(o.Time), "used_at": stamp(u.Time), "seconds": time.Duration(u.Time - o.Time).Seconds(), "accepted": true, "app": app,
				"device_changed": other,
			}
			f.Summary = fmt.Sprintf("Token bound to a key was accepted %s by %s%s", how, or(app, "the app"), from(u))
		},
	}
}
