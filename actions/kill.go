package actions

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

// turned is a state of the kill switch. There are two, either of which holds all actions of a lane: the one that people order, and
// the one that follows the kill file. Both are durable, so that whoever takes the lane over knows, and knows when they went off.
type turned struct {
	File bool      `json:"file,omitempty"`
	On   bool      `json:"on"`
	By   string    `json:"by"`
	Via  string    `json:"via,omitempty"`
	Why  string    `json:"why"`
	At   time.Time `json:"at"`
	// N grows with every change of this switch; of its records the highest counts.
	N int64 `json:"n"`
	// ID is the order's; of the file's switch it is made of N.
	ID string `json:"id"`
}

// switches are the states of both, by File.
type switches struct {
	state map[bool]turned
	said  map[bool]time.Time
	order map[bool]int64 // offset of the record that said it first
}

func newSwitches() switches {
	return switches{state: map[bool]turned{}, said: map[bool]time.Time{}, order: map[bool]int64{}}
}

// orderSwitch answers kill and unkill.
func (f *Fold) orderSwitch(o *order) {
	on := o.Command.Verb == schema.Kill
	now := f.switches.state[false]
	switch {
	case on && now.On:
		o.refuse("", "it is on already")
	case !on && !now.On:
		o.refuse("", "it is off already")
	default:
		o.N = now.N + 1
		o.Answers = append(o.Answers, answer{})
	}
}

// turned is the state that an order makes.
func (o *order) turned() *turned {
	c := &o.Command
	return &turned{On: c.Verb == schema.Kill, By: c.By, Via: c.Via, Why: c.Why, At: o.At, N: o.N, ID: c.ID}
}

// has reports whether the log holds a state or a later one.
func (s *switches) has(t *turned) bool { return s.state[t.File].N >= t.N }

// say takes note that the log holds a state and reports whether that is news.
func (s *switches) say(offset int64, at time.Time, t turned) bool {
	news := !s.has(&t)
	if news {
		s.state[t.File], s.order[t.File] = t, offset
	}
	if s.state[t.File].N == t.N {
		s.said[t.File] = at
	}
	return news
}

// unsaid lists the states that the log last said longer than age ago. An off is said again, too: a late repetition of the on before it
// must not come alone.
func (s *switches) unsaid(now time.Time, age time.Duration) (rs []*record) {
	for _, file := range [...]bool{false, true} {
		if t := s.state[file]; t.N > 0 && now.Sub(s.said[file]) >= age {
			rs = append(rs, &record{Switch: &t})
		}
	}
	return rs
}

// on reports whether either is on.
func (s *switches) on() bool { return s.state[false].On || s.state[true].On }

// kept reports whether a switch is on that was so before an entry was authorised: then nobody has tried it.
func (s *switches) kept(e *entry) bool {
	for _, file := range [...]bool{false, true} {
		if s.state[file].On && s.order[file] < e.order {
			return true
		}
	}
	return false
}

// off is when the last one went off, zero where none ever did. What waits counts its age from then.
func (s *switches) off() (at time.Time) {
	for _, t := range s.state {
		if !t.On && t.At.After(at) {
			at = t.At
		}
	}
	return at
}

// fileEvery is how often the kill file is looked for.
const fileEvery = time.Second

// fileThere reports whether the kill file exists.
func (r *Response) fileThere() bool { return r.deps.Killed != nil && r.deps.Killed() }

// killed reports whether no action may be tried. That the file is gone counts once the log says so.
func (r *Response) killed() bool {
	return !r.faults.killLeaks && (r.fold.switches.on() || r.fileThere())
}

// follow makes the switch of the kill file follow it, and pages for what is on.
func (r *Response) followFile(now time.Time) (rs []*record) {
	if s := r.fold.switches.state[true]; r.fileThere() != s.On {
		t := &turned{File: true, On: !s.On, By: "policy.kill_switch", Via: "policy", At: now.UTC(), N: s.N + 1, Why: "the file is gone"}
		if t.On {
			t.Why = "the file is there"
		}
		t.ID = "file-" + itoa(int(t.N))
		rs = append(rs, &record{Switch: t})
	}
	for _, file := range [...]bool{false, true} {
		if t := r.fold.switches.state[file]; t.On {
			rs = append(rs, r.page("killed", t.ID, "The kill switch is on: revocations and other actions are decided and wait until it is off.")...)
		}
	}
	return rs
}

// resume lets what waited for the switch go out, no faster than the limits allow.
func (r *Response) resume() {
	r.resumed = r.fold.switches.off()
	for _, q := range r.revokers {
		q.pace()
	}
}
