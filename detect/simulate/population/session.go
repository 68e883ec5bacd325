package population

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// identity is what stays the same in all events of a session.
type identity struct {
	user, session, device, cnf string
	tenant                     string
	app                        *app
}

// session is one login of a person at an app with one client.
type session struct {
	who       *identity
	app       *app
	device    *device
	client    *client // of the device: its browser, its app, a browser inside another app
	shown     *client // at the last request
	token     string
	parent    string // the token before, and the one before that
	grand     string
	live      bool
	open      bool // a tab polls
	tabs      int
	tunnelled bool // for this sitting
	auth      int64
	expires   int64
	used      int64
	rotateAt  int64
	until     int64 // the end of the sitting
	polls     int   // not sent yet
	last      vantage
	edition   int
	incident  *incident
}

func fingerprint(r *rand.Rand) string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], r.Uint64())
	binary.LittleEndian.PutUint64(b[8:], r.Uint64())
	return "h1:sim:" + base64.RawURLEncoding.EncodeToString(b[:])
}

// thumbprint is of a key that a device holds (RFC 7638).
func thumbprint(r *rand.Rand) string {
	var b [32]byte
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// identify makes the identity of a new session.
func (p *person) identify(a *app, d *device) *identity {
	id := &identity{user: p.name, session: "sid-" + strconv.FormatUint(p.rand.Uint64(), 36), tenant: tenants[p.tenant], app: a}
	if p.account != "" && a == p.w.apps[p.tenant][appShop] {
		id.user = p.account
	}
	if a.device {
		id.device = d.id
	}
	if a.cnf {
		id.cnf = d.cnf
	}
	return id
}

// find is the live session of a client at an app.
func (p *person) find(a *app, d *device, c *client) *session {
	for _, s := range p.sessions {
		if s.live && s.app == a && s.device == d && s.client.browser == c.browser {
			return s
		}
	}
	return nil
}

// login makes a session, with what goes before it: pages seen as a visitor, mistyped passwords. It returns the time after it.
func (p *person) login(a *app, d *device, c *client, t int64) (*session, int64) {
	s := &session{app: a, device: d, client: c, shown: c, live: true, tabs: 1, token: fingerprint(p.rand), tunnelled: p.rand.IntN(8) > 0}
	s.who = &identity{tenant: tenants[p.tenant], app: a}
	var kept simulate.Nuisances
	if a.anonymous {
		for range 1 + p.rand.IntN(3) {
			p.request(s, t, asUse(&a.requests[p.rand.IntN(2)]))
			t += p.about(5 * time.Second)
		}
		kept = simulate.Of(simulate.KeptToken)
		if !a.keepsToken {
			kept = 0
			s.token = fingerprint(p.rand)
		}
	}
	if !a.native && p.rand.IntN(25) == 0 {
		for range 1 + p.rand.IntN(2) {
			who := *s.who
			who.user = p.name
			p.request(s, t, form{kind: schema.LoginFailed, request: &a.login, status: 401, who: &who, nuisances: simulate.Of(simulate.Typo)})
			t += p.about(8*time.Second) + second
		}
	}
	s.who = p.identify(a, d)
	s.auth, s.used, s.expires = t, t, t+int64(a.life)
	if a.rotates > 0 {
		s.rotateAt = t + p.around(a.rotates)
	}
	p.request(s, t, form{kind: schema.SessionStarted, request: &a.login, nuisances: kept})
	p.w.count++
	p.sessions = append(p.prune(), s)
	if a.idle > 0 {
		p.agenda.add(item{at: t + int64(a.idle), deed: idle, session: s})
	}
	p.openTabs(s, t)
	return s, t + p.about(2*time.Second) + second/2
}

// openTabs lets a session poll: in a browser on a desk, or in the phone's app.
func (p *person) openTabs(s *session, t int64) {
	a := s.app
	if a.poll == 0 || s.device.kind != desktop && s.device.kind != laptop && !a.native {
		return
	}
	s.open = true
	if a.tabs && p.rand.IntN(3) == 0 {
		s.tabs = 2
	}
	for range s.tabs {
		p.agenda.add(item{at: t + p.rand.Int64N(int64(a.poll)) + second, deed: poll, session: s})
	}
}

// prune forgets dead sessions.
func (p *person) prune() []*session {
	kept := p.sessions[:0]
	for _, s := range p.sessions {
		if s.live {
			kept = append(kept, s)
		}
	}
	clear(p.sessions[len(kept):])
	return kept
}

// about is exponentially distributed with a mean.
func (p *person) about(mean time.Duration) int64 { return int64(p.rand.ExpFloat64() * float64(mean)) }

// around is within 40 % of a mean.
func (p *person) around(mean time.Duration) int64 {
	return int64((0.6 + 0.8*p.rand.Float64()) * float64(mean))
}

// rotate replaces the token; with several tabs, one may use the old one once more.
func (p *person) rotate(s *session, t int64) {
	old := s.token
	s.grand, s.parent, s.token = s.parent, old, fingerprint(p.rand)
	if s.app.rotates > 0 {
		s.rotateAt = t + p.around(s.app.rotates)
	}
	p.request(s, t, form{kind: schema.SessionRotated, request: &s.app.refresh, previous: old})
	if s.tabs > 1 && p.rand.IntN(3) == 0 || p.rand.IntN(40) == 0 {
		p.agenda.add(item{at: t + 50*second/1000 + p.rand.Int64N(4*second), deed: race, session: s, token: old})
	}
}

// logout ends a session; a request may be under way.
func (p *person) logout(s *session, t int64) {
	p.request(s, t, form{kind: schema.SessionEnded, request: &s.app.out})
	s.live, s.open = false, false
	if p.rand.IntN(6) == 0 {
		p.agenda.add(item{at: t + second/20 + p.rand.Int64N(6*second), deed: inFlight, session: s, token: s.token})
	}
}

func (p *person) inFlight(s *session, t int64, token string) {
	f := asUse(&s.app.requests[0])
	f.token, f.nuisances = token, simulate.Of(simulate.InFlight)
	if p.rand.IntN(2) == 0 {
		f.status = 401
	}
	p.request(s, t, f)
}

// idle is the app's own check: it ends what was not used for long, without anybody's request.
func (p *person) idle(s *session, t int64) {
	switch due := s.used + int64(s.app.idle); {
	case !s.live:
	case due > t:
		p.agenda.add(item{at: due, deed: idle, session: s})
	default:
		s.live, s.open = false, false
		p.w.put(p.rand, t, s.token, s.who, nil, nil, &form{kind: schema.SessionEnded, incident: s.incident})
	}
}

// retry is a client that does not know that its token is dead. It does so only where it was before: elsewhere it would look like a thief.
func (p *person) retry(i item) {
	s := i.session
	if v, ok := p.reach(s, i.at); !ok || v.way != s.last.way || v.since != s.last.since || v.ip.Is4() != s.last.ip.Is4() || v.ip != s.last.ip {
		return
	}
	f := asUse(&s.app.requests[0])
	f.token, f.status, f.nuisances = i.token, 401, simulate.Of(simulate.StaleClient)
	p.request(s, i.at, f)
	if i.left > 1 {
		p.agenda.add(item{at: i.at + 20*second + p.about(time.Minute), deed: retry, left: i.left - 1, session: s, token: i.token})
	}
}
