package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// LoginSpike finds logins and failed logins far beyond what is usual at the time.
var LoginSpike = detect.Rule{
	Name: "login-spike", Version: 1,
	Title: "Logins or failed logins of an app leave their usual band",
	Why:   "Stuffing of leaked passwords and spraying of common ones show as failed logins long before a session is stolen; a wave of logins that succeed as what came of it.",
	Method: "Logins (session.started) and login.failed are counted apart, by ten minutes of event time. Usual is the greater of: the most in ten minutes between one hour before and one hour after the same time on " +
		"any of the 7 days before; and the median of the ten minutes of the last 24 h, of those that ended 10 min before. It fires, at once, if count ≥ min and count > factor × usual. " +
		"So neither mornings nor Mondays do.\n\n" +
		"An app that was not watched for 7 days and an hour yet has no usual logins. Its login.failed are judged after a full day, by the most in any ten minutes since, which counts for more in proportion as logins are " +
		"more than they ever were: on the first Monday people mistype more passwords, and log in.\n\n" +
		"One finding per app, kind and UTC day; counts are told with two digits. Confidence 0.5 for failed logins, 0.4 for logins.",
	Keys: []detect.Key{
		{Name: "factor", Doc: "how many times the usual number is too many", Default: 4.0, Min: 1, Max: 1000},
		{Name: "min", Doc: "logins in ten minutes below which nothing is said", Default: 100, Min: 1, Max: 1_000_000},
	},
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"The first working day after holidays of more than a week.",
		"Everybody being logged out at once, by a deployment or an expired key.",
		"A campaign, a sale, a load test.",
	},
	Response: "Slow logins down at the edge, ask for a second factor; look at the sessions that began in that time.",
	Attack:   []string{"T1110.003", "T1110.004"},
	Example:  "At least 310 failed logins at shop from 14:00 to 14:10 on 2026-11-28, usual are 10",
	NewApp: func(s detect.Settings) detect.AppJudge {
		return spike{factor: s.Float("factor"), min: int64(s.Int("min"))}
	},
}

const (
	slotsPerHour = 6
	slotsPerDay  = 24 * slotsPerHour
	rhythmDays   = 7
	settled      = 1 // slots before the one at hand that may still grow
)

type spike struct {
	factor float64
	min    int64
}

func (spike) Needs() detect.AppNeeds {
	return detect.AppNeeds{Facts: append(row(detect.Failures, slotsPerHour), row(detect.Logins, slotsPerHour)...)}
}

// row is a row of facts.
func row(first detect.Fact, n int) (facts []detect.Fact) {
	for i := range n {
		facts = append(facts, first+detect.Fact(i)) // #nosec G115 -- a few facts
	}
	return facts
}

func (j spike) Judge(a *detect.App, say func(detect.AppVerdict)) {
	for _, day := range a.Days() {
		for _, kind := range []loginKind{{detect.Failures, "failed logins", schema.SignalOutcome, 0.5}, {detect.Logins, "logins", schema.SignalBehaviour, 0.4}} {
			total := int64(0)
			for _, f := range row(kind.fact, slotsPerHour) {
				total += a.InDay(day, f)
			}
			if total < j.min {
				continue
			}
			var waves []wave
			for s := day * slotsPerDay; s < (day+1)*slotsPerDay; s++ {
				if w, ok := j.at(a, s, kind.fact); ok {
					waves = append(waves, w)
				}
			}
			if len(waves) > 0 {
				say(j.verdict(a, day, kind, waves))
			}
		}
	}
}

type loginKind struct {
	fact   detect.Fact
	name   string
	signal schema.SignalKind
	p      float64
}

// wave is ten minutes with too many logins.
type wave struct {
	slot, count int64
	usual       float64
	basis       string
}

// at judges ten minutes.
func (j spike) at(a *detect.App, s int64, f detect.Fact) (w wave, ok bool) {
	w = wave{slot: s, count: a.InSlot(s, f)}
	if w.count < j.min {
		return w, false
	}
	beyond := func() bool { return float64(w.count) > j.factor*w.usual }
	if a.Since*slotsPerHour <= s-rhythmDays*slotsPerDay-slotsPerHour {
		w.basis = "week"
		if w.usual = float64(sameTime(a, s, f)); !beyond() {
			return w, false
		}
		w.usual = max(w.usual, median(a, s, f))
		return w, beyond()
	}
	if f != detect.Failures {
		return w, false
	}
	w.basis = "first days"
	from := (a.Since + 1) * slotsPerHour
	if s-settled-from < slotsPerDay {
		return w, false
	}
	failed, logins := int64(0), int64(0)
	for b := from; b < s-settled; b++ {
		failed, logins = max(failed, a.InSlot(b, f)), max(logins, a.InSlot(b, detect.Logins))
	}
	w.usual = float64(failed) * max(1, float64(a.InSlot(s, detect.Logins))/float64(max(1, logins)))
	return w, beyond()
}

// sameTime is the most in ten minutes around the same time on the days before.
func sameTime(a *detect.App, s int64, f detect.Fact) (most int64) {
	for d := int64(1); d <= rhythmDays; d++ {
		for k := int64(-slotsPerHour); k <= slotsPerHour; k++ {
			most = max(most, a.InSlot(s-d*slotsPerDay+k, f))
		}
	}
	return most
}

// median is that of the ten minutes of the last day.
func median(a *detect.App, s int64, f detect.Fact) float64 {
	var all [slotsPerDay]int64
	for i := range all {
		all[i] = a.InSlot(s-settled-1-int64(i), f)
	}
	slices.Sort(all[:])
	return float64(all[slotsPerDay/2-1]+all[slotsPerDay/2]) / 2
}

func (j spike) verdict(a *detect.App, day int64, kind loginKind, waves []wave) detect.AppVerdict {
	first, most := waves[0], waves[0]
	for _, w := range waves {
		if w.count > most.count {
			most = w
		}
	}
	at := func(s int64) time.Time { return time.Unix(0, s*slotLength).UTC() }
	signal := schema.Weight{Signal: kind.signal, P: kind.p}
	count := j.told(first)
	return detect.AppVerdict{
		About: kind.name + " " + dateOf(day), Until: day*24 + 23, Severity: schema.Medium, Confidence: kind.p, Signals: []schema.Weight{signal},
		Time: first.slot * slotLength,
		Summary: fmt.Sprintf("At least %s %s at %s from %s to %s on %s, usual are %s", grouped(float64(count)), kind.name, appName(a.Name),
			at(first.slot).Format("15:04"), at(first.slot+1).Format("15:04"), dateOf(day), grouped(first.usual)),
		Evidence: map[string]any{
			"app": appName(a.Name), "date": dateOf(day), "kind": kind.name, "from": stamp(first.slot * slotLength), "seconds": slotLength / int64(time.Second),
			"count_at_least": count, "usual": round(first.usual, 1), "usual_by": first.basis, "factor": j.factor, "threshold": round(j.factor*first.usual, 1), "min": j.min,
			"most_at_least": j.told(most), "most_from": stamp(most.slot * slotLength), "slots": len(waves),
		},
	}
}

// told is a count as it is told: rounded down to two digits, but beyond what is usual.
func (j spike) told(w wave) int64 {
	power := int64(1)
	for power <= w.count/100 {
		power *= 10
	}
	return max(w.count/power*power, min(w.count, int64(j.factor*w.usual)+1))
}
