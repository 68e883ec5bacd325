package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// SensitiveStaleAuth finds a sensitive request that an old authentication was enough for.
var SensitiveStaleAuth = detect.Rule{
	Name: "sensitive-stale-auth", Version: 1,
	Title: "A sensitive request long after the user proved who they are",
	Why:   "A payment or a change of password should ask for the user again: a stolen token can't answer. Where it is accepted on an old login, the theft goes all the way.",
	Method: "It fires on an accepted request marked sensitive where age = time of the request − time of the latest authentication > max_age. Authentications are session.started, session.reauthenticated " +
		"and auth_time (unless it is more than 5 min ahead of its event), in whole seconds, as far as events up to the request told of them, those of tokens that this one replaced included. Where none is known it is not evaluable and nothing is said.\n\n" +
		"Confidence 0.4. One finding per place and device.",
	Keys: []detect.Key{
		{Name: "max_age", Doc: "how long after an authentication sensitive requests are in order", Default: 15 * time.Minute, Min: 1, Max: 30 * 86400},
	},
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"An app that asks for a second factor at the request itself and doesn't report it as session.reauthenticated or auth_time.",
	},
	Response: "Ask the user whether the request was theirs. Have the app ask for authentication before such requests.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Sensitive request accepted by shop 3 h 20 min after the last authentication (15 min are allowed)",
	New:      func(s detect.Settings) detect.Judge { return staleAuth{s.Duration("max_age", "")} },
}

type staleAuth struct{ maxAge time.Duration }

func (j staleAuth) Needs() detect.Needs { return detect.Needs{On: detect.OnSensitive, Fresh: j.maxAge} }

func (j staleAuth) Judge(s *detect.Session, say func(detect.Verdict)) {
	best, lives := strongest{}, lives{s: s}
	for i := s.From; i < s.To; i++ {
		u := &s.Uses[i]
		if !u.Sensitive || !u.Accepted || u.Inherited || u.Time < s.Whole {
			continue
		}
		if lives.next(u) {
			clear(best)
		}
		at, ok := s.AuthenticatedAt(u)
		age := time.Duration(u.Time - int64(at)*int64(time.Second))
		if !ok || age <= j.maxAge {
			continue
		}
		found := signals{{Signal: schema.SignalBehaviour, P: 0.4}}
		best.say(detect.Verdict{
			About: "sensitive " + labelOf(u), Severity: schema.Medium, Confidence: found.confidence(), Signals: found, Pattern: []*detect.Use{u}, Basis: int64(at),
			Explain: func(f *schema.Finding) {
				app := u.App()
				f.To = endOf(u)
				f.Evidence = map[string]any{
					"authenticated_at": stamp(int64(at) * int64(time.Second)), "used_at": stamp(u.Time), "seconds": age.Seconds(), "max_age_seconds": j.maxAge.Seconds(), "app": app,
				}
				f.Summary = fmt.Sprintf("Sensitive request accepted by %s %s after the last authentication (%s are allowed)", or(app, "the app"), lasting(age), lasting(j.maxAge))
			},
		}, say)
	}
}
