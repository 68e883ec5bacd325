package simulate

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// session is one login of a person on one device, and the next one after it.
type session struct {
	person  *person
	browser browser
	version int
	phone   bool
	device  device
	at      vantage
	moves   int64 // when the phone changes between Wi-Fi and LTE

	state    sessionState
	token    string
	previous string // rotated out a moment ago
	sid      string
	authTime int64
	busy     bool // an attack on it is under way: it neither rotates nor moves nor ends by itself
	refused  bool // the app rejects the token
}

type sessionState uint8

const (
	live sessionState = iota
	ended
	raced // its old token is used once more
)

// Means of what happens to a session, in uses (one in …).
const (
	rotatesOneIn = 90
	endsOneIn    = 120
	updatesOneIn = 2000
	poolOneIn    = 6 // of a phone on LTE: another address of the pool
)

// dwell is how long a phone stays on Wi-Fi or LTE: at least, and then on average.
const dwellAtLeast, dwellMean = 6 * time.Minute, 30 * time.Minute

func newSession(g *Generator, p *person, phone bool) *session {
	s := &session{person: p, phone: phone, at: p.wifi}
	s.browser = laptops[g.rand.IntN(len(laptops))]
	if phone {
		s.browser = phones[g.rand.IntN(len(phones))]
	}
	s.version = s.browser.version
	s.device = s.browser.at(s.version)
	s.moves = g.now + int64(g.rand.Float64()*float64(dwellMean))
	s.begin(g)
	return s
}

// begin gives the session a new token and id.
func (s *session) begin(g *Generator) {
	delete(g.byToken, s.token)
	s.state, s.refused = live, false
	s.token, s.previous = g.token(), ""
	s.sid = "sid-" + strconv.FormatUint(g.rand.Uint64(), 36)
	s.authTime = g.now
	g.byToken[s.token] = s
}

// act is the session's next event.
func (s *session) act(g *Generator, e *Event) (int64, bool) {
	switch {
	case s.state == ended:
		s.login(g, e)
	case s.state == raced:
		s.use(g, e)
		e.Token, e.Nuisances, s.state = s.previous, Of(RefreshRace), live
	case s.refused:
		s.use(g, e)
		e.Status = 401
		s.state = ended
		return g.about(5 * time.Second), true
	case s.busy:
		s.use(g, e)
	case g.chance(rotatesOneIn):
		s.rotate(g, e)
		if s.state == raced {
			return int64(time.Second), true
		}
	case g.chance(endsOneIn):
		s.logout(g, e)
		return int64(20*time.Second) + g.about(40*time.Second), true
	default:
		s.wander(g, e)
		s.use(g, e)
	}
	return g.about(g.cfg.Pace), true
}

// wander lets the world around the session change.
func (s *session) wander(g *Generator, e *Event) {
	switch {
	case s.phone && g.now >= s.moves:
		mobile := &s.person.home.mobile
		if s.at.network != mobile {
			s.at = vantage{mobile, mobile.address(g.rand)}
		} else {
			s.at = s.person.wifi
		}
		s.moves = g.now + int64(dwellAtLeast) + g.about(dwellMean)
		e.Nuisances = Of(Commute)
	case s.at.network == &s.person.home.mobile && g.chance(poolOneIn):
		s.at.ip = s.at.network.address(g.rand)
		e.Nuisances = Of(CarrierNAT)
	case s.at.network == &s.person.home.fibre && g.chance(4):
		s.at = vantage{&s.person.home.fibre6, privacyAddress(s.person.subnet, g.rand)}
		e.Nuisances = Of(HappyEyeballs)
	case s.at.network == &s.person.home.fibre6 && g.chance(4):
		s.at = s.person.wifi
		e.Nuisances = Of(HappyEyeballs)
	case s.at.network == &s.person.home.fibre6 && g.chance(4):
		s.at.ip = privacyAddress(s.person.subnet, g.rand)
		e.Nuisances = Of(Privacy)
	case g.chance(updatesOneIn):
		s.version++
		s.device = s.browser.at(s.version)
		e.Nuisances = Of(Update)
	}
}

var requests = [...]struct{ method, path string }{
	{"GET", "/"}, {"GET", "/cart"}, {"GET", "/items"}, {"GET", "/account"}, {"POST", "/cart"}, {"GET", "/orders"},
}

// use is a request with the session's token from where its user is.
func (s *session) use(g *Generator, e *Event) {
	r := requests[g.rand.IntN(len(requests))]
	e.Method, e.Path, e.Status = r.method, r.path, 200
	s.describe(e, s.at, s.device)
}

// describe fills in who and from where.
func (s *session) describe(e *Event, from vantage, with device) {
	e.Token, e.User, e.Session, e.AuthTime = s.token, s.person.name, s.sid, s.authTime
	e.IP, e.Geo = from.ip, from.network.geo()
	e.UserAgent, e.Agent = with.userAgent, with.agent
}

func (s *session) login(g *Generator, e *Event) {
	s.begin(g)
	e.Type = schema.SessionStarted
	e.Method, e.Path, e.Status = "POST", "/login", 200
	s.describe(e, s.at, s.device)
}

func (s *session) logout(g *Generator, e *Event) {
	e.Type = schema.SessionEnded
	e.Method, e.Path, e.Status = "POST", "/logout", 200
	s.describe(e, s.at, s.device)
	delete(g.byToken, s.token)
	s.state = ended
}

func (s *session) rotate(g *Generator, e *Event) {
	old := s.token
	delete(g.byToken, old)
	s.token, s.previous = g.token(), old
	g.byToken[s.token] = s
	e.Type, e.PreviousToken = schema.SessionRotated, old
	e.Method, e.Path, e.Status = "POST", "/refresh", 200
	s.describe(e, s.at, s.device)
	if g.chance(3) {
		s.state = raced
	}
}

// elsewhere is an address in another household of the same city.
func (s *session) elsewhere(g *Generator) vantage {
	n := &s.person.home.cable
	if s.person.wifi.network == n {
		n = &s.person.home.fibre
	}
	for {
		if v := (vantage{n, n.address(g.rand)}); v.ip != s.at.ip && v.ip != (netip.Addr{}) {
			return v
		}
	}
}
