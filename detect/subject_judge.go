package detect

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

// SubjectJudge looks at a user or a network and says what it recognises, as Judge does for tokens. What it says of some sightings
// may be weakened by more of them: the fold withdraws it, or replaces it by a better informed version.
type SubjectJudge interface {
	// Scope is what it judges: users or networks.
	Scope() schema.Scope
	// Window is how far back it combines sightings: births and moves as far as this, other uses UseWindow at most.
	Window() time.Duration
	Judge(s *Subject, say func(SubjectVerdict))
}

// UseWindow is how far back uses that are neither a birth nor a move are kept whole.
const UseWindow = time.Hour

// SubjectVerdict is what a judge recognised, before it is known whether it is news.
type SubjectVerdict struct {
	// About names what the finding is about; its id is made of it.
	About      string
	Severity   schema.Severity
	Confidence float64 // 0–1
	Conclusive bool
	// Informed lifts a version over others that say less, such as one that names fewer tokens.
	Informed int
	// Signals are what Confidence was made of.
	Signals []schema.Weight
	// Pattern holds the sightings that make the finding, in event order; the last one completes it.
	Pattern []*Sight
	// Foreign is the sighting whose token the finding names; nil for the last one, and for none where the token says nothing (NoToken).
	Foreign *Sight
	NoToken bool
	// Targets are the tokens to respond to, where they are several.
	Targets []schema.Target
	// Explain fills in summary, evidence and ends, from the verdict's own operands only. Called once it is known to be news.
	Explain func(*schema.Finding)
}

// Subject is what is kept of a user or a network, as judges see it. It and everything in it is valid during one call of Judge.
type Subject struct {
	Scope  schema.Scope
	Tenant string
	Name   string   // the user, or the network in CIDR form
	Sights []*Sight // in event order
	news   news
	since  int64
	state  *subject
}

// Completes reports whether a finding that the sighting completes is of interest: it is new itself, or something that came late may
// throw another light on it.
func (s *Subject) Completes(x *Sight) bool {
	return x == s.news.sight || s.news.late && x.Time >= s.since && !x.Before(s.news.at)
}

// Moment is a place in event order: (time, id of the event).
type Moment struct {
	Time  int64 // Unix nanoseconds
	Event string
}

// Before reports whether m comes before o in event order.
func (m Moment) Before(o Moment) bool {
	return m.Time < o.Time || m.Time == o.Time && m.Event < o.Event
}

// Sight is a sighting as it is kept.
type Sight struct {
	Moment
	Kind    schema.SightingKind
	Token   *Token
	Vantage *Vantage // nil where the event had no address
	App     string
	Epoch   int
	Started bool // a login
	Rotated bool // the token goes on for another one
	// Apart and NewDevice are as in schema.Sighting.
	Apart, NewDevice bool
	place            *placed
}

// Marked reports whether the event showed a device id.
func (x *Sight) Marked() bool { return x.Vantage != nil && x.Vantage.device != 0 }

// Login reports whether the sighting shows somebody logging in.
func (x *Sight) Login() bool { return x.Started && !x.Rotated }

// Use reports whether the sighting shows an accepted use of the token.
func (x *Sight) Use() bool {
	switch x.Kind {
	case schema.SightingBorn, schema.SightingMoved, schema.SightingUsed:
		return true
	}
	return false
}

// First reports whether it is the first sighting of its token.
func (x *Sight) First() bool { return x.Moment == x.Token.first }

// User is whose the token was, as far as was said up to the sighting; empty where nobody was named.
func (x *Sight) User() string { return x.Token.named(x.Time, func(n *naming) string { return n.user }) }

// Session is the identity provider's session that the token belonged to, as far as was said up to the sighting.
func (x *Sight) Session() string {
	return x.Token.named(x.Time, func(n *naming) string { return n.session })
}

// Target is the token as something to respond to.
func (x *Sight) Target() schema.Target {
	return schema.Target{Token: x.Token.Name, User: x.User(), Session: x.Session(), Epoch: x.Epoch, Partition: x.Token.Lane}
}

// Token is a token as a subject lane knows it.
type Token struct {
	Name string
	Lane int32 // the partition of the event topic that holds it
	// first is when it was seen first, the zero Moment where nothing but an end of it was; last when it was seen last.
	first  Moment
	last   int64
	names  []naming
	turns  []turn // logins and ends
	sights []*Sight
	noted  []Moment // dismissals that it was told of
}

// naming is a user and a session, and the first moment that a token was seen with them.
type naming struct {
	since         int64
	user, session string
}

// turn is a birth or an end of a token.
type turn struct {
	Moment
	end     bool
	rotated bool // it went on under another token
}

// named is a name that was said up to a time: the one that came up last, of two at once the greater one.
func (k *Token) named(until int64, name func(*naming) string) (last string) {
	since := int64(0)
	for i := range k.names {
		n := &k.names[i]
		text := name(n)
		if text == "" || n.since > until || last != "" && (n.since < since || n.since == since && text <= last) {
			continue
		}
		since, last = n.since, text
	}
	return last
}

// Live reports whether the token was not ended at a moment: since its last birth up to then nothing ended it.
func (k *Token) Live(at Moment) bool {
	born, ended := k.lastTurn(at)
	return ended == nil || born != nil && ended.Before(born.Moment)
}

// lastTurn finds the last birth, which is a login or else when the token was first seen, and the last end before a moment or at it.
func (k *Token) lastTurn(at Moment) (born, ended *turn) {
	if k.first != (Moment{}) && !at.Before(k.first) {
		born = &turn{Moment: k.first}
	}
	for i := range k.turns {
		n := &k.turns[i]
		if at.Before(n.Moment) {
			continue
		}
		last := &born
		if n.end {
			last = &ended
		}
		if *last == nil || (*last).Before(n.Moment) {
			*last = n
		}
	}
	return born, ended
}

// GoesOn reports whether one token replaced the other, by rotations in between too: a token that was rotated in at the very time at which
// another was rotated out.
func (s *Subject) GoesOn(later, earlier *Token) bool {
	for range maxHops {
		before := s.replaced(later)
		if before == nil || before == earlier {
			return before != nil
		}
		later = before
	}
	return false
}

func (s *Subject) replaced(k *Token) *Token {
	for _, x := range k.sights {
		if !x.Rotated {
			continue
		}
		for _, o := range s.state.tokens {
			for _, n := range o.turns {
				if n.rotated && n.Time == x.Time && o != k {
					return o
				}
			}
		}
	}
	return nil
}

// Tokens is how many tokens are kept.
func (s *Subject) Tokens() int { return len(s.state.tokens) }
