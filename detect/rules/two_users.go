package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// TwoUsers finds one token that belongs to two users.
var TwoUsers = detect.Rule{
	Name: "two-users", Version: 1,
	Title: "One token under two users",
	Why: "A token stands for one user. Under a second one it was handed to the wrong person (a cache that serves somebody else's cookies), " +
		"planted before a login, or its claims are not checked: in each case one user acts as another.",
	Method: "Of the accepted uses of a token that name a user, each is compared with the latest one before it, in the same life of the token, that names another user. " +
		"It fires where there is one. Users that a token had before it was rotated don't count: browsers are shared, and a login that replaces the token is right.\n\n" +
		"Conclusive where both uses are reported by the same app, or one of them by none: two apps may call one person by two names. Confidence 0.95, else 0.6.",
	Severity: schema.Critical, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"An app that keeps its token when one user logs out and another logs in on a shared computer, and doesn't report the end: it is a weakness of the app, but nobody's attack.",
		"Staff who act as a customer, where the app then reports the customer as user.",
		"One app that names a user now by id, now by mail address.",
	},
	Response: "Revoke the session, and look into how the token reached two users.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Used by u-7, 40 s later by u-9",
	New:      func(detect.Settings) detect.Judge { return twoUsers{} },
}

type twoUsers struct{}

func (twoUsers) Needs() detect.Needs { return detect.Needs{On: detect.OnUser} }

func (j twoUsers) Judge(s *detect.Session, say func(detect.Verdict)) {
	var last, other *detect.Use // the latest use by a user, and the latest one by another
	said := map[[3]uint8]bool{} // pairs of this life, by whether one app reports both
	lives := lives{s: s}
	for i := range s.Uses[:s.To] {
		u := &s.Uses[i]
		if u.Inherited || !u.Accepted || !u.Named() {
			continue
		}
		if lives.next(u) {
			last, other = nil, nil
			clear(said)
		}
		if last != nil && last.Who() != u.Who() {
			other = last
		}
		last = u
		if other == nil || i < s.From || u.Time < s.Whole {
			continue
		}
		pair := [3]uint8{min(other.Who(), u.Who()), max(other.Who(), u.Who())}
		if oneApp(other, u) {
			pair[2] = 1
		}
		if !said[pair] {
			said[pair] = true
			say(j.pair(other, u))
		}
	}
}

func oneApp(a, b *detect.Use) bool {
	return a.AppNumber() == b.AppNumber() || a.AppNumber() == 0 || b.AppNumber() == 0
}

func (twoUsers) pair(a, b *detect.Use) detect.Verdict {
	x, y := a.User(), b.User()
	about := x + " ~ " + y
	if y < x {
		about = y + " ~ " + x
	}
	sure := oneApp(a, b)
	if !sure {
		about = "two apps: " + about
	}
	found := signals{{Signal: schema.SignalBehaviour, P: 0.95}}
	if !sure {
		found[0].P = 0.6
	}
	return detect.Verdict{
		About: about, Severity: schema.Critical, Confidence: found.confidence(), Conclusive: sure, Signals: found, Pattern: []*detect.Use{a, b},
		Explain: func(f *schema.Finding) {
			took := time.Duration(b.Time - a.Time)
			f.From, f.To = endOf(a), endOf(b)
			f.Evidence = map[string]any{"users": []string{x, y}, "apps": []string{a.App(), b.App()}, "used_at": []string{stamp(a.Time), stamp(b.Time)}, "seconds": took.Seconds()}
			f.Summary = fmt.Sprintf("Used by %s, %s later by %s", x, lasting(took), y)
		},
	}
}
