package population

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// Incident is one attack, as it took place.
type Incident struct {
	ID       string          `json:"incident"` // inc- and the number in simulate.Event
	Number   uint32          `json:"-"`
	Kind     simulate.Attack `json:"kind"`
	Tenant   string          `json:"tenant"`
	Users    []string        `json:"users"`    // whose tokens were presented; nobody's for tokens that were never issued
	Tokens   []string        `json:"tokens"`   // what the attacker presented
	Related  []string        `json:"related"`  // tokens that the owners used from the theft on
	Networks []netip.Prefix  `json:"networks"` // the attacker's
	First    time.Time       `json:"first"`    // time of the attacker's first event
	FirstID  string          `json:"first_id"` // its id
	Last     time.Time       `json:"last"`
	Events   int             `json:"events"` // the attacker's
}

// incident is an attack under way.
type incident struct {
	w      *World
	number uint32
	kind   simulate.Attack
	rand   *rand.Rand
	at     int64 // not before
	bound  bool
	story  Incident
	seen   map[string]bool // tokens, users and networks in story
}

// planIncidents spreads the attacks over the middle of the time, kinds mixed.
func (w *World) planIncidents() {
	each := max(1, w.cfg.Each)
	n := each * len(w.cfg.Attacks)
	for i := range n {
		k := w.cfg.Attacks[i%len(w.cfg.Attacks)]
		number := uint32(i + 1)                                      // #nosec G115 -- small
		r := rand.New(rand.NewPCG(w.cfg.Seed, 1<<40+uint64(number))) // #nosec G404 -- not for secrets
		share := 0.06 + 0.62*(float64(i)+r.Float64())/float64(n)
		w.incidents = append(w.incidents, &incident{w: w, number: number, kind: k, rand: r, at: w.start + int64(w.cfg.Calm) + int64(share*float64(w.cfg.Duration-w.cfg.Calm)), seen: map[string]bool{},
			story: Incident{ID: "inc-" + strconv.Itoa(i+1), Number: number, Kind: k}})
	}
}

// strike begins the incidents that are due in the stretch that begins now, if they find their victim. Everybody's state is that of now.
func (w *World) strike(now int64) {
	for _, i := range w.incidents {
		if !i.bound && i.at < now+w.stretch {
			i.bound = i.begin(now)
		}
	}
}

// Incidents lists the attacks so far, by number. One that has found no victim yet, or never, is left out.
func (w *World) Incidents() (all []Incident) {
	for _, i := range w.incidents {
		if i.story.Events > 0 {
			s := i.story
			s.Users, s.Tokens, s.Related, s.Networks = copied(s.Users), copied(s.Tokens), copied(s.Related), copied(s.Networks)
			all = append(all, s)
		}
	}
	return all
}

// Missed lists the kinds of attacks that found no victim so far.
func (w *World) Missed() (kinds []simulate.Attack) {
	for _, i := range w.incidents {
		if i.story.Events == 0 {
			kinds = append(kinds, i.kind)
		}
	}
	return kinds
}

// saw takes note of an event of the incident.
func (i *incident) saw(e *record, w *World) {
	s := &i.story
	fresh := func(text string) bool {
		if text == "" || i.seen[text] {
			return false
		}
		i.seen[text] = true
		return true
	}
	s.Tenant = e.who.tenant
	if e.role != simulate.Attacker {
		if e.token != "" && !i.seen["rel "+e.token] {
			i.seen["rel "+e.token] = true
			s.Related = append(s.Related, e.token)
		}
		return
	}
	if s.Events == 0 || e.at < s.First.UnixNano() {
		s.First, s.FirstID = time.Unix(0, e.at).UTC(), w.id(e.number)
	}
	if at := time.Unix(0, e.at).UTC(); at.After(s.Last) {
		s.Last = at
	}
	s.Events++
	if fresh(e.token) {
		s.Tokens = append(s.Tokens, e.token)
	}
	if fresh(e.who.user) {
		s.Users = append(s.Users, e.who.user)
	}
	if e.ip.IsValid() {
		if n := schema.Network(e.ip); fresh(n.String()) {
			s.Networks = append(s.Networks, n)
		}
	}
}

// raid is what an attacker does at a time, as an item of the victim's agenda.
type raid struct{ do func(t int64) }

func (r *raid) act(_ *person, t int64) { r.do(t) }

// later has the attacker act.
func (i *incident) later(p *person, at int64, do func(t int64)) {
	p.agenda.add(item{at: at, deed: strike, raid: &raid{do}})
	i.w.enter(p)
}

// soon is a delay between two limits, shorter where the world ends before.
func (i *incident) soon(t int64, least, most time.Duration) int64 {
	d := int64(least) + i.rand.Int64N(int64(most-least)+1)
	return t + min(d, max(second, (i.w.end-t)/3))
}

// victim finds a live session that nobody attacks and that fits.
func (i *incident) victim(fits func(p *person, s *session) bool) (*person, *session) {
	people := i.w.people
	from := i.rand.IntN(len(people))
	for n := range min(len(people), 3000) {
		p := people[(from+n)%len(people)]
		if p.robbed {
			continue
		}
		for _, s := range p.sessions {
			if s.live && s.incident == nil && s.last.ip.IsValid() && fits(p, s) {
				return p, s
			}
		}
	}
	return nil, nil
}

// claim makes a session part of the incident: from now on its owner's events are labelled, too.
func (i *incident) claim(p *person, s *session) {
	p.robbed, s.incident = true, i
}

// active reports whether a session is in use at the beginning of a stretch.
func active(s *session, now int64) bool { return s.until > now+20*second && !s.device.link.offline }

// goOn lets the owner go on until a time.
func (s *session) goOn(until int64) { s.until = max(s.until, until) }

// copied is never nil, so that JSON has an empty list.
func copied[T any](all []T) []T { return append([]T{}, all...) }
