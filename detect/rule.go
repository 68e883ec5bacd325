package detect

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Rule is a rule as a documented value. Its documentation, `hijackd rules` and docs/rules.md are made from it.
type Rule struct {
	Name    string // part of the contract
	Version int    // grows whenever the meaning of its findings changes
	Title   string
	Why     string
	Method  string // with its arithmetic
	Keys    []Key  // its configuration beside mode
	// Severity of its findings; where it depends on the class, the highest.
	Severity            schema.Severity
	DefaultMode         string // off, shadow, alert or enforce, under the ceiling policy.mode
	KnownFalsePositives []string
	Response            string
	Attack              []string // MITRE ATT&CK techniques
	Example             string   // a summary as people read it
	// New makes the judge of tokens for valid settings; nil for a rule that has nothing to say of a single token.
	New func(Settings) Judge
	// NewSubject makes the judge of users or networks; nil for none.
	NewSubject func(Settings) SubjectJudge
	// NewApp makes the judge of apps; nil for none.
	NewApp func(Settings) AppJudge
}

// Key is one configuration key of a rule.
type Key struct {
	Name string
	Doc  string
	// Default is a time.Duration, a float64, an int, a []string or, for keys per app, nil.
	Default any
	// Min and Max bound durations (as seconds) and numbers, both inclusive.
	Min, Max float64
	// PerApp lists the keys that may be set again for single apps under this one.
	PerApp []string
}

// Settings are the valid values of a rule's keys, defaults filled in. Per-app values are Settings under the app's name.
type Settings struct {
	Values map[string]any
	Apps   map[string]map[string]any
}

// Duration returns the value of a key whose default is a duration, for an app where it is set for that app.
func (s Settings) Duration(key, app string) time.Duration {
	if v, ok := s.Apps[app][key].(time.Duration); ok {
		return v
	}
	return s.Values[key].(time.Duration)
}

// Float returns the value of a key whose default is a float64.
func (s Settings) Float(key string) float64 { return s.Values[key].(float64) }

// Texts returns the value of a key whose default is a list, for an app where it is set for that app.
func (s Settings) Texts(key, app string) []string {
	if v, ok := s.Apps[app][key].([]string); ok {
		return v
	}
	v, _ := s.Values[key].([]string)
	return v
}

// Int returns the value of a key whose default is an int.
func (s Settings) Int(key string) int { return s.Values[key].(int) }

// Running is a rule with its judges, as folds run it: a fold takes those with a judge of its kind.
type Running struct {
	Rule    *Rule
	Judge   Judge
	Subject SubjectJudge
	App     AppJudge
}

// Judge looks at a session and says what it recognises in the uses from s.From up to s.To, together with any others. Being a
// function of the set of uses, it must be monotone: what it says of some uses it also says, or something stronger, of more of them.
type Judge interface {
	// Needs says when the judge can have anything new to say.
	Needs() Needs
	Judge(s *Session, say func(Verdict))
}

// Needs spares the hot path: a token that goes on being used at one vantage gives most rules nothing new.
type Needs struct {
	// On is what the judge may have something new to say about; 0 for OnMove.
	On Trigger
	// Window is how far back the judge combines uses, bounding what the fold keeps.
	Window time.Duration
	// Crowd: with more vantages than this inside Window, each use is looked at, not only changes of vantage. 0 for never.
	Crowd int
	// Grace, of OnTurn: how long after a login or an elevation the token may go on being used.
	Grace time.Duration
	// Fresh, of OnSensitive: how old the latest authentication may be.
	Fresh time.Duration
	// Intervals and Jitter, of OnPeriod: how many intervals in a row must be alike, and how far the longest and the shortest may be
	// apart, as a part of the median.
	Intervals int
	Jitter    float64
}

// Trigger is a set of what may be news to judges.
type Trigger uint16

// Triggers.
const (
	OnMove      Trigger = 1 << iota // a use at another vantage than the one before it, or one out of order, of a token used at several
	OnEnd                           // a use after an end, an expiry or a rotation, or such a turn
	OnLogin                         // a use by a user, of a token that was used without one
	OnTurn                          // an accepted use longer than Grace after a login or an elevation
	OnBinding                       // a failed binding, or a use of a bound token that changed vantage, user or app
	OnUser                          // a use by another user
	OnSensitive                     // a sensitive use longer than Fresh after the latest authentication
	OnPeriod                        // a use at regular intervals at a vantage that is not the main one
)

// Verdict is what a judge recognised, before it is known whether it is news.
type Verdict struct {
	// About names what the finding is about; its id is made of it.
	About      string
	Severity   schema.Severity
	Confidence float64 // 0–1
	Conclusive bool
	Informed   int // see schema.Finding
	// Signals are what Confidence was made of.
	Signals []schema.Weight
	// Pattern holds the uses that make the finding, in event order; the last one completes it.
	Pattern []*Use
	// Basis is what else the judgement rests on, such as when the token expired: another one makes another version.
	Basis int64
	// Sentence, if not empty, says for what the token's successors are to be revoked, if it was rotated out.
	Sentence string
	// Explain fills in summary, evidence and ends, from the verdict's own operands only. Called once it is known to be news.
	Explain func(*schema.Finding)
}
