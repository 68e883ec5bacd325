package rules

import (
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// NewDevice finds a user with a browser and system for the first time.
var NewDevice = detect.Rule{
	Name: "new-device", Version: 1,
	Title: "A user with a browser and system they were never seen with",
	Why:   "A thief seldom has the browser and system of the victim. A new phone looks the same, so it only adds weight to what else is found of the user.",
	Method: "Browser family and operating system, without versions, are learned from births, moves and uses of the user's tokens. It fires for the first sighting with a pair of them, in event order, once the user is " +
		"known: seen first learn_days before, or with learn_sessions sessions before, whichever comes first. The 32 pairs seen first are told apart.\n\nNever conclusive. Confidence 0.3.",
	Keys:     learning,
	Severity: schema.Low, DefaultMode: "shadow",
	KnownFalsePositives: []string{"A new phone or computer, another browser, an app beside the web page."},
	Response:            "None by itself.",
	Attack:              []string{"T1078"},
	Example:             "First seen with Chrome on Linux; known with Firefox on Windows (21 days, 14 sessions)",
	NewSubject: func(s detect.Settings) detect.SubjectJudge {
		return unusual{learned: learnedBy(s), first: (*detect.Subject).FirstWithDevice, what: func(v *detect.Vantage) string { return v.Agent.String() },
			usual: (*detect.Subject).Devices, about: "device", words: "First seen with %s", signal: schema.SignalDevice}
	},
}
