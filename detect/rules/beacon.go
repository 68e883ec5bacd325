package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Beacon finds a stolen token that a script keeps alive.
var Beacon = detect.Rule{
	Name: "beacon", Version: 1,
	Title: "A second place that keeps the token alive at a fixed period",
	Why: "Who stole a token, or planted one, and waits for the right moment has a script use it now and then, so that it doesn't time out. " +
		"People are irregular; tabs that poll do so from where their user is.",
	Method: "The main vantage is where the session was started or last authenticated again, else the first seen. Of the accepted uses at any other vantage that is not equivalent to it, the latest " +
		"min_intervals intervals up to a use are taken. Their jitter is (longest − shortest) / median. It fires if jitter ≤ max_jitter and the median is from 1 s to 30 min, " +
		"and if the device differs from the main vantage's, or the main vantage was used after the first of these uses. The uses must lie after the main vantage became that, or at most 5 min before: " +
		"so a token that is kept alive until its victim logs in elsewhere is found after the login. Tabs that go on polling after their laptop moved don't fire.\n\n" +
		"It does not fire where the main vantage shows the same period: its latest two intervals, if they lie after the first of these uses, with jitter ≤ max_jitter and a median not more than max_jitter away.\n\n" +
		"Low where device and country are the same: two providers of one site share its traffic so. Confidence is 1 − Π(1 − p) over independent signals: behaviour p = 0.5; device differs 0.4; another country 0.4, else another provider (ASN) 0.3.",
	Keys: []detect.Key{
		{Name: "min_intervals", Doc: "intervals alike in a row that are needed", Default: 6, Min: 3, Max: 10},
		{Name: "max_jitter", Doc: "how far the longest and the shortest interval may be apart, as a part of the median", Default: 0.1, Min: 0, Max: 0.5},
	},
	Severity: schema.Medium, DefaultMode: "alert",
	KnownFalsePositives: []string{
		"A browser that sends only its polling through a VPN in another country, which no database knows as one.",
		"A server of the app's own that uses the token on the user's behalf: list it under policy.trusted_networks, together with the user's network.",
	},
	Response: "Ask the user. With a second signal, revoke the session.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Amsterdam uses the token every 60 s (7 uses, jitter 1.2 %), beside Lyon",
	New: func(s detect.Settings) detect.Judge {
		return beacon{s.Int("min_intervals"), s.Float("max_jitter")}
	},
}

// Periods outside of these are not looked for: shorter ones are bursts, longer ones don't keep a session alive.
const (
	shortestPeriod = time.Second
	longestPeriod  = 30 * time.Minute
)

type beacon struct {
	intervals int
	jitter    float64
}

func (j beacon) Needs() detect.Needs {
	return detect.Needs{On: detect.OnPeriod, Intervals: j.intervals, Jitter: j.jitter}
}

func (j beacon) Judge(s *detect.Session, say func(detect.Verdict)) {
	best, lives := strongest{}, lives{s: s}
	for i := s.From; i < s.To; i++ {
		u := &s.Uses[i]
		if u.Vantage == nil || u.Inherited || !u.Accepted || u.Time < s.Whole {
			continue
		}
		if lives.next(u) {
			clear(best)
		}
		if p, ok := j.at(s, i); ok {
			best.say(detect.Verdict{
				About: "beacon " + detect.PairLabel(p.main, u.Vantage), Severity: p.severity, Confidence: p.signals.confidence(), Signals: p.signals, Pattern: p.row, Basis: p.basis(), Explain: p.explain,
			}, say)
		}
	}
}

// pulse is a row of uses at regular intervals, with all operands of its judgement.
type pulse struct {
	beacon
	row           []*detect.Use
	main          *detect.Vantage
	period        time.Duration
	jitter        float64
	device, again bool // the device differs; the main vantage was used again
	severity      schema.Severity
	signals       signals
}

// at judges the row that ends with a use.
func (j beacon) at(s *detect.Session, i int) (p pulse, ok bool) {
	u := &s.Uses[i]
	row := latestAt(s.Uses[:i+1], u.Vantage, j.intervals+1)
	p = pulse{beacon: j, row: row}
	if len(row) <= j.intervals {
		return p, false
	}
	if p.period, p.jitter = regularity(row); p.jitter > j.jitter || p.period < shortestPeriod || p.period > longestPeriod {
		return p, false
	}
	main, since := s.Main(u)
	if main == nil || main == u.Vantage || row[0].Time < since-int64(beforeMain) || s.Equivalent(main, u.Vantage, u.Time) {
		return p, false
	}
	p.main, p.device = main, otherDevice(main, u.Vantage)
	own := latestAt(s.Uses[:i], main, 3)
	for len(own) > 0 && !row[0].Before(own[0]) {
		own = own[1:]
	}
	p.again = len(own) > 0
	if !p.device && !p.again || j.alike(own, p.period) {
		return p, false
	}
	p.signals.add(schema.SignalBehaviour, 0.5)
	if p.device {
		p.signals.add(schema.SignalDevice, 0.4)
	}
	p.signals.addNetworks(main, u.Vantage)
	p.severity = schema.Medium
	if !p.device && detect.SameCountry(main, u.Vantage) {
		p.severity = schema.Low
	}
	return p, true
}

// beforeMain is how far a row may reach back before the main vantage became that. Further back not all uses may be kept.
const beforeMain = 5 * time.Minute

// latestAt are up to n accepted uses at a vantage, in event order, the last ones of those given.
func latestAt(uses []detect.Use, v *detect.Vantage, n int) (row []*detect.Use) {
	for i := len(uses) - 1; i >= 0 && len(row) < n; i-- {
		if u := &uses[i]; u.Vantage == v && u.Accepted {
			row = append(row, u)
		}
	}
	slices.Reverse(row)
	return row
}

// regularity is the median interval of a row, the lower one of two, and its jitter.
func regularity(row []*detect.Use) (median time.Duration, jitter float64) {
	var gaps []time.Duration
	for i := range row[1:] {
		gaps = append(gaps, time.Duration(row[i+1].Time-row[i].Time))
	}
	slices.Sort(gaps)
	median = gaps[(len(gaps)-1)/2]
	return median, float64(gaps[len(gaps)-1]-gaps[0]) / float64(max(1, median))
}

// alike reports whether the main vantage was used at the same period.
func (j beacon) alike(own []*detect.Use, period time.Duration) bool {
	if len(own) < 3 {
		return false
	}
	median, jitter := regularity(own)
	return jitter <= j.jitter && (median-period).Abs() <= time.Duration(j.jitter*float64(period))
}

// basis tells versions apart that show the same uses.
func (p *pulse) basis() int64 {
	if p.again {
		return 1
	}
	return 0
}

func (p *pulse) explain(f *schema.Finding) {
	u := p.row[len(p.row)-1]
	f.From, f.To = p.main.End(), u.Vantage.End()
	f.Evidence = map[string]any{
		"intervals": len(p.row) - 1, "min_intervals": p.intervals, "period_seconds": p.period.Seconds(), "jitter": round(p.jitter, 4), "max_jitter": p.beacon.jitter,
		"device_differs": p.device, "main_used_again": p.again,
	}
	f.Summary = fmt.Sprintf("%s uses the token every %s (%d uses, jitter %v %%), beside %s", place(u.Vantage), lasting(p.period), len(p.row), round(100*p.jitter, 1), place(p.main))
}
