package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// posture judges a fact about how an app handles its tokens: one finding per app and UTC day, with a count and examples. Counts are told
// in steps of 1, 2 and 5, so that a finding is not said again with each event.
type posture struct {
	needs  detect.AppNeeds
	facts  []detect.Fact // the finding is about any of them
	signal schema.Weight
	// say fills in the summary and the evidence of a day on which the facts were counted so often.
	say func(d postureDay, counts []int64) (summary string, evidence map[string]any)
}

// postureDay is an app on a day.
type postureDay struct {
	*detect.Counted
	app  string // as people call it
	key  string // as it is configured
	date string
}

func (j posture) Needs() detect.AppNeeds {
	n := j.needs
	n.Facts = j.facts
	return n
}

func (j posture) Judge(a *detect.App, say func(detect.AppVerdict)) {
	for _, day := range a.Days() {
		if !slices.ContainsFunc(j.facts, func(f detect.Fact) bool { return a.InDay(day, f) > 0 }) {
			continue
		}
		d := postureDay{a.Day(day), appName(a.Name), configured(a.Name), dateOf(day)}
		counts := make([]int64, len(j.facts))
		for i, f := range j.facts {
			counts[i] = d.N(f)
		}
		v := detect.AppVerdict{
			About: "day " + d.date, Until: day*24 + 23, Severity: schema.Low, Confidence: j.signal.P, Signals: []schema.Weight{j.signal},
			Time: day * int64(24*time.Hour),
		}
		v.Summary, v.Evidence = j.say(d, counts)
		v.Evidence["app"], v.Evidence["date"] = d.app, d.date
		var examples []detect.Example
		var tokens []string
		for _, f := range j.facts {
			examples = append(examples, d.Examples(f)...)
			tokens = append(tokens, d.Tokens(f)...)
		}
		if len(examples) > 0 {
			v.Time = math.MaxInt64
			shown := []map[string]any{}
			for _, x := range examples {
				v.Time = min(v.Time, x.Time)
				v.Events = append(v.Events, x.ID)
				shown = append(shown, exampleShown(x))
			}
			v.Evidence["examples"] = shown
		}
		if len(tokens) > 0 {
			v.Evidence["tokens"] = tokens
		}
		say(v)
	}
}

func exampleShown(x detect.Example) map[string]any {
	m := map[string]any{"event": x.ID, "time": stamp(x.Time)}
	for k, v := range map[string]string{"token": x.Token, "path": x.Path, "host": x.Host} {
		if v != "" {
			m[k] = v
		}
	}
	return m
}

func dateOf(day int64) string { return time.Unix(day*24*3600, 0).UTC().Format(time.DateOnly) }

// appName is how people call an app.
func appName(name string) string {
	switch name {
	case detect.NoApp:
		return "an app without a name"
	case detect.OtherApps:
		return "apps beyond the number that is told apart"
	}
	return string(schema.CleanText(name, 128))
}

// configured is the app's name in the configuration.
func configured(name string) string {
	if name == detect.NoApp {
		return ""
	}
	return name
}

// atLeast rounds a count down to 1, 2 or 5 times a power of ten.
func atLeast(n int64) int64 {
	if n < 1 {
		return 0
	}
	power := int64(1)
	for power <= n/10 {
		power *= 10
	}
	switch {
	case n >= 5*power:
		return 5 * power
	case n >= 2*power:
		return 2 * power
	}
	return power
}

// many writes a count that was rounded down: 1 token, at least 20 tokens.
func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("at least %s %ss", grouped(float64(atLeast(n))), what)
}

// sentenceOf begins with a capital letter.
func sentenceOf(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// behaviour is what a fact about an app says of a session: little.
func behaviour(p float64) schema.Weight { return schema.Weight{Signal: schema.SignalBehaviour, P: p} }
