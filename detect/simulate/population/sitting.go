package population

import (
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// form is a request to be made: what differs between requests of one session.
type form struct {
	kind      schema.EventType
	request   *request
	status    int16 // 0: 200
	token     string
	previous  string
	who       *identity
	repeat    int32
	sensitive bool
	nuisances simulate.Nuisances
	incident  *incident
	role      simulate.Role
	binding   schema.Binding
	auth      int64
}

func asUse(r *request) form { return form{request: r, status: 200} }

func asRace(token string) form {
	return form{token: token, nuisances: simulate.Of(simulate.RefreshRace)}
}

// request makes a request of a session from where its device is; ok is false where that is offline.
func (p *person) request(s *session, t int64, f form) (ok bool) {
	v, ok := p.reach(s, t)
	if !ok {
		return false
	}
	if f.request == nil {
		f.request = &s.app.requests[p.rand.IntN(len(s.app.requests))]
	}
	if f.token == "" && f.kind != schema.LoginFailed {
		f.token = s.token
	}
	if f.who == nil {
		f.who = s.who
	}
	if f.auth == 0 {
		f.auth = s.auth
	}
	edition := p.w.edition(t)
	f.nuisances |= s.tell(&v, edition, p)
	if s.client.version != s.shown.version {
		f.nuisances |= simulate.Of(simulate.Update)
	}
	if p.account != "" && f.who.user == p.account {
		f.nuisances |= simulate.Of(simulate.SharedAccount)
	}
	if s.client == s.device.view {
		f.nuisances |= simulate.Of(simulate.WebView)
	}
	s.shown = s.client
	s.used = max(s.used, t)
	f.incident = s.incident
	if f.who.cnf != "" {
		f.binding = schema.BindingOK
	}
	p.w.put(p.rand, t, f.token, f.who, s.client, &v, &f)
	return true
}

// sitDown begins a sitting at one app on one device, and says when the next one is.
func (p *person) sitDown(t int64) {
	p.agenda.add(item{at: t + p.gap(t), deed: sit})
	d := p.grab()
	p.toggle(d)
	if p.attach(d).offline {
		return
	}
	a := p.open(d)
	c := d.client
	switch {
	case a.native && d.kind == phone:
		c = d.native
	case d.view != nil && a == p.w.apps[p.tenant][appShop] && p.rand.IntN(3) == 0:
		c = d.view
	}
	s := p.find(a, d, c)
	if s != nil && t >= s.expires {
		p.expire(s, t)
		s = nil
		t += 5 * second
	}
	if s == nil {
		s, t = p.login(a, d, c, t)
	} else {
		s.client = c // perhaps of a newer version
	}
	length := 20*second + p.about(3*time.Minute)
	if d.kind != phone {
		length = minute + p.about(9*time.Minute)
	}
	s.tunnelled = p.rand.IntN(8) > 0
	if s.until < t {
		p.agenda.add(item{at: t, deed: click, session: s})
	}
	s.until = max(s.until, t+min(length, 90*minute))
}

// expire ends a session whose time is over. Some clients find out by being refused.
func (p *person) expire(s *session, t int64) {
	s.live, s.open = false, false
	if s.app.expiry || p.rand.IntN(2) == 0 {
		p.agenda.add(item{at: t, deed: retry, left: 1, session: s, token: s.token})
	}
}

// busy is the daily rhythm: the share of its greatest activity that a person has in an hour of their day.
var busy = [2][24]float64{
	{.02, .01, .01, .01, .02, .05, .2, .5, .8, 1, 1, .95, .8, .9, .95, .95, .9, .85, .75, .75, .8, .75, .5, .2},
	{.05, .03, .01, .01, .01, .02, .05, .15, .35, .55, .7, .75, .7, .65, .65, .65, .65, .65, .7, .75, .8, .8, .6, .3},
}

// gap is the time to the next sitting: a Poisson process thinned by the rhythm of the place (Lewis and Shedler, 1979).
func (p *person) gap(t int64) int64 {
	c := p.base.city
	days := &busy[0]
	if !workday(t, c) {
		days = &busy[1]
	}
	at := t
	for range 64 {
		at += int64(p.rand.ExpFloat64() * 0.9 * hour / p.eager)
		clock := at - midnight(at, c)
		if at-t > day || p.rand.Float64() < days[clock/int64(hour)] && (clock > p.wake || clock < p.sleep-day) && clock < p.sleep {
			break
		}
	}
	return at - t
}

// grab is the device that a person takes where they are.
func (p *person) grab() *device {
	weights := [...]int{laptop: 45, phone: 45, tablet: 15, desktop: 0}
	switch p.here().what {
	case atOffice:
		weights = [...]int{laptop: 70, phone: 30, tablet: 0, desktop: 80}
	case commuting, outside, onTrain:
		weights = [...]int{laptop: 0, phone: 1, tablet: 0, desktop: 0}
	case atCafe, atAirport, inAir, atHotel:
		weights = [...]int{laptop: 30, phone: 70, tablet: 0, desktop: 0}
	}
	total := 0
	for _, d := range p.devices {
		if d.carried || p.here().what == atHome || d.kind == desktop {
			total += weights[d.kind]
		}
	}
	n := p.rand.IntN(total)
	for _, d := range p.devices {
		if d.carried || p.here().what == atHome || d.kind == desktop {
			if n -= weights[d.kind]; n < 0 {
				return d
			}
		}
	}
	return p.devices[0]
}

// open is the app that a person uses now.
func (p *person) open(d *device) *app {
	weights := []int{appShop: 30, appMail: 30, appOffice: 8, appBank: 12, appChat: 0, appWiki: 3}
	switch {
	case d.kind == phone:
		weights = []int{appShop: 20, appMail: 25, appOffice: 4, appBank: 13, appChat: 38, appWiki: 0}
	case p.here().what == atOffice || p.life == remoteWorker:
		weights = []int{appShop: 6, appMail: 30, appOffice: 42, appBank: 3, appChat: 0, appWiki: 19}
	}
	if p.life == leisure {
		weights[appOffice], weights[appWiki] = 0, 0
	}
	return p.w.apps[p.tenant][pick(p.rand, weights...)]
}

// click is the next request of a sitting.
func (p *person) click(s *session, t int64) {
	switch {
	case !s.live:
		return
	case t >= s.expires:
		p.expire(s, t)
		return
	case t > s.until:
		p.rise(s, t)
		return
	}
	if p.attach(s.device).offline {
		s.until = t
		return
	}
	next := p.about(14*time.Second) + second
	if p.rand.IntN(8) == 0 {
		next += p.about(2 * time.Minute)
	}
	p.agenda.add(item{at: t + next, deed: click, session: s})
	a := s.app
	switch {
	case a.rotates > 0 && t >= s.rotateAt:
		p.rotate(s, t)
	case a.elevates > 0 && p.rand.Float64() < a.elevates/8:
		p.elevate(s, t)
	case p.rand.Float64() < a.sensitive:
		p.protect(s, t)
	default:
		p.request(s, t, form{})
	}
}

// rise ends a sitting.
func (p *person) rise(s *session, t int64) {
	switch {
	case s.incident == nil && p.rand.Float64() < s.app.logout:
		p.logout(s, t)
	case s.client == s.device.view:
		s.live = false // its cookies go with it
	case s.open && s.device.kind == laptop && p.rand.IntN(3) == 0:
		s.open = false
	}
}

// elevate raises privileges; a well written app replaces the token.
func (p *person) elevate(s *session, t int64) {
	if s.app.keepsToken {
		s.auth = t
		p.request(s, t, form{kind: schema.SessionElevated, request: &s.app.protected, nuisances: simulate.Of(simulate.KeptToken)})
		return
	}
	p.rotate(s, t)
	s.auth = t + second/10
	p.request(s, t+second/10, form{kind: schema.SessionElevated, request: &s.app.protected})
}

// recently is how fresh a login an app wants for what is sensitive.
const recently = 10 * minute

// protect makes a sensitive request, after another authentication where the last one is old.
func (p *person) protect(s *session, t int64) {
	if t-s.auth > recently {
		if s.app.rotates > 0 && p.rand.IntN(2) == 0 {
			p.rotate(s, t)
			t += second / 5
		}
		s.auth = t
		p.request(s, t, form{kind: schema.SessionReauthenticated, request: &s.app.login})
		t += second + p.rand.Int64N(second)
	}
	p.request(s, t, form{request: &s.app.protected, sensitive: true})
}

// poll is what an open tab or an app does by itself, at a fixed period.
func (p *person) poll(s *session, t int64) {
	if !s.live || !s.open {
		return
	}
	a := s.app
	if t >= s.expires {
		s.live, s.open = false, false
		p.agenda.add(item{at: t, deed: retry, left: 3, session: s, token: s.token})
		return
	}
	clock := t - midnight(t, p.base.city)
	asleep := s.device.kind != desktop && s.device.kind != phone && (clock < p.wake || clock > p.sleep)
	if p.attach(s.device).offline || asleep {
		p.agenda.add(item{at: t + max(1, 10*minute/int64(a.poll))*int64(a.poll), deed: poll, session: s})
		return
	}
	p.agenda.add(item{at: t + int64(a.poll), deed: poll, session: s})
	if a.rotates > 0 && t >= s.rotateAt {
		p.rotate(s, t)
		t += second / 5
	}
	if s.polls++; s.polls < a.coalesces {
		return
	}
	n := simulate.Of(simulate.Tabs)
	if s.polls > 1 {
		n |= simulate.Of(simulate.Coalesced)
	}
	p.request(s, t, form{request: &a.polled, repeat: int32(s.polls), nuisances: n}) // #nosec G115 -- small
	s.polls = 0
}

// wakeUp is the odds of a day: a new lease of the home's address, a newer browser, a new privacy address.
func (p *person) wakeUp(t int64) {
	p.agenda.add(item{at: t + day, deed: wake})
	if p.rand.IntN(12) == 0 {
		p.home.ip, p.home.block = p.homeISP.four(p.homeISP.household())
		p.rebase()
	}
	for _, d := range p.devices {
		d.privacy = p.rand.Uint64()<<2 | d.privacy&3
		if d.client.version <= d.client.browser.version && p.rand.IntN(20) == 0 {
			d.client = p.w.clients.of(d.client.browser, d.client.version+1)
			for _, s := range p.sessions {
				if s.device == d && s.client.browser == d.client.browser {
					s.client = d.client
				}
			}
		}
	}
}

// rebase lets devices at home have the home's new address.
func (p *person) rebase() {
	for _, d := range p.devices {
		if l := &d.link; !l.offline && !l.mobile && l.outlet.city == p.home.city && !l.outlet.shared {
			l.outlet = p.home
		}
	}
}
