package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// NotRotated finds an app that keeps a token over a login or a change of privilege.
var NotRotated = detect.Rule{
	Name: "not-rotated", Version: 1,
	Title: "A token kept over a login or a change of privilege",
	Why: "A token that was known before a login or an elevation, to a thief too, is worth more after it. Issuing a new one is what makes fixation and early theft useless " +
		"(OWASP Session Management: renew the session id after any privilege level change).",
	Method: "Turns are a session.elevated and the login on a token that was used without a user before (the first use that names one, ≥ 1 s after one that named none). It fires on the first use that is accepted " +
		"more than grace after a turn: time of use − time of turn > 30 s. It does not where the token was replaced from 30 s before the turn up to the use, " +
		"where it had been issued (session.started or session.rotated) inside the 30 s before the turn, or where it had ended.\n\n" +
		"Confidence 0.2: it is about the app and weak as a sign of theft. One finding per kind of turn and life of the token.",
	Severity: schema.Low, DefaultMode: "shadow",
	KnownFalsePositives: []string{"An app that replaces its token but doesn't report session.rotated."},
	Response:            "None for the session. Have the app issue a new token at login and elevation.",
	Attack:              []string{"T1550.004"},
	Example:             "Token kept over an elevation: still accepted 4 min later",
	New:                 func(detect.Settings) detect.Judge { return notRotated{} },
}

const turnGrace = 30 * time.Second

type notRotated struct{}

func (notRotated) Needs() detect.Needs { return detect.Needs{On: detect.OnTurn, Grace: turnGrace} }

func (j notRotated) Judge(s *detect.Session, say func(detect.Verdict)) {
	turns := s.Turns()
	if len(turns) == 0 {
		return
	}
	said := map[string]int{} // by kind, the life after the one that it was said of
	for i := s.From; i < s.To; i++ {
		u := &s.Uses[i]
		if u.Inherited || !u.Accepted || u.Time < s.Whole {
			continue
		}
		for _, turn := range turns {
			kind := turned(turn)
			if time.Duration(u.Time-turn.Time) <= turnGrace || said[kind] > s.Life(u) || j.replaced(s, turn, u) {
				continue
			}
			said[kind] = s.Life(u) + 1
			say(j.kept(kind, turn, u))
		}
	}
}

func turned(u *detect.Use) string {
	if u.Elevated {
		return "elevation"
	}
	return "login"
}

// replaced reports whether the token was fresh at the turn, was replaced or ended before the use, or is in another life then. What it says
// of a use it says of all later ones, too, for only the first one is looked at in order.
func (notRotated) replaced(s *detect.Session, turn, u *detect.Use) bool {
	if len(s.Ends(turn)) > 0 || len(s.Ends(u)) > 0 || s.Life(turn) != s.Life(u) {
		return true
	}
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Kind == detect.RotatedOut && turn.Time < m.Time && m.Time <= u.Time {
			return true
		}
	}
	for i := range s.Uses {
		o := &s.Uses[i]
		if (o.Start || o.Rotation) && !o.Inherited && o != turn && o.Before(turn) && time.Duration(turn.Time-o.Time) <= turnGrace {
			return true
		}
	}
	for i := range s.Marks {
		m := &s.Marks[i]
		if age := time.Duration(turn.Time - m.Time); m.Kind == detect.Started && age > 0 && age <= turnGrace {
			return true
		}
	}
	return false
}

func (notRotated) kept(kind string, turn, u *detect.Use) detect.Verdict {
	found := signals{{Signal: schema.SignalBehaviour, P: 0.2}}
	return detect.Verdict{
		About: "kept over " + kind, Severity: schema.Low, Confidence: found.confidence(), Signals: found, Pattern: []*detect.Use{turn, u},
		Explain: func(f *schema.Finding) {
			took := time.Duration(u.Time - turn.Time)
			f.From, f.To = endOf(turn), endOf(u)
			f.Evidence = map[string]any{
				"turn": kind, "turned_at": stamp(turn.Time), "used_at": stamp(u.Time), "seconds": took.Seconds(), "grace_seconds": turnGrace.Seconds(), "app": u.App(),
			}
			f.Summary = fmt.Sprintf("Token kept over %s: still accepted %s later", map[string]string{"elevation": "an elevation", "login": "a login"}[kind], lasting(took))
		},
	}
}
