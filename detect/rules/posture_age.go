package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

const (
	tokensDaily = " Each token counts once per app and UTC day. One finding per app and day, with three of the tokens; counts are told in steps of 1, 2 and 5. " +
		"Confidence 0.2."
	perAppDoc = "the same for single apps, 0 for off: {shop: {max: 15m}}"
)

// IdleTimeout finds apps that accept tokens after they were unused for too long.
var IdleTimeout = detect.Rule{
	Name: "idle-timeout", Version: 1,
	Title: "Tokens are accepted after they were unused for longer than the app's policy",
	Why:   "An idle timeout bounds how long a forgotten or stolen token is of use (OWASP ASVS 3.3, NIST SP 800-63B 4.2.3). That it is configured does not mean that it works.",
	Method: "Δt = time of an accepted use − time of the use before it, of the same token at whatever app; a use of the token that this one replaced counts as well. Δt > max is too long, " +
		"session.started apart." + tokensDaily,
	Keys: []detect.Key{
		{Name: "max", Doc: "how long a token may be unused, 15m being usual; 0 for off", Default: time.Duration(0), Min: 0, Max: 366 * 86400},
		{Name: "per_app", Doc: perAppDoc, PerApp: []string{"max"}},
	},
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"An app that coalesces uses and reports the last of them only.",
		"Uses at an app that sends no events keep the session alive.",
	},
	Response: "Have the app enforce its idle timeout on the server.",
	Attack:   []string{"T1550.004"},
	Example:  "1 token accepted by shop after more than 15 min without use, on 2026-11-21",
	NewApp: func(s detect.Settings) detect.AppJudge {
		return posture{
			needs: detect.AppNeeds{Idle: func(app string) time.Duration { return s.Duration("max", app) }}, facts: []detect.Fact{detect.Idle}, signal: behaviour(0.2),
			say: aged(s, "token", "accepted by %s after more than %s without use, on %s"),
		}
	},
}

// NoRenewal finds apps that never rotate active tokens.
var NoRenewal = detect.Rule{
	Name: "no-renewal", Version: 1,
	Title:  "Active tokens are not rotated within the app's policy",
	Why:    "A token that is replaced every few minutes is of no use to a thief a few minutes later, and its reuse shows. One that stays the same for days is neither.",
	Method: "Δt = time of an accepted use − time at which the token was issued: its last session.started, else its own first use. Δt > max is too old." + tokensDaily,
	Keys: []detect.Key{
		{Name: "max", Doc: "how old a token may be, 15m being usual; 0 for off", Default: time.Duration(0), Min: 0, Max: 366 * 86400},
		{Name: "per_app", Doc: perAppDoc, PerApp: []string{"max"}},
	},
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{"A client that renews its token only when it is refused.", "An app that rotates tokens and does not report it."},
	Response:            "Have the app rotate tokens while they are used.",
	Attack:              []string{"T1539"},
	Example:             "1 token accepted by shop more than 15 min after issue, on 2026-11-21",
	NewApp: func(s detect.Settings) detect.AppJudge {
		return posture{
			needs: detect.AppNeeds{Renewal: func(app string) time.Duration { return s.Duration("max", app) }}, facts: []detect.Fact{detect.Unrenewed}, signal: behaviour(0.2),
			say: aged(s, "token", "accepted by %s more than %s after issue, on %s"),
		}
	},
}

// aged tells how many tokens an app accepted past its limit.
func aged(s detect.Settings, what, how string) func(postureDay, []int64) (string, map[string]any) {
	return func(d postureDay, n []int64) (string, map[string]any) {
		limit := s.Duration("max", d.key)
		return sentenceOf(many(n[0], what)) + " " + fmt.Sprintf(how, d.app, lasting(limit), d.date),
			map[string]any{"tokens_at_least": atLeast(n[0]), "max_seconds": limit.Seconds()}
	}
}
