package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

const daily = " One finding per app and UTC day, with the first three examples; counts are told in steps of 1, 2 and 5. Confidence "

// Cleartext finds tokens that travel readable.
var Cleartext = detect.Rule{
	Name: "cleartext", Version: 1,
	Title: "Tokens travel by http or in a query string",
	Why: "Whoever is on the way reads a token that travels by http. One in a query string ends up in logs, histories and Referer headers. Either is copied " +
		"without anybody noticing.",
	Method:   "Events with scheme http are counted, and such with token_in query, failed logins included." + daily + "0.2.",
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"An app behind a proxy that ends TLS and reports the scheme of the last hop.",
		"A token in a query string that is good for one use only.",
	},
	Response: "Redirect to https, set Secure on cookies and HSTS; move the token to a header or a cookie.",
	Attack:   []string{"T1040", "T1539"},
	Example:  "At least 5 uses by http at shop on 2026-11-21",
	NewApp: func(detect.Settings) detect.AppJudge {
		return posture{
			facts: []detect.Fact{detect.Cleartext, detect.Query}, signal: behaviour(0.2),
			say: func(d postureDay, n []int64) (string, map[string]any) {
				what := many(n[0], "use") + " by http"
				switch {
				case n[0] == 0:
					what = many(n[1], "token") + " in a query string"
				case n[1] > 0:
					what += ", " + many(n[1], "token") + " in a query string"
				}
				return fmt.Sprintf("%s at %s on %s", sentenceOf(what), d.app, d.date),
					map[string]any{"http_at_least": atLeast(n[0]), "query_at_least": atLeast(n[1])}
			},
		}
	},
}

// RawToken finds apps that put raw tokens into their events.
var RawToken = detect.Rule{
	Name: "raw-token", Version: 1,
	Title: "An app puts raw tokens into its events",
	Why: "hijackd replaces a raw token by its fingerprint before anything sees it, but it was in Kafka, and what else does this app write its tokens to? " +
		"Whoever may read the topic may take over its sessions.",
	Method:   "Events whose token has none of the forms of a fingerprint are counted." + daily + "0.2.",
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{"Session handles that are no credentials: write them as id:HANDLE."},
	Response:            "Have the app write fingerprints, expire what the topic holds, and look into the app's logs.",
	Attack:              []string{"T1552.001"},
	Example:             "At least 200 events with raw tokens from shop on 2026-11-21",
	NewApp: func(detect.Settings) detect.AppJudge {
		return posture{facts: []detect.Fact{detect.RawTokens}, signal: behaviour(0.2), say: func(d postureDay, n []int64) (string, map[string]any) {
			return fmt.Sprintf("%s with raw tokens from %s on %s", sentenceOf(many(n[0], "event")), d.app, d.date), map[string]any{"events_at_least": atLeast(n[0])}
		}}
	},
}

// WeakToken finds tokens that can be guessed.
var WeakToken = detect.Rule{
	Name: "weak-token", Version: 1,
	Title:  "Tokens with too few random bits",
	Why:    "A token of n random bits is guessed in 2ⁿ⁻¹ tries, divided by the number of live ones. RFC 6749 (10.10) asks that a guess succeeds with a probability of at most 2⁻¹²⁸.",
	Method: "Events with token_bits below min_bits are counted; the least number of bits is kept." + daily + "0.2.",
	Keys: []detect.Key{
		{Name: "min_bits", Doc: "random bits that a token must have", Default: 128, Min: 1, Max: 4096},
	},
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{"An issuer that reports the length of an identifier inside of a signed token."},
	Response:            "Have the issuer draw longer tokens from a cryptographic source.",
	Attack:              []string{"T1110", "T1606.001"},
	Example:             "Tokens with 64 random bits at shop on 2026-11-21: at least 20 uses",
	NewApp: func(s detect.Settings) detect.AppJudge {
		least := s.Int("min_bits")
		return posture{
			needs: detect.AppNeeds{MinBits: least}, facts: []detect.Fact{detect.Weak}, signal: behaviour(0.2),
			say: func(d postureDay, n []int64) (string, map[string]any) {
				return fmt.Sprintf("Tokens with %d random bits at %s on %s: %s", d.MinBits, d.app, d.date, many(n[0], "use")),
					map[string]any{"uses_at_least": atLeast(n[0]), "bits": d.MinBits, "min_bits": least}
			},
		}
	},
}

// ClockSkew finds apps whose event times can't be believed.
var ClockSkew = detect.Rule{
	Name: "clock-skew", Version: 1,
	Title: "An app's event times lead or lag Kafka's",
	Why: "Every rule goes by event times. A clock that is off makes travel impossible that was not, or hides it; events that come late are judged late. " +
		"Events more than 5 min ahead are not judged at all.",
	Method: "Of each event, time − Kafka's timestamp of its record is taken. Those further ahead than max are counted, and those further behind, at the hour of their records; the " +
		"greatest lead and lag are told in steps of 1, 2 and 5 seconds." + daily + "0.1. A backtest of a file knows no record times and finds nothing.",
	Keys: []detect.Key{
		{Name: "max", Doc: "how far ahead or behind an event's time may be", Default: 5 * time.Minute, Min: 1, Max: 7 * 86400},
	},
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"Events that an app buffered while Kafka could not be reached.",
		"Old events that were written to the topic again.",
	},
	Response: "Set the clocks by NTP; have the app write events when they happen.",
	Attack:   []string{"T1070.006"},
	Example:  "Events of shop on 2026-11-21: at least 20 events up to 5 min 0 s ahead",
	NewApp: func(s detect.Settings) detect.AppJudge {
		most := s.Duration("max", "")
		return posture{
			needs: detect.AppNeeds{Skew: most}, facts: []detect.Fact{detect.Lead, detect.Lag}, signal: behaviour(0.1),
			say: func(d postureDay, n []int64) (string, map[string]any) {
				lead, lag := wholeSeconds(d.MaxLead), wholeSeconds(d.MaxLag)
				what := many(n[0], "event") + " " + lasting(time.Duration(lead)*time.Second) + " or more ahead"
				behind := many(n[1], "event") + " " + lasting(time.Duration(lag)*time.Second) + " or more behind"
				switch {
				case n[0] == 0:
					what = behind
				case n[1] > 0:
					what += ", " + behind
				}
				return fmt.Sprintf("Events of %s on %s: %s", d.app, d.date, what), map[string]any{
					"ahead_at_least": atLeast(n[0]), "behind_at_least": atLeast(n[1]), "lead_seconds_at_least": lead, "lag_seconds_at_least": lag,
					"max_seconds": most.Seconds(),
				}
			},
		}
	},
}

func wholeSeconds(ns int64) int64 { return atLeast(ns / int64(time.Second)) }
