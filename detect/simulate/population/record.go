package population

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// stretch is some minutes of the world: who acts in it, and what arrives.
type stretch struct {
	people  []*person
	records []record
}

// slot orders the records of a stretch.
type slot struct {
	arrives int64
	record  int32
}

func (s slot) compare(o slot) int {
	return cmp.Or(cmp.Compare(s.arrives, o.arrives), cmp.Compare(s.record, o.record))
}

// record is an event, small: what it shares with others it points at.
type record struct {
	at, arrives int64
	number      uint64
	token       string
	previous    string
	who         *identity
	client      *client
	geo         *schema.Geo
	request     *request
	incident    *incident
	nuisances   simulate.Nuisances
	auth        int64
	expires     int64
	ip          netip.Addr
	repeat      int32
	status      int16
	kind        schema.EventType
	role        simulate.Role
	binding     schema.Binding
	sensitive   bool
}

// put writes an event. Without a vantage it is the app's own doing.
func (w *World) put(r *rand.Rand, t int64, token string, who *identity, c *client, v *vantage, f *form) {
	if w.silent || t >= w.end {
		return
	}
	at := t + int64(who.app.skew) + r.Int64N(second/50)
	e := record{at: at - at%1000, number: w.numbers, token: token, previous: f.previous, who: who, client: c, request: f.request, incident: f.incident,
		nuisances: f.nuisances, auth: f.auth, repeat: f.repeat, status: f.status, kind: f.kind, role: f.role, binding: f.binding, sensitive: f.sensitive}
	w.numbers++
	if v != nil {
		e.ip, e.geo = v.ip, &v.block.geo[w.edition(t)]
	}
	if e.status == 0 && f.request != nil {
		e.status = 200
	}
	if who.user == "" {
		e.auth = 0
	} else if who.app.expiry && f.auth != 0 {
		e.expires = f.auth + int64(who.app.life)
	}
	if f.incident != nil {
		f.incident.saw(&e, w)
	}
	w.arrive(&e, r)
}

// arrive decides when an event arrives: nearly always at once.
func (w *World) arrive(e *record, r *rand.Rand) {
	e.arrives = e.at
	switch {
	case w.cfg.Shuffle:
		e.arrives += r.Int64N(maxLate)
	case w.cfg.Late > 0 && r.Float64() < w.cfg.Late:
		e.arrives += 20*second + r.Int64N(maxLate-20*second)
		e.nuisances |= simulate.Of(simulate.LateEvent)
	}
	w.file(e)
	if w.cfg.Repeats > 0 && r.Float64() < w.cfg.Repeats {
		e.nuisances |= simulate.Of(simulate.Duplicate)
		e.arrives = max(e.arrives, e.at+1+r.Int64N(30*second))
		w.file(e)
	}
}

func (w *World) file(r *record) {
	n := int((r.arrives - w.start) / w.stretch)
	s := &w.stretches[min(max(n, w.current-1, 0), len(w.stretches)-1)]
	if s.records == nil && len(w.spare) > 0 {
		last := len(w.spare) - 1
		s.records, w.spare = w.spare[last], w.spare[:last]
	}
	s.records = append(s.records, *r)
}

// fill writes a record out.
func (w *World) fill(e *simulate.Event, r *record, id string) {
	a := r.who.app
	*e = simulate.Event{Nuisances: r.nuisances, Role: r.role}
	e.ID, e.Time, e.Type = id, r.at, r.kind
	e.Token, e.PreviousToken = r.token, r.previous
	e.User, e.Session, e.Device, e.CNF, e.Tenant = r.who.user, r.who.session, r.who.device, r.who.cnf, r.who.tenant
	e.App, e.Host, e.Scheme, e.Repeat = a.name, a.host, schema.SchemeHTTPS, max(1, r.repeat)
	e.IP = r.ip
	if r.geo != nil {
		e.Geo = *r.geo
	}
	if r.token != "" {
		e.TokenIn, e.TokenBits = a.carrier, a.bits
	}
	if c := r.client; c != nil {
		e.UserAgent, e.Agent = c.userAgent, c.agent
		if a.ja4 {
			e.JA4 = c.ja4
		}
	}
	if r.request != nil {
		e.Method, e.Path, e.Status = r.request.method, r.request.path, int32(r.status)
	}
	e.Outcome = schema.OutcomeAccepted
	if r.status == 401 {
		e.Outcome = schema.OutcomeRejected
	}
	e.Binding, e.Sensitive, e.AuthTime, e.ExpiresAt = r.binding, r.sensitive, r.auth-r.auth%1000, r.expires-r.expires%1000
	if r.incident != nil {
		e.Attack, e.Incident = r.incident.kind, r.incident.number
	}
}

// id is the event's with a number.
func (w *World) id(number uint64) string { return w.prefix + strconv.FormatUint(number, 36) }

// nameAll makes the ids of a stretch, in one piece of memory for all.
func (w *World) nameAll(records []record) {
	w.text, w.ends = w.text[:0], w.ends[:0]
	for i := range w.queue {
		w.text = strconv.AppendUint(append(w.text, w.prefix...), records[w.queue[i].record].number, 36)
		w.ends = append(w.ends, len(w.text))
	}
	w.ids = string(w.text)
}

// name is the id of the n-th event of a stretch.
func (w *World) name(n int) string {
	if n == 0 {
		return w.ids[:w.ends[0]]
	}
	return w.ids[w.ends[n-1]:w.ends[n]]
}
