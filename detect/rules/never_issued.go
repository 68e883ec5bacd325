package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// NeverIssued finds tokens that an app accepts and nobody issued.
var NeverIssued = detect.Rule{
	Name: "never-issued", Version: 1,
	Title: "Tokens are accepted that nobody started, at an app where nearly all are started",
	Why: "Whoever has the key that tokens are signed with, or found a way around the check, makes their own: the app accepts them, and no session.started was ever seen. " +
		"A forgotten issuer looks alike, and should be known.",
	Method: "A token is born with its first accepted use, in an hour; it is issued if that use, or one up to 2 min later, is session.started or session.rotated. An hour is judged by the 24 hours before, " +
		"which must all have been watched. With at least 100 births in them, issued / births ≥ min_started_share, and none of those hours having n births without issue, it fires if the hour has more than 2 n of them. " +
		"So at an app where all are issued one is enough; where hijackd was put in front of running sessions it takes until their tokens are known.\n\n" +
		"Births count once it is clear that they were not issued: 12 min after the ten minutes that they are in, by event time. One finding per app and UTC day, with three of the tokens; counts are told in steps of 1, 2 and 5. " +
		"Confidence 0.6.",
	Keys: []detect.Key{
		{Name: "min_started_share", Doc: "the share of births in the 24 hours before that were issued, at least", Default: 0.99, Min: 0.5, Max: 1},
	},
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"Tokens that were not used for longer than hijackd remembers.",
		"An app or a login service that lost session.started events, or writes them more than 2 min after the first use.",
	},
	Response: "Look at what the tokens did and who issued them; if nobody did, replace the signing key.",
	Attack:   []string{"T1606", "T1606.001"},
	Example:  "1 token accepted by shop on 2026-11-22 was issued by nobody, where 100 % of 144 were",
	NewApp:   func(s detect.Settings) detect.AppJudge { return strangers{s.Float("min_started_share")} },
}

const (
	watchedHours = 24
	birthsMin    = 100
	noiseFactor  = 2
	slotLength   = int64(10 * time.Minute)
	birthSettles = int64(12 * time.Minute) // the lateness, and how much later the issue may be
)

type strangers struct{ share float64 }

func (strangers) Needs() detect.AppNeeds { return detect.AppNeeds{} }

func (j strangers) Judge(a *detect.App, say func(detect.AppVerdict)) {
	for _, day := range a.Days() {
		total, first := int64(0), watch{}
		for h := day * 24; h < (day+1)*24 && h <= a.Newest; h++ {
			if w, ok := j.hour(a, h); ok {
				if total == 0 {
					first = w
				}
				total += w.unissued
			}
		}
		if total == 0 {
			continue
		}
		signal := schema.Weight{Signal: schema.SignalOutcome, P: 0.6}
		were := "was"
		if total > 1 {
			were = "were"
		}
		say(detect.AppVerdict{
			About: "day " + dateOf(day), Until: day*24 + 23, Severity: schema.Medium, Confidence: signal.P, Signals: []schema.Weight{signal},
			Time: first.hour * int64(time.Hour),
			Summary: fmt.Sprintf("%s accepted by %s on %s %s issued by nobody, where %v %% of %s were", sentenceOf(many(total, "token")), appName(a.Name), dateOf(day), were,
				round(100*first.share(), 2), grouped(float64(first.births))),
			Evidence: map[string]any{
				"app": appName(a.Name), "date": dateOf(day), "unissued_at_least": atLeast(total), "hour": stamp(first.hour * int64(time.Hour)),
				"births_before": first.births, "issued_before": first.issued, "issued_share": round(first.share(), 4), "min_started_share": j.share,
				"unissued_per_hour_before": first.noise, "noise_factor": noiseFactor, "births_min": birthsMin, "tokens": a.Day(day).Tokens(detect.Unissued),
			},
		})
	}
}

// watch is an hour with what it is judged by.
type watch struct {
	hour, unissued        int64
	births, issued, noise int64 // of the hours before; noise is the most unissued of one of them
}

func (w watch) share() float64 { return float64(w.issued) / float64(w.births) }

func (j strangers) hour(a *detect.App, h int64) (w watch, ok bool) {
	if a.Since >= h-watchedHours || a.N(h, detect.Unissued) == 0 { // the first hour was not watched from its beginning
		return w, false
	}
	w.hour = h
	for s := h * 6; s < (h+1)*6; s++ {
		if (s+1)*slotLength <= a.Clock-birthSettles {
			w.unissued += a.InSlot(s, detect.Strangers)
		}
	}
	if w.unissued == 0 {
		return w, false
	}
	for b := h - watchedHours; b < h; b++ {
		unissued := a.N(b, detect.Unissued)
		w.issued += a.N(b, detect.Issued)
		w.births += a.N(b, detect.Issued) + unissued
		w.noise = max(w.noise, unissued)
	}
	return w, w.births >= birthsMin && w.share() >= j.share && w.unissued > noiseFactor*w.noise
}
