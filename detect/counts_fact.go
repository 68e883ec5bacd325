package detect

import (
	"slices"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// Fact is something that token lanes count of an app, hour by hour of event time.
type Fact uint8

// Facts. Those up to OutOfHosts show in single events. Those from Unissued to Strayed are about tokens; an event that comes late may
// take one back, so a lane may count less than none of them in a stretch. Ages, Failures,
// Logins and Strangers begin rows of numbers.
const (
	Accepted   Fact = iota // uses that the app let through
	Rejected               // uses that it did not
	RawTokens              // events that carried a raw token
	Cleartext              // uses over http
	Query                  // tokens in a query string
	Weak                   // uses of a token with less random bits than allowed
	Lead                   // events timed further ahead of their record than allowed
	Lag                    // events timed further behind it
	OutOfHosts             // uses at a host that is none of the app's
	Active                 // tokens accepted in the hour
	Issued                 // tokens first accepted when, or shortly before, they were started or rotated in
	Unissued               // tokens first accepted without that
	Idle                   // tokens accepted on the day after they were unused for too long
	Overaged               // tokens accepted on the day too long after their session's start
	Unrenewed              // tokens accepted on the day too long after they were issued
	Strayed                // tokens of the app seen at an app that is none of its own
	Ages                   // tokens accepted on the day, by their age: a row of AgeClasses
	Failures   = Ages + AgeClasses
	Logins     = Failures + slotsPerHour
	Strangers  = Logins + slotsPerHour // what Unissued counts, by ten minutes
	facts      = Strangers + slotsPerHour
)

const (
	// AgeClasses is the number of classes that ages of tokens are counted in.
	AgeClasses   = 8
	slotsPerHour = 6 // failures, logins and strangers are counted by ten minutes

	exemplary   = OutOfHosts - RawTokens + 1 // facts with examples
	sampled     = Strayed - Unissued + 1     // facts with tokens
	maxExamples = 3
	maxSampled  = 16
)

// AgeDays are the least ages, in days, of the classes.
var AgeDays = [AgeClasses]int64{0, 1, 2, 4, 7, 14, 30, 90}

func ageClass(days int64) Fact {
	class := Fact(0)
	for i, least := range AgeDays {
		if days >= least {
			class = Fact(i) // #nosec G115 -- a few classes
		}
	}
	return Ages + class
}

// Counted is what was counted of an app in some time.
type Counted struct {
	n [facts]int64
	// MinBits is the least token_bits seen, 0 for none; MaxLead and MaxLag how far event times lay off Kafka's where it was too much, ns.
	MinBits         int64
	MaxLead, MaxLag int64
	examples        [exemplary][]Example // by (time, id)
	tokens          [sampled][]sample    // by token
}

// N is how often a fact was counted, never less than 0.
func (c *Counted) N(f Fact) int64 { return max(0, c.n[f]) }

// Examples are the first events that show a fact, by (time, id), at most three.
func (c *Counted) Examples(f Fact) []Example {
	if f < RawTokens || f > OutOfHosts {
		return nil
	}
	return c.examples[f-RawTokens]
}

// Tokens are examples of the tokens that a fact is about, in the order of their texts, at most three.
func (c *Counted) Tokens(f Fact) (tokens []string) {
	if f < Unissued || f > Strayed {
		return nil
	}
	for _, s := range c.tokens[f-Unissued] {
		if s.n > 0 && len(tokens) < maxExamples {
			tokens = append(tokens, s.token)
		}
	}
	return tokens
}

// Example is an event that shows a fact. What an attacker may have written of it is cleaned and cut.
type Example struct {
	Time  int64  `json:"time"` // Unix nanoseconds
	ID    string `json:"id"`
	Token string `json:"token,omitempty"`
	Path  string `json:"path,omitempty"` // without its query
	Host  string `json:"host,omitempty"`
}

const maxExampleText = 128

func exampleOf(e *schema.Event) Example {
	path, _, _ := strings.Cut(e.Path, "?")
	text := func(s string) string { return strings.Clone(string(schema.CleanText(s, maxExampleText))) }
	return Example{Time: e.Time, ID: text(e.ID), Token: strings.Clone(e.Token), Path: text(path), Host: text(e.Host)}
}

func (x *Example) before(o *Example) bool { return x.Time < o.Time || x.Time == o.Time && x.ID < o.ID }

// show enters an example among the first ones.
func (c *Counted) show(f Fact, x Example) {
	list := &c.examples[f-RawTokens]
	at, known := slices.BinarySearchFunc(*list, &x, func(a Example, b *Example) int {
		switch {
		case a.before(b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
	if known || at >= maxExamples {
		return
	}
	*list = slices.Insert(*list, at, x)
	*list = (*list)[:min(len(*list), maxExamples)]
}

// shows reports whether an event would be among the first ones, without making an example of it.
func (c *Counted) shows(f Fact, e *schema.Event) bool {
	list := c.examples[f-RawTokens]
	if len(list) < maxExamples {
		return true
	}
	last := &list[len(list)-1]
	return e.Time < last.Time || e.Time == last.Time && e.ID < last.ID
}

// sample is a token, and how often more it was counted than taken back.
type sample struct {
	token string
	n     int64
}

// sample enters a token among those whose texts are the least. What was taken back stays, for it may have been counted elsewhere.
func (c *Counted) sample(f Fact, token string, n int64) {
	list := &c.tokens[f-Unissued]
	at, known := slices.BinarySearchFunc(*list, token, func(s sample, token string) int { return strings.Compare(s.token, token) })
	if known {
		if (*list)[at].n += n; (*list)[at].n == 0 {
			*list = slices.Delete(*list, at, at+1)
		}
		return
	}
	if at >= maxSampled {
		return
	}
	*list = slices.Insert(*list, at, sample{strings.Clone(token), n})
	*list = (*list)[:min(len(*list), maxSampled)]
}

// add adds what was counted in other places or times.
func (c *Counted) add(o *Counted) {
	for f, n := range o.n {
		c.n[f] += n
	}
	c.addShown(o)
}

// addShown adds all but the numbers.
func (c *Counted) addShown(o *Counted) {
	c.bits(o.MinBits)
	c.MaxLead, c.MaxLag = max(c.MaxLead, o.MaxLead), max(c.MaxLag, o.MaxLag)
	for i, list := range o.examples {
		for _, x := range list {
			c.show(RawTokens+Fact(i), x) // #nosec G115 -- a few facts
		}
	}
	for i, list := range o.tokens {
		for _, s := range list {
			c.sample(Unissued+Fact(i), s.token, s.n) // #nosec G115 -- a few facts
		}
	}
}

func (c *Counted) bits(n int64) {
	if n != 0 && (c.MinBits == 0 || n < c.MinBits) {
		c.MinBits = n
	}
}
