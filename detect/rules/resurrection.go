package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Resurrection finds a token that was ended and starts a session again.
var Resurrection = detect.Rule{
	Name: "resurrection", Version: 1,
	Title: "An ended token that starts a session again",
	Why: "An issuer makes a new token for a new session. One that was ended or revoked and is started again was accepted from the client (so it can be planted), " +
		"or the issuer's random source repeats itself.",
	Method: "It fires on a session.started that follows a session.ended or session.revoked of the same token with no other session.started between. A token that was rotated out does not count as ended here. " +
		"Each start begins a new life of the token, with a finding of its own. Confidence 0.6.",
	Severity: schema.High, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"Session handles (fingerprints of the form id:…) that the issuer gives again after a logout.",
		"An app that keeps its cookie over logout and login. It lets tokens be planted, but nobody has planted one.",
	},
	Response: "Ask the issuer's owners why. Revoke the session if its vantage is not the user's.",
	Attack:   []string{"T1550.004", "T1606.001"},
	Example:  "Ended token was started again 3 min later, from Tokyo",
	New:      func(detect.Settings) detect.Judge { return resurrection{} },
}

type resurrection struct{}

func (resurrection) Needs() detect.Needs { return detect.Needs{On: detect.OnEnd} }

func (resurrection) Judge(s *detect.Session, say func(detect.Verdict)) {
	for i := range s.Uses {
		u := &s.Uses[i]
		if !u.Start || u.Inherited || u.Time < s.Whole {
			continue
		}
		end := endBefore(s, u)
		if end == nil {
			continue
		}
		found := signals{{Signal: schema.SignalOutcome, P: 0.6}}
		say(detect.Verdict{
			About: "resurrection", Severity: schema.High, Confidence: found.confidence(), Signals: found, Pattern: []*detect.Use{end.At(), u},
			Explain: func(f *schema.Finding) {
				took := time.Duration(u.Time - end.Time)
				f.To = endOf(u)
				f.Evidence = map[string]any{"ended": endings[end.Kind], "ended_at": stamp(end.Time), "started_at": stamp(u.Time), "seconds": took.Seconds()}
				f.Summary = fmt.Sprintf("%s token was started again %s later%s", map[detect.MarkKind]string{detect.Ended: "Ended", detect.Revoked: "Revoked"}[end.Kind], lasting(took), from(u))
			},
		})
	}
}

// endBefore is the end that the start u follows, with no other start between; nil for none.
func endBefore(s *detect.Session, u *detect.Use) (end *detect.Mark) {
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Time > u.Time || m.Time == u.Time && m.ID >= u.ID() {
			break
		}
		switch m.Kind {
		case detect.Started:
			end = nil
		case detect.Ended, detect.Revoked:
			end = m
		}
	}
	return end
}
