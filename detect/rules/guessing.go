package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Guessing finds a network that presents many tokens that nobody knows.
var Guessing = detect.Rule{
	Name: "guessing", Version: 1,
	Title: "One network presents many unknown tokens that are rejected",
	Why:   "Whoever guesses tokens, or tries an old dump of them, is turned away again and again, each time with another token.",
	Method: "Distinct tokens are counted that one network (an IPv4 address, an IPv6 /64) presented within window, that were rejected and never accepted before. It fires at tokens of them. One finding per network and UTC hour, " +
		"said again at twice as many, four times, and so on. The first 1024 within lateness + window are told apart. Nothing is said of trusted networks.\n\n" +
		"Where sessions of 20 users or more began on the network before, many people share it, and an app that forgot its sessions looks alike: low. " +
		"Never conclusive. Confidence 0.6; where many share the network 0.3.",
	Keys: []detect.Key{
		{Name: "tokens", Doc: "distinct rejected tokens", Default: 50, Min: 2, Max: 500},
		{Name: "window", Doc: "event time within which they must lie", Default: 10 * time.Minute, Min: 1, Max: 86400},
	},
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"An app that lost its sessions, met from an office whose sessions hijackd has not seen begin.",
		"A security scanner: list it under policy.trusted_networks.",
	},
	Response: "Look at what else the network does; block it at the edge.",
	Attack:   []string{"T1110"},
	Example:  "50 unknown tokens rejected within 3 min, from 198.51.100.9/32",
	NewSubject: func(s detect.Settings) detect.SubjectJudge {
		return guesses{tokens: s.Int("tokens"), window: s.Duration("window", "")}
	},
}

// manyUsers is how many users' sessions began on a network that many people share.
const manyUsers = 20

type guesses struct {
	tokens int
	window time.Duration
}

func (guesses) Scope() schema.Scope     { return schema.ScopeNetwork }
func (j guesses) Window() time.Duration { return j.window }

func (j guesses) Judge(s *detect.Subject, say func(detect.SubjectVerdict)) {
	for i, x := range s.Sights {
		if s.Completes(x) && x.Kind == schema.SightingRejected && (x.Vantage == nil || x.Vantage.Geo.Network != schema.NetworkCorporate) {
			j.at(s, i, say)
		}
	}
}

// at says how many tokens were rejected up to one of the sightings, if they are enough and the last of them is what makes them so many.
func (j guesses) at(s *detect.Subject, i int, say func(detect.SubjectVerdict)) {
	last := s.Sights[i]
	seen := map[*detect.Token]bool{}
	var tried []*detect.Sight // of each token the last, latest first
	for _, x := range slices.Backward(s.Sights[:i+1]) {
		if last.Time-x.Time > int64(j.window) {
			break
		}
		if x.Kind == schema.SightingRejected && !seen[x.Token] {
			seen[x.Token] = true
			tried = append(tried, x)
		}
	}
	enough, times := j.tokens, 0
	for enough*2 <= len(tried) {
		enough, times = enough*2, times+1
	}
	if len(tried) < enough {
		return
	}
	tried = tried[:enough]
	first := tried[enough-1]
	severity, p := schema.Medium, 0.6
	regulars := s.Regulars(last.Moment)
	if regulars >= manyUsers {
		severity, p = schema.Low, 0.3
	}
	shown := tried[:min(len(tried), 8)]
	pattern := slices.Clone(shown)
	slices.Reverse(pattern)
	if first != pattern[0] {
		pattern = slices.Insert(pattern, 0, first)
	}
	say(detect.SubjectVerdict{
		About: "hour " + time.Unix(0, last.Time).UTC().Format("2006-01-02T15"), Severity: severity, Confidence: p, Informed: times, NoToken: true,
		Signals: []schema.Weight{{Signal: schema.SignalOutcome, P: p}}, Pattern: pattern,
		Explain: func(f *schema.Finding) {
			took := time.Duration(last.Time - first.Time)
			f.Evidence = map[string]any{
				"tokens": enough, "limit": j.tokens, "seconds": took.Seconds(), "window_seconds": j.window.Seconds(), "users_before": regulars,
			}
			if last.Vantage != nil {
				f.From = last.Vantage.End()
			}
			f.Summary = fmt.Sprintf("%s rejected within %s, from %s", plural(enough, "unknown token"), lasting(took), strings.ToValidUTF8(s.Name, ""))
		},
	})
}
