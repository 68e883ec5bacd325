package detect

import (
	"encoding/json"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// Rotation: a session goes on under another token, kept by another lane. Its lanes tell each other by notes on the event topic, in
// any order and as often as they like:
//
//	session.rotated at the new token    → superseded, at the old one
//	superseded at the old token         → inherited, at its successor: what the old one knew
//	a late use of the old token         → inherited, of that use alone
//	inherited at a token rotated out    → inherited, at its successor, of what was new in it
//	a replay of the old token           → sentenced, at its successor, and so on to the live end
//
// Only what was new is passed on, to each successor once however often it replaced the token, and each sentence has one id per token. So
// loops of rotations come to rest: what is new of one of n tokens that an app goes on reusing makes a note for each of the others.

const (
	// maxHops bounds how far down a family uses are handed; by then nothing of them matters any more.
	maxHops = 64
	// maxSentenced bounds how far down a sentence is passed, in rotations: a week of them, ten minutes each.
	maxSentenced = 1024
)

// maxHanded bounds the uses in one note, for the sake of the 64 KiB limit of records; more uses take more notes.
const maxHanded = 64

// inheritance is the payload of a note Inherited. Times are Unix nanoseconds.
type inheritance struct {
	Epoch    int             `json:"epoch,omitempty"`
	Hops     int             `json:"hops,omitempty"`
	Root     string          `json:"root,omitempty"`  // the first token of the family that is known
	Depth    int             `json:"depth,omitempty"` // rotations since that one
	Start    int64           `json:"start,omitempty"` // the earliest session.started of the family
	Auth     []handedAuth    `json:"auth,omitempty"`
	Vantages []handedVantage `json:"vantages,omitempty"`
	Actors   []handedActor   `json:"actors,omitempty"`
	Uses     []handedUse     `json:"uses"`
}

type handedVantage struct {
	IP     netip.Addr   `json:"ip"`
	Geo    schema.Geo   `json:"geo"`
	Agent  schema.Agent `json:"agent"`
	Device string       `json:"device,omitempty"`
	JA4    string       `json:"ja4,omitempty"`
	Hash   uint64       `json:"device_hash,omitempty"`
	CNF    uint64       `json:"cnf_hash,omitempty"`
	First  int64        `json:"first"`
}

// handedAuth says when the user authenticated.
type handedAuth struct {
	ID      string `json:"id"`
	Known   int64  `json:"known"`     // since when that is known
	At      uint32 `json:"auth_time"` // Unix seconds
	Vantage int    `json:"vantage"`   // where, or -1
}

type handedActor struct {
	User    string `json:"user,omitempty"`
	Session string `json:"session,omitempty"`
	App     string `json:"app,omitempty"`
	Since   int64  `json:"since"` // Unix milliseconds
}

type handedUse struct {
	ID       string `json:"id"`
	Time     int64  `json:"time"`
	Vantage  int    `json:"vantage"`
	Actor    int    `json:"actor"`
	Rejected bool   `json:"rejected,omitempty"`
}

// supersede tells the old token of a rotation that it was replaced.
func (t *Tokens) supersede(e *schema.Event, out *Output) {
	if e.PreviousToken == "" || e.PreviousToken == e.Token {
		return
	}
	by := author{e.User, e.Session, e.App, e.Partition}
	out.Notes = append(out.Notes, by.note(schema.Superseded, e.Tenant, e.PreviousToken, e.Token, e.ID, e.Time, ""))
}

// author is whom a note speaks of, and the lane that it is from.
type author struct {
	user, session, app string
	partition          int32
}

func (a author) note(kind schema.EventType, tenant, token, previous, cause string, at int64, payload string) schema.Event {
	return schema.Event{
		ID: schema.NoteID(kind, tenant, token, cause), Time: at, Type: kind, Tenant: strings.Clone(tenant), Token: strings.Clone(token),
		PreviousToken: strings.Clone(previous), User: strings.Clone(a.user), App: strings.Clone(a.app), Session: strings.Clone(a.session),
		Partition: a.partition, Repeat: 1, Outcome: schema.OutcomeAccepted, Note: payload,
	}
}

// inherit hands down what is known, now that the token is known to be replaced.
func (t *Tokens) inherit(view *Session, e *schema.Event, out *Output) {
	every := func(*Use) bool { return true }
	t.bequeath(view, legacy{to: e.PreviousToken, rotated: e.Time, cause: e.ID, which: every, lives: true, names: true, partition: e.Partition}, out)
}

// passOn hands down a use that came after the token was known to be replaced but happened before, and who it shows to have used it.
func (t *Tokens) passOn(view *Session, e *schema.Event, named, proof bool, out *Output) {
	own := func(u *Use) bool { return u.Time == e.Time && u.ID() == e.ID }
	t.bequeathAll(view, legacy{cause: e.ID, which: own, names: named, proof: proof, partition: e.Partition}, out)
}

// passLives hands down how many lives the token had, after a turn that may have changed it.
func (t *Tokens) passLives(view *Session, e *schema.Event, named bool, out *Output) {
	none := func(*Use) bool { return false }
	t.bequeathAll(view, legacy{cause: e.ID + " lives", which: none, lives: true, names: named, proof: e.Type == schema.SessionStarted, partition: e.Partition}, out)
}

func (t *Tokens) bequeathAll(view *Session, l legacy, out *Output) {
	for m := range view.successors() {
		l.to, l.rotated = m.Text, m.Time
		t.bequeath(view, l, out)
	}
}

// successors are the latest rotations to each token that replaced this one.
func (s *Session) successors() iter.Seq[*Mark] {
	return func(yield func(*Mark) bool) {
		for i := range s.Marks {
			m := &s.Marks[i]
			again := func(o Mark) bool { return o.Kind == RotatedOut && o.Text == m.Text }
			if m.Kind == RotatedOut && m.Text != s.Token && !slices.ContainsFunc(s.Marks[i+1:], again) && !yield(m) {
				return
			}
		}
	}
}

// legacy says what of a session is handed down to whom.
type legacy struct {
	to        string
	rotated   int64
	hops      int
	cause     string
	which     func(*Use) bool
	lives     bool // also where there is nothing but a count of lives
	names     bool // or nothing but who used it
	proof     bool // or nothing but when the user authenticated
	partition int32
}

// bequeath makes notes for the successor of the uses before the rotation that matter to it: those that are kept whole, and each
// vantage's last ones before.
func (t *Tokens) bequeath(view *Session, l legacy, out *Output) {
	if l.hops > maxHops || l.to == view.Token {
		return
	}
	var uses []*Use
	var row [64]int
	for i := len(view.Uses) - 1; i >= 0; i-- {
		u := &view.Uses[i]
		if u.Vantage == nil || u.Time >= l.rotated {
			continue
		}
		row[u.Vantage.number]++
		last := row[u.Vantage.number] <= max(1, t.wanted.Intervals)
		if (last || u.Time >= l.rotated-t.keep) && l.which(u) {
			uses = append(uses, u)
		}
	}
	epoch := view.Epoch(l.rotated, "")
	if len(uses) == 0 && (l.proof || epoch != 0 && l.lives || l.names && t.view.actors != 0) {
		t.handDown(view, l, epoch, nil, out)
	}
	for part := range slices.Chunk(uses, maxHanded) {
		t.handDown(view, l, epoch, part, out)
		l.cause += " more" // each note has an id of its own
	}
}

// handDown makes one note.
func (t *Tokens) handDown(view *Session, l legacy, epoch int, uses []*Use, out *Output) {
	p := inheritance{Epoch: epoch, Hops: l.hops + 1}
	vantages, actors := map[*Vantage]int{}, map[uint8]int{noActor: -1}
	for r := t.view.actors; r != 0; r = t.actors.at(r).next {
		x := t.actors.at(r)
		actors[x.number] = -1
		if x.since() <= millis(l.rotated) {
			actors[x.number] = len(p.Actors)
			p.Actors = append(p.Actors, handedActor{User: t.texts.text(x.user), Session: t.texts.text(x.session), App: t.symbols.Text(x.app), Since: x.since()})
		}
	}
	place := func(w *Vantage) int {
		v, ok := vantages[w]
		if !ok {
			v = len(p.Vantages)
			vantages[w] = v
			p.Vantages = append(p.Vantages, handedVantage{IP: w.IP, Geo: w.Geo, Agent: w.Agent, Device: w.Device, JA4: w.ja4, Hash: w.device, CNF: w.cnf, First: w.First})
		}
		return v
	}
	p.descend(view, l.rotated, place)
	for _, u := range uses {
		p.Uses = append(p.Uses, handedUse{ID: u.ID(), Time: u.Time, Vantage: place(u.Vantage), Actor: actors[u.raw.actor], Rejected: !u.Accepted})
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return // a coordinate that is no number: not worth handing down
	}
	by := author{partition: l.partition} // each use has its own
	out.Notes = append(out.Notes, by.note(schema.Inherited, view.Tenant, l.to, "", l.cause, l.rotated, string(payload)))
}

// foldInherited takes over what the token before this one knew.
func (t *Tokens) foldInherited(s *session, e *schema.Event, out *Output) {
	var p inheritance
	if json.Unmarshal([]byte(e.Note), &p) != nil {
		return // only hijackd writes notes; one that can't be read says nothing
	}
	epoch := max(s.epoch, uint8(max(0, min(p.Epoch, 255)))) // #nosec G115 -- clamped
	changed := epoch != s.epoch
	s.epoch = epoch
	proof := t.descended(s, e, &p)
	fresh := map[eventIdentity]bool{}
	actors, named := make([]uint8, len(p.Actors)), false
	for i, a := range p.Actors {
		n, news := t.actor(s, a.User, a.Session, a.App, max(0, min(a.Since, never)))
		actors[i], named = n, named || news
	}
	for _, h := range p.Uses {
		if h.Vantage < 0 || h.Vantage >= len(p.Vantages) || !p.Vantages[h.Vantage].IP.IsValid() {
			continue
		}
		id, short := packID(h.ID)
		if t.known(s, id, short, h.ID) {
			continue
		}
		if !short {
			id = textID(t.texts.add(h.ID))
		}
		u := use{id: id.b, kind: id.kind, actor: noActor, flags: useInherited}
		u.setTime(h.Time)
		if h.Rejected {
			u.flags |= useRejected
		}
		if h.Actor >= 0 && h.Actor < len(actors) {
			u.actor = actors[h.Actor]
		}
		w := p.Vantages[h.Vantage]
		v := w.vantage()
		u.vantage, _ = t.vantage(s, &v, min(w.First, h.Time))
		if !t.add(s, &u) {
			t.forget(id)
			continue
		}
		t.countInherited(s, e, &u)
		fresh[eventIdentity{h.Time, h.ID}] = true
	}
	t.setMain(s)
	if len(fresh) == 0 && !changed && !named && !proof {
		return
	}
	if named {
		s.flags &^= sessionTold
		t.sightAgain(s, e, out)
		t.countNamed(s, e)
	}
	view := t.spread(s, e.Tenant, e.Token)
	t.settle(s)
	view.From, view.To = 0, len(view.Uses)
	t.pairUp(s, view)
	if s.found != 0 {
		t.revise(s, view, e, out)
	} else {
		t.judge(s, view, e, s.possible(), out)
	}
	handed := func(u *Use) bool { return fresh[eventIdentity{u.Time, u.ID()}] }
	t.bequeathAll(view, legacy{hops: p.Hops, cause: e.ID, which: handed, lives: changed, names: named, proof: proof, partition: e.Partition}, out)
}

type eventIdentity struct {
	time int64
	id   string
}

// settle lets the next use be looked at in any case: inherited uses came out of order and complete nothing themselves.
func (t *Tokens) settle(s *session) { s.vantage, s.moved = noVantage, s.newest }
