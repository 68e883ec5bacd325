package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// MultiLogin finds users with more sessions in use at once, at different places, than allowed.
var MultiLogin = detect.Rule{
	Name: "multi-login", Version: 1,
	Title: "More sessions of one user in use from different vantages than allowed",
	Why: "People have a few devices. An account that is used from many places at once is shared, sold or tried out by those who bought it. Weak on its own; " +
		"some rules of good practice ask for the limit.",
	Method: "At each sighting of a user's token, the sessions in use are counted: tokens used within the hour before it and not ended since their last use, tokens of one session counting as one, of those at equivalent " +
		"vantages only one. From the latest use backwards each is counted whose vantage is equivalent to none counted before. It fires if there are more than max_sessions. One finding per user and UTC day, of the first time.\n\n" +
		"Never conclusive. Confidence 0.3.",
	Keys: []detect.Key{
		{Name: "max_sessions", Doc: "sessions from different vantages that are still usual", Default: 5, Min: 1, Max: 100},
	},
	Severity: schema.Low, DefaultMode: "shadow",
	KnownFalsePositives: []string{
		"Accounts that are shared on purpose, such as a shop's tills: allow the user.",
		"Somebody on a mobile network without a known provider, whose phone and tablet change address every few minutes.",
	},
	Response:   "Ask the user, or end the oldest sessions at the identity provider.",
	Attack:     []string{"T1078"},
	Example:    "6 sessions from different vantages within an hour (5 allowed)",
	NewSubject: func(s detect.Settings) detect.SubjectJudge { return multiLogin{most: s.Int("max_sessions")} },
}

type multiLogin struct{ most int }

func (multiLogin) Scope() schema.Scope   { return schema.ScopeUser }
func (multiLogin) Window() time.Duration { return detect.UseWindow }

func (j multiLogin) Judge(s *detect.Subject, say func(detect.SubjectVerdict)) {
	if s.Tokens() <= j.most {
		return
	}
	for i, x := range s.Sights {
		if !s.Completes(x) || x.Vantage == nil || x.Rotated { // one session goes on: its old token ends at this very moment
			continue
		}
		if apart := j.inUse(s.Sights[:i+1]); len(apart) > j.most {
			j.sayMany(apart, say)
		}
	}
}

// inUse returns the last uses of sessions, at vantages of which no two are equivalent, in event order, up to one more than are allowed.
func (j multiLogin) inUse(sights []*detect.Sight) []*detect.Sight {
	now := sights[len(sights)-1]
	var apart []*detect.Sight
	seen := map[*detect.Token]bool{}
	sessions := map[string]bool{}
	for _, x := range slices.Backward(sights) {
		if now.Time-x.Time > int64(detect.UseWindow) {
			break
		}
		if x.Vantage == nil || !x.Use() || seen[x.Token] {
			continue
		}
		seen[x.Token] = true
		session := x.Session()
		if !x.Token.Live(now.Moment) || session != "" && sessions[session] {
			continue
		}
		sessions[session] = true
		if !slices.ContainsFunc(apart, func(o *detect.Sight) bool { return detect.Equivalent(o.Vantage, x.Vantage) }) {
			if apart = append(apart, x); len(apart) > j.most {
				break
			}
		}
	}
	slices.Reverse(apart)
	return apart
}

func (j multiLogin) sayMany(pattern []*detect.Sight, say func(detect.SubjectVerdict)) {
	now := pattern[len(pattern)-1]
	say(detect.SubjectVerdict{
		About: "day " + time.Unix(0, now.Time).UTC().Format(time.DateOnly), Severity: schema.Low, Confidence: 0.3,
		Signals: []schema.Weight{{Signal: schema.SignalBehaviour, P: 0.3}}, Pattern: pattern,
		Explain: func(f *schema.Finding) {
			var where []string
			for _, x := range pattern {
				where = append(where, place(x.Vantage)+" ("+or(x.Vantage.Agent.String(), "unknown device")+")")
			}
			f.To = now.Vantage.End()
			f.Evidence = map[string]any{
				"sessions": len(pattern), "max_sessions": j.most, "window_seconds": detect.UseWindow.Seconds(), "vantages": where,
				"seconds": time.Duration(now.Time - pattern[0].Time).Seconds(),
			}
			f.Summary = fmt.Sprintf("%s from different vantages within an hour (%d allowed)", plural(len(pattern), "session"), j.most)
		},
	})
}
