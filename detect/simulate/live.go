package simulate

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Config says what to simulate.
type Config struct {
	Seed     uint64
	Sessions int           // live at once, at least 1; two thirds as many people
	Start    time.Time     // time of the first event
	Duration time.Duration // event time between first and last event; 0: without end
	Pace     time.Duration // mean time between two uses of a session; 0: 10 s
	Attacks  []Attack      // spread evenly over the middle of the duration, or from 15 s on every 12 s where there is no end
}

// Validate reports the first mistake.
func (c *Config) Validate() error {
	switch {
	case c.Sessions < 1:
		return errors.New("sessions: at least 1")
	case c.Duration < 0 || c.Pace < 0:
		return errors.New("duration and pace can't be negative")
	case c.Start.UnixNano() < 0:
		return errors.New("start: before 1970")
	case len(c.Attacks) > c.Sessions:
		return errors.New("attacks: more than sessions to attack")
	}
	for _, a := range c.Attacks {
		if !a.Simple() {
			return errors.New("attacks: unknown kind " + strconv.Quote(string(a)))
		}
	}
	return nil
}

// IDPrefix begins the id of every simulated event.
const IDPrefix = "sim-"

// Generator hands out events in order of time. It is not safe for concurrent use.
type Generator struct {
	cfg      Config
	rand     *rand.Rand
	cities   []city
	queue    queue
	now, end int64
	pace     int64
	count    uint64
	prefix   string
	sessions []*session
	byToken  map[string]*session
	revoked  map[string]bool
}

// actor writes one event when its turn comes and says how long until its next one; ok is false where there is none.
type actor interface {
	act(g *Generator, e *Event) (wait int64, ok bool)
}

// New returns a Generator.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Pace == 0 {
		cfg.Pace = 10 * time.Second
	}
	g := &Generator{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 1)), cities: plan(), now: cfg.Start.UnixNano(), pace: int64(cfg.Pace), // #nosec G404 -- not for secrets
		prefix: IDPrefix + strconv.FormatUint(cfg.Seed, 36) + "-", byToken: map[string]*session{}, revoked: map[string]bool{}}
	g.end = g.now + int64(cfg.Duration)
	people := make([]*person, 1+cfg.Sessions*2/3)
	for i := range people {
		people[i] = newPerson(i, g.cities, g.rand)
	}
	for i := range cfg.Sessions {
		s := newSession(g, people[i%len(people)], i >= len(people))
		g.sessions = append(g.sessions, s)
		g.queue.push(turn{g.now + g.rand.Int64N(g.pace), uint32(len(g.queue)), s}) // #nosec G115 -- fits
	}
	for i, a := range cfg.Attacks {
		at := g.now + int64(15*time.Second) + int64(i)*int64(12*time.Second)
		if cfg.Duration > 0 {
			at = g.now + int64(cfg.Duration)/5 + int64(cfg.Duration)*3/5*int64(i)/int64(len(cfg.Attacks))
		}
		g.queue.push(turn{at, uint32(len(g.queue)), newTheft(a)}) // #nosec G115 -- fits
	}
	return g, nil
}

// Next writes the next event into e and reports whether there was one.
func (g *Generator) Next(e *Event) bool {
	for len(g.queue) > 0 {
		t := g.queue[0]
		if g.cfg.Duration > 0 && t.at > g.end {
			return false
		}
		g.now = max(g.now, t.at)
		*e = Event{}
		wait, ok := t.actor.act(g, e)
		if ok {
			t.at += max(1, wait)
			g.queue.replaceTop(t)
		} else {
			g.queue.pop()
		}
		if e.Token != "" {
			g.finish(e)
			return true
		}
	}
	return false
}

// finish fills in what every event has.
func (g *Generator) finish(e *Event) {
	g.count++
	e.ID = g.prefix + strconv.FormatUint(g.count, 36)
	e.Time = g.now
	e.Repeat = 1
	e.App = "shop"
	e.Outcome = schema.OutcomeAccepted
	if e.Status == 401 {
		e.Outcome = schema.OutcomeRejected
	}
}

// Revoke tells the simulated app that a token is revoked: it rejects the token from now on, and its user logs in again. It reports
// whether the app knew the token.
func (g *Generator) Revoke(token string) bool {
	g.revoked[token] = true
	s := g.byToken[token]
	if s != nil {
		s.refused = true
	}
	return s != nil
}

// Attack adds one attack that begins after the given event time.
func (g *Generator) Attack(a Attack, after time.Duration) {
	g.queue.push(turn{g.now + int64(after), uint32(len(g.queue)), newTheft(a)}) // #nosec G115 -- fits
}

// token makes a fingerprint that nobody else has.
func (g *Generator) token() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], g.rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], g.rand.Uint64())
	return "h1:sim:" + base64.RawURLEncoding.EncodeToString(b[:])
}

// about returns an exponentially distributed wait of the given mean.
func (g *Generator) about(mean time.Duration) int64 {
	return int64(g.rand.ExpFloat64() * float64(mean))
}

func (g *Generator) chance(oneIn int) bool { return g.rand.IntN(oneIn) == 0 }
