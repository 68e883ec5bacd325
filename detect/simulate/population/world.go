package population

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
)

// Config says what to simulate.
type Config struct {
	Seed     uint64
	Users    int           // how many people there are; 0: as many as make Sessions
	Sessions int           // benign logins in the whole Duration, about; counts where Users is 0
	Start    time.Time     // time of the first event
	Duration time.Duration // event time between first and last event
	Attacks  []simulate.Attack
	Each     int           // incidents of each kind; 0: 1
	Calm     time.Duration // from the start, without attackers: what hijackd needs to know how things usually are
	Late     float64       // share of events that arrive up to 9 min late, 0 to 1
	Repeats  float64       // share of events that arrive twice, 0 to 1
	Shuffle  bool          // every event arrives up to 9 min late
	Hard     bool          // also nuisances that no rule can tell from an attack by what the events say; see simulate.Nuisance
}

// Validate reports the first mistake.
func (c *Config) Validate() error {
	switch {
	case c.Users < 0 || c.Sessions < 0 || c.Each < 0 || c.Users == 0 && c.Sessions == 0:
		return errors.New("users or sessions: at least 1")
	case c.Users > 5_000_000 || c.Sessions > 100_000_000:
		return errors.New("users: at most 5 million; sessions: at most 100 million")
	case c.Duration < minDuration || c.Duration > 366*24*time.Hour:
		return fmt.Errorf("duration: from %s to a year", minDuration)
	case c.Start.Year() < 1971 || c.Start.Year() > 2200:
		return errors.New("start: from 1971 to 2200")
	case c.Calm < 0 || c.Calm >= c.Duration:
		return errors.New("calm: shorter than the duration")
	case !(c.Late >= 0 && c.Late <= 1 && c.Repeats >= 0 && c.Repeats <= 1):
		return errors.New("shares: from 0 to 1")
	}
	for _, a := range c.Attacks {
		if !a.Known() {
			return errors.New("attacks: unknown kind " + strconv.Quote(string(a)))
		}
	}
	return nil
}

const (
	minDuration = time.Minute
	maxLate     = 9 * minute // inside hijackd's lateness of 10 min
)

// World hands out events in the order in which they arrive: that of their times, save for late ones. It is not safe for concurrent use.
type World struct {
	cfg        Config
	plan       *plan
	apps       [len(tenants)][]*app
	clients    clients
	rand       *rand.Rand
	people     []*person
	offices    map[officeKey]*offices
	start, end int64
	update     int64 // of the GeoIP database
	stretch    int64 // ns
	stretches  []stretch
	current    int
	queue      []slot // of the current stretch, in order
	next       int
	count      int // benign logins
	numbers    uint64
	prefix     string // of ids
	ids        string // of the current stretch, one after the other
	ends       []int
	text       []byte
	spare      [][]record
	incidents  []*incident
	silent     bool // a rehearsal: nothing is written
}

// New returns a World.
func New(cfg Config) (*World, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Users == 0 {
		cfg.Users = rehearse(cfg)
	}
	w := build(cfg, cfg.Users)
	w.planIncidents()
	return w, nil
}

func build(cfg Config, users int) *World {
	w := &World{cfg: cfg, clients: clients{}, offices: map[officeKey]*offices{}, start: cfg.Start.UnixNano(), rand: rand.New(rand.NewPCG(cfg.Seed, 0))} // #nosec G404 -- not for secrets
	w.end = w.start + int64(cfg.Duration)
	w.update = w.start + int64(cfg.Duration)*11/20
	w.stretch = min(5*minute, max(second, int64(cfg.Duration)/100))
	w.stretches = make([]stretch, 1+(int64(cfg.Duration)+maxLate)/w.stretch)
	w.plan = newPlan(w.rand)
	for i := range tenants {
		w.apps[i] = catalogue(i)
	}
	w.prefix = simulate.IDPrefix + strconv.FormatUint(cfg.Seed, 36) + "-"
	w.people = make([]*person, users)
	for i := range w.people {
		p := newPerson(w, i)
		w.people[i] = p
		p.planned = midnight(w.start, p.city)
		p.agenda = make(agenda, 0, 12)
		p.locate(w.start)
		p.agenda.add(item{at: w.start + p.gap(w.start), deed: sit})
		p.agenda.add(item{at: midnight(w.start, p.city) + day + int64(4*hour), deed: wake})
		w.enter(p)
	}
	return w
}

