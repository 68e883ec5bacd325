package detect

import (
	"encoding/json"
	"net/netip"
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
// Only what was new is passed on and each sentence has one id per token, so loops of rotations come to rest.

// maxHops bounds how far down a family uses are handed; by then nothing of them matters any more.
const maxHops = 64

// maxHanded bounds the uses in one note, for the sake of the 64 KiB limit of records.
const maxHanded = 64

// inheritance is the payload of a note Inherited. Times are Unix nanoseconds.
type inheritance struct {
	Epoch    int             `json:"epoch,omitempty"`
	Hops     int             `json:"hops,omitempty"`
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

type handedActor struct {
	User    string `json:"user,omitempty"`
	Session string `json:"session,omitempty"`
	App     string `json:"app,omitempty"`
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
	out.Notes = append(out.Notes, t.note(schema.Superseded, e, e.PreviousToken, e.Token, e.ID, e.Time, ""))
}

func (t *Tokens) note(kind schema.EventType, e *schema.Event, token, previous, cause string, at int64, payload string) schema.Event {
	return schema.Event{
		ID: schema.NoteID(kind, e.Tenant, token, cause), Time: at, Type: kind, Tenant: strings.Clone(e.Tenant), Token: strings.Clone(token),
		PreviousToken: strings.Clone(previous), User: strings.Clone(e.User), App: strings.Clone(e.App), Session: strings.Clone(e.Session),
		Partition: e.Partition, Repeat: 1, Outcome: schema.OutcomeAccepted, Note: payload,
	}
}

// inherit hands down what is known, now that the token is known to be replaced.
func (t *Tokens) inherit(view *Session, e *schema.Event, out *Output) {
	t.bequeath(view, e, e.PreviousToken, e.Time, 0, func(*Use) bool { return true }, out)
}

// passOn hands down a use that came after the token was known to be replaced but happened before.
func (t *Tokens) passOn(view *Session, e *schema.Event, out *Output) {
	t.bequeathAll(view, e, 0, func(u *Use) bool { return u.Time == e.Time && u.ID() == e.ID }, out)
}

func (t *Tokens) bequeathAll(view *Session, e *schema.Event, hops int, which func(*Use) bool, out *Output) {
	for i := range view.Marks {
		if m := &view.Marks[i]; m.Kind == RotatedOut {
			t.bequeath(view, e, m.Text, m.Time, hops, which, out)
		}
	}
}

// bequeath makes a note for the successor of the uses up to the rotation that matter to it: those inside the window before, and each
// vantage's last.
func (t *Tokens) bequeath(view *Session, e *schema.Event, successor string, rotated int64, hops int, which func(*Use) bool, out *Output) {
	if hops > maxHops || successor == view.Token {
		return
	}
	p := inheritance{Epoch: view.Epoch(rotated, e.ID), Hops: hops + 1}
	vantages, actors := map[*Vantage]int{}, map[uint8]int{}
	var seen uint64
	for i := len(view.Uses) - 1; i >= 0 && len(p.Uses) < maxHanded; i-- {
		u := &view.Uses[i]
		if u.Vantage == nil || u.Time > rotated {
			continue
		}
		if last := u.First(&seen); !last && u.Time < rotated-int64(t.pairs.Window) || !which(u) {
			continue
		}
		v, ok := vantages[u.Vantage]
		if !ok {
			v = len(p.Vantages)
			vantages[u.Vantage] = v
			w := u.Vantage
			p.Vantages = append(p.Vantages, handedVantage{IP: w.IP, Geo: w.Geo, Agent: w.Agent, Device: w.Device, JA4: w.ja4, Hash: w.device, CNF: w.cnf, First: w.First})
		}
		a, ok := actors[u.raw.actor]
		if !ok {
			a = -1
			if x := t.actorOf(u.raw.actor); x != nil {
				a = len(p.Actors)
				p.Actors = append(p.Actors, handedActor{User: t.texts.text(x.user), Session: t.texts.text(x.session), App: t.symbols.Text(x.app)})
			}
			actors[u.raw.actor] = a
		}
		p.Uses = append(p.Uses, handedUse{ID: u.ID(), Time: u.Time, Vantage: v, Actor: a, Rejected: !u.Accepted})
	}
	if len(p.Uses) == 0 && p.Epoch == 0 {
		return
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return // a coordinate that is no number: not worth handing down
	}
	out.Notes = append(out.Notes, t.note(schema.Inherited, e, successor, "", e.ID, rotated, string(payload)))
}

// foldInherited takes over what the token before this one knew.
func (t *Tokens) foldInherited(s *session, e *schema.Event, out *Output) {
	var p inheritance
	if json.Unmarshal([]byte(e.Note), &p) != nil {
		return // only hijackd writes notes; one that can't be read says nothing
	}
	s.epoch = max(s.epoch, uint8(max(0, min(p.Epoch, 255)))) // #nosec G115 -- clamped
	fresh := map[eventIdentity]bool{}
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
		if h.Actor >= 0 && h.Actor < len(p.Actors) {
			a := p.Actors[h.Actor]
			u.actor = t.actor(s, a.User, a.Session, a.App)
		}
		w := p.Vantages[h.Vantage]
		v := Vantage{IP: w.IP, Geo: w.Geo, Agent: w.Agent, Device: w.Device, ja4: w.JA4, device: w.Hash, cnf: w.CNF}
		u.vantage, _ = t.vantage(s, &v, min(w.First, h.Time))
		if !t.add(s, &u) {
			t.forget(id)
			continue
		}
		fresh[eventIdentity{h.Time, h.ID}] = true
	}
	if len(fresh) == 0 {
		return
	}
	view := t.spread(s, e.Tenant, e.Token)
	t.settle(s, view)
	view.From, view.To = 0, len(view.Uses)
	t.twins(view)
	if s.found != 0 {
		t.revise(s, view, e, out)
	} else {
		t.judge(s, view, e, false, out)
		t.judge(s, view, e, true, out)
	}
	t.bequeathAll(view, e, p.Hops, func(u *Use) bool { return fresh[eventIdentity{u.Time, u.ID()}] }, out)
}

type eventIdentity struct {
	time int64
	id   string
}

// settle notes afresh where the newest use was, after uses came in that are not in order.
func (t *Tokens) settle(s *session, view *Session) {
	s.vantage, s.moved = noVantage, 0
	for i := len(view.Uses) - 1; i >= 0; i-- {
		u := &view.Uses[i]
		switch {
		case u.Vantage == nil:
		case s.vantage == noVantage:
			s.vantage = u.Vantage.number
		case u.Vantage.number != s.vantage:
			s.moved = u.Time
			return
		}
	}
}
