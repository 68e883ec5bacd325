package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// NewCountry finds a user in a country for the first time.
var NewCountry = detect.Rule{
	Name: "new-country", Version: 1,
	Title: "A user in a country they were never seen in",
	Why:   "Most people stay in a few countries, and most thieves are in others. A journey looks the same, so it only adds weight to what else is found of the user.",
	Method: "The countries that a user was seen in are learned from births, moves and uses of their tokens on networks that have a place (not VPN, Tor, relay, satellite or anycast). " +
		"It fires for the first sighting in a country, in event order, once the user is known: seen first learn_days before, or with learn_sessions sessions before, whichever comes first. " +
		"Tokens that replace others are no new sessions. The 32 countries seen first are told apart.\n\nNever conclusive. Confidence 0.3.",
	Keys:     learning,
	Severity: schema.Low, DefaultMode: "shadow",
	KnownFalsePositives: []string{"Journeys, and people who live near a border.", "A provider whose addresses the database moves to another country."},
	Response:            "None by itself.",
	Attack:              []string{"T1078"},
	Example:             "First seen in JP; known in FR, DE (21 days, 14 sessions)",
	NewSubject: func(s detect.Settings) detect.SubjectJudge {
		return unusual{learned: learnedBy(s), first: (*detect.Subject).FirstInCountry, what: func(v *detect.Vantage) string { return v.Geo.Country },
			usual: (*detect.Subject).Countries, about: "country", words: "First seen in %s", signal: schema.SignalNetwork}
	},
}

var learning = []detect.Key{
	{Name: "learn_days", Doc: "days since a user was first seen after which the user is known", Default: 14, Min: 0, Max: 365},
	{Name: "learn_sessions", Doc: "sessions after which the user is known, if that is earlier", Default: 10, Min: 1, Max: detect.MaxLearnSessions},
}

type learned struct{ days, sessions int }

func learnedBy(s detect.Settings) learned {
	return learned{s.Int("learn_days"), s.Int("learn_sessions")}
}

// unusual says what a user was never seen with before, once the user is known.
type unusual struct {
	learned
	first  func(*detect.Subject, *detect.Sight) bool
	what   func(*detect.Vantage) string
	usual  func(*detect.Subject, detect.Moment) []string
	about  string
	words  string
	signal schema.SignalKind
}

func (unusual) Scope() schema.Scope   { return schema.ScopeUser }
func (unusual) Window() time.Duration { return 0 }

func (j unusual) Judge(s *detect.Subject, say func(detect.SubjectVerdict)) {
	for _, x := range s.Sights {
		if !s.Completes(x) || !x.Use() || !j.first(s, x) {
			continue
		}
		lasting, sessions := s.Known(x.Moment)
		if lasting < time.Duration(j.days)*24*time.Hour && sessions < j.sessions || len(j.usual(s, x.Moment)) == 0 {
			continue
		}
		what := j.what(x.Vantage)
		say(detect.SubjectVerdict{
			About: j.about + " " + what, Severity: schema.Low, Confidence: 0.3, Signals: []schema.Weight{{Signal: j.signal, P: 0.3}}, Pattern: []*detect.Sight{x},
			Explain: func(f *schema.Finding) {
				usual := j.usual(s, x.Moment)
				days := int(lasting / (24 * time.Hour))
				f.To = x.Vantage.End()
				f.Evidence = map[string]any{
					j.about: string(schema.CleanText(what, 256)), "usual": usual, "known_days": days, "known_sessions": sessions, "learn_days": j.days, "learn_sessions": j.sessions,
				}
				f.Summary = fmt.Sprintf(j.words+"; known %s %s (%s, %s)", what, map[string]string{"country": "in", "device": "with"}[j.about],
					strings.Join(usual, ", "), plural(days, "day"), plural(sessions, "session"))
			},
		})
	}
}