// rehearse finds out how many people make the wanted sessions, from the first some hundred or thousand of them: exactly, if those are
// enough, since a person does the same whoever comes after them.
func rehearse(cfg Config) int {
	some := int(min(4000, max(500, 1500*12*time.Hour/cfg.Duration)))
	w := build(cfg, some)
	w.silent = true
	for i, p := range w.people {
		p.live(w.end)
		if w.count >= cfg.Sessions {
			return i + 1
		}
	}
	perPerson := max(float64(w.count), 1) / float64(some)
	return min(5_000_000, max(1, int(float64(cfg.Sessions)/perPerson+0.5)))
}

// edition is the GeoIP database's at a time.
func (w *World) edition(t int64) int {
	if t < w.update {
		return 0
	}
	return 1
}

// Users is how many people there are.
func (w *World) Users() int { return len(w.people) }

// Sessions is how many benign logins there were so far.
func (w *World) Sessions() int { return w.count }

// Places lists what a GeoIP database says of the world's networks, before its update in mid-simulation. The events' own geo
// knows the update, too.
func (w *World) Places() []Place { return w.plan.places() }

// somewhere is a city, chosen by weight.
func (w *World) somewhere(r *rand.Rand) *city {
	for {
		if c := w.plan.cities[r.IntN(len(w.plan.cities))]; r.IntN(9) < c.weight {
			return c
		}
	}
}

// cabin is the Wi-Fi of an aeroplane: what the satellite's ground station shows.
func (w *World) cabin(r *rand.Rand) *outlet {
	n := w.plan.satellite[r.IntN(len(w.plan.satellite))]
	o := &outlet{city: nil, shared: true}
	o.ip, o.block = n.four(r.Uint32N(2000))
	return o
}

type officeKey struct {
	tenant int
	city   *city
}

// offices are a tenant's in a city; each is filled with some dozens of people before the next one opens.
type offices struct {
	all  []*office
	seat int
}

func (w *World) officeOf(tenant int, c *city, r *rand.Rand) *office {
	k := officeKey{tenant, c}
	o := w.offices[k]
	if o == nil {
		o = &offices{}
		w.offices[k] = o
	}
	if o.seat == 0 {
		o.all = append(o.all, newOffice(c, r))
		o.seat = 8 + r.IntN(120)
	}
	o.seat--
	return o.all[len(o.all)-1]
}

// enter puts a person into the stretch of their next action.
func (w *World) enter(p *person) {
	if len(p.agenda) == 0 || p.agenda[0].at >= w.end {
		return
	}
	n := int((p.agenda[0].at - w.start) / w.stretch)
	if n < 0 || n == p.stretch {
		return
	}
	p.stretch = n
	w.stretches[n].people = append(w.stretches[n].people, p)
}

// Next writes the next event into e and reports whether there was one.
func (w *World) Next(e *simulate.Event) bool {
	for w.next >= len(w.queue) {
		if w.current >= len(w.stretches) {
			return false
		}
		w.advance()
	}
	s := &w.stretches[w.current-1]
	w.fill(e, &s.records[w.queue[w.next].record], w.name(w.next))
	w.next++
	return true
}

// advance lets everybody live through the next stretch, and sorts what arrives in it.
func (w *World) advance() {
	n := w.current
	if n > 0 {
		w.spare = append(w.spare, w.stretches[n-1].records[:0])
		w.stretches[n-1] = stretch{}
	}
	w.current++
	from := w.start + int64(n)*w.stretch
	until := min(w.end, from+w.stretch)
	w.strike(from)
	s := &w.stretches[n]
	for i := 0; i < len(s.people); i++ {
		p := s.people[i]
		if p.stretch != n {
			continue // has another appointment by now
		}
		p.live(until)
		p.stretch = -1
		w.enter(p)
	}
	s.people = nil
	w.queue, w.next = w.queue[:0], 0
	for i := range s.records {
		w.queue = append(w.queue, slot{s.records[i].arrives, int32(i)}) // #nosec G115 -- fewer than 2³¹ in a stretch
	}
	slices.SortFunc(w.queue, slot.compare)
	w.nameAll(s.records)
}
