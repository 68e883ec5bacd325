package rules

import (
	"fmt"
	"math"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// AbsoluteTimeout finds apps that accept tokens too long after their session's start.
var AbsoluteTimeout = detect.Rule{
	Name: "absolute-timeout", Version: 1,
	Title: "Tokens are accepted longer after their session's start than the app's policy",
	Why:   "However active it is, a session has to end some day and its user to log in again (OWASP ASVS 3.3, NIST SP 800-63B 4.2.3); else a stolen token is good for ever.",
	Method: "Δt = time of an accepted use − the session's start: the token's last session.started, else the first use of it or of a token that it replaced. Δt > max is too old." + tokensDaily + "\n\n" +
		"Of an app without a policy, what is observed is told once, and again when it changes: of the tokens that were accepted on a day, the age that all but 1 % stay below, in classes of 1, 2, 4, 7, 14, 30 and " +
		"90 days; of the days kept (8) the greatest, of those with 100 tokens and more, if it is a day and more. Confidence 0.1.",
	Keys: []detect.Key{
		{Name: "max", Doc: "how old a session may be, 24h being usual; 0 for off", Default: time.Duration(0), Min: 0, Max: 366 * 86400},
		{Name: "per_app", Doc: "the same for single apps, 0 for off: {shop: {max: 24h}}", PerApp: []string{"max"}},
	},
	Severity: schema.Low, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"A user who logs in again under the same token, which the app doesn't report.",
		"Apps on phones whose policy is another one: set it for the app.",
	},
	Response: "Have the app enforce its absolute timeout on the server, or set the policy that holds.",
	Attack:   []string{"T1550.004"},
	Example:  "1 token accepted by shop more than 24 h 0 min after the session's start, on 2026-11-22",
	NewApp: func(s detect.Settings) detect.AppJudge {
		return absolute{s, posture{
			needs: detect.AppNeeds{Overage: func(app string) time.Duration { return s.Duration("max", app) }}, facts: []detect.Fact{detect.Overaged}, signal: behaviour(0.2),
			say: aged(s, "token", "accepted by %s more than %s after the session's start, on %s"),
		}}
	},
}

const (
	observedTokens = 100 // so that one in a hundred is one
	observedShare  = 100 // one in
)

type absolute struct {
	detect.Settings
	posture
}

func (j absolute) Needs() detect.AppNeeds {
	n := j.posture.Needs()
	n.Facts = append([]detect.Fact{detect.Overaged}, row(detect.Ages, detect.AgeClasses)...)
	return n
}

func (j absolute) Judge(a *detect.App, say func(detect.AppVerdict)) {
	if j.Duration("max", configured(a.Name)) > 0 {
		j.posture.Judge(a, say)
		return
	}
	best, when := int64(0), int64(0)
	a.EachDay(func(day int64) {
		if age := usualAge(a, day); age > best {
			best, when = age, day
		}
	})
	if best == 0 {
		return
	}
	signal := behaviour(0.1)
	say(detect.AppVerdict{
		About: "observed", Until: math.MaxInt64, Severity: schema.Low, Confidence: signal.P, Signals: []schema.Weight{signal}, Time: when * int64(24*time.Hour),
		Summary: fmt.Sprintf("No policy is set for %s; more than 1 %% of the tokens that it accepts are %s old or older", appName(a.Name), plural(int(best), "day")),
		Evidence: map[string]any{
			"app": appName(a.Name), "date": dateOf(when), "days_at_least": best, "share_above": 1.0 / observedShare, "tokens_min": observedTokens,
		},
	})
}

// usualAge is the greatest class of age, in days, that more than one in a hundred of the tokens accepted on the day reach; 0 for too few tokens.
func usualAge(a *detect.App, day int64) int64 {
	var classes [detect.AgeClasses]int64
	total := int64(0)
	for i := range classes {
		classes[i] = a.InDay(day, detect.Ages+detect.Fact(i)) // #nosec G115 -- a few classes
		total += classes[i]
	}
	if total < observedTokens {
		return 0
	}
	older := int64(0)
	for i := len(classes) - 1; i > 0; i-- {
		if older += classes[i]; older*observedShare > total {
			return detect.AgeDays[i]
		}
	}
	return 0
}
