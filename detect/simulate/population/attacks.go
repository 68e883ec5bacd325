package population

import (
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// begin starts the incident, if it finds what it needs.
func (i *incident) begin(now int64) bool {
	switch i.kind {
	case simulate.SlowStolenCookie, simulate.KeepAlive:
		return i.quiet(now)
	case simulate.HARFile:
		return i.harFile(now)
	case simulate.Infostealer:
		return i.infostealer(now)
	case simulate.ReplayEnded, simulate.ReplayLogout, simulate.ReplayRevoked, simulate.Resurrection:
		return i.afterTheEnd(now)
	case simulate.ReplayRotated, simulate.ReplayGrandparent:
		return i.afterRotation(now)
	case simulate.AiTMScript:
		return i.phishing(now)
	case simulate.Fixation:
		return i.fixation(now)
	case simulate.Forged, simulate.ForgedAccepted, simulate.Guessing:
		return i.invented(now)
	}
	return i.theft(now)
}

// theft uses a token while its owner goes on.
func (i *incident) theft(now int64) bool {
	p, s := i.victim(func(p *person, s *session) bool {
		return active(s, now) && s.expires > now+30*minute && !s.app.cnf && s.device.kind != phone && s.last.way != bySatellite && (!i.near() || s.last.way == byWiFi)
	})
	if p == nil {
		return false
	}
	th, run := i.thiefOf(s)
	least, most := 20*time.Second, 8*time.Minute
	if i.kind == simulate.FastStolenCookie {
		least, most = 2*time.Second, 15*time.Second
		run = spree{15, 3 * time.Second, 0.6, byState}
	}
	from := i.soon(now+second, least, most)
	i.claim(p, s)
	s.goOn(from + int64(run.times)*int64(run.gap) + minute)
	i.later(p, from-second/2, func(int64) {
		if i.kind == simulate.StolenSameNAT {
			th.spot = s.last
		}
		i.steal(th, p, s, s.token, from, run)
	})
	return true
}

// near reports whether the thief comes from where the victim is.
func (i *incident) near() bool {
	switch i.kind {
	case simulate.ParallelProxy, simulate.StolenSameCity, simulate.StolenSameDevice, simulate.StolenSameNAT:
		return true
	}
	return false
}

// thiefOf is who comes, by kind of theft.
func (i *incident) thiefOf(s *session) (*thief, spree) {
	run := spree{i.often(), 18 * time.Second, 0.7, byState}
	other := i.stranger(s.client)
	switch i.kind {
	case simulate.UACopy:
		return i.newThief(i.abroad(s.last.city), i.forger(s.client)), run
	case simulate.ParallelProxy:
		return i.newThief(i.neighbour(s, false), other), run
	case simulate.ResidentialProxy:
		return i.newThief(i.inCountry(s), i.forger(s.client)), run
	case simulate.StolenSameCity:
		return i.newThief(i.neighbour(s, true), other), run
	case simulate.StolenSameDevice:
		th := i.newThief(i.neighbour(s, true), s.client)
		th.copied = true
		return th, run
	case simulate.StolenSameNAT:
		th := i.newThief(s.last, s.client)
		th.copied = true
		return th, run
	case simulate.Hosting:
		return i.newThief(i.hosted(), i.forger(s.client)), run
	case simulate.Tor:
		th := i.newThief(i.exit(), i.stranger(s.client))
		th.exits = true
		return th, spree{10, 40 * time.Second, 0.7, byState}
	}
	return i.newThief(i.abroad(s.last.city), other), run
}

// quiet uses a token that lives long: hours later and rarely, or for hours at a fixed period.
func (i *incident) quiet(now int64) bool {
	p, s := i.victim(func(_ *person, s *session) bool {
		return s.app.rotates == 0 && s.app.idle == 0 && !s.app.cnf && s.expires > now+int64(30*hour) && s.device.kind != phone
	})
	if p == nil {
		return false
	}
	i.claim(p, s)
	if i.kind == simulate.SlowStolenCookie {
		th := i.newThief(i.abroad(s.last.city), i.guise(s.client))
		i.steal(th, p, s, s.token, i.soon(now, 2*time.Hour, 6*time.Hour), spree{5 + i.rand.IntN(4), 20 * time.Minute, 0.8, byState})
		return true
	}
	th := i.newThief(i.abroad(s.last.city), i.script())
	if i.rand.IntN(2) == 0 {
		th = i.newThief(i.inCountry(s), s.client)
	}
	period := time.Duration(2+i.rand.IntN(6)) * time.Minute
	i.steal(th, p, s, s.token, i.soon(now, time.Minute, 20*time.Minute), spree{14 + i.rand.IntN(26), period, 0.02, byState})
	return true
}

// harFile replays all tokens of one user from one network: what a support engineer's upload holds.
func (i *incident) harFile(now int64) bool {
	p, s := i.victim(func(p *person, s *session) bool {
		n := 0
		for _, o := range p.sessions {
			if o.live && o.expires > now+30*minute {
				n++
			}
		}
		return n >= 3 && !s.app.cnf
	})
	if p == nil {
		return false
	}
	th := i.newThief(i.abroad(s.last.city), i.guise(s.client))
	from := i.soon(now, 10*time.Second, 5*time.Minute)
	for _, o := range p.sessions {
		if o.live && o.last.ip.IsValid() {
			i.claim(p, o)
			i.steal(th, p, o, o.token, from, spree{2 + i.rand.IntN(3), 40 * time.Second, 0.6, byState})
			from += 3*second + i.rand.Int64N(20*second)
		}
	}
	return true
}

// infostealer replays the tokens of several users of one tenant from one network within an hour.
func (i *incident) infostealer(now int64) bool {
	var th *thief
	from := i.soon(now, 10*time.Second, 2*time.Minute)
	want, tenant := 5+i.rand.IntN(5), -1
	for n := range want {
		p, s := i.victim(func(p *person, s *session) bool {
			return s.expires > now+int64(hour) && !s.app.cnf && (tenant < 0 || p.tenant == tenant)
		})
		if p == nil {
			return n > 0
		}
		if th == nil {
			th = i.newThief(i.abroad(s.last.city), i.guise(s.client))
		}
		tenant = p.tenant
		i.claim(p, s)
		i.later(p, from, func(t int64) {
			i.steal(th, p, s, s.token, t+1, spree{2 + i.rand.IntN(2), 30 * time.Second, 0.5, byState})
		})
		from = min(from+20*second+i.rand.Int64N(4*minute), i.w.end-minute)
	}
	return true
}

// foe comes from abroad or from the victim's own city, with another device.
func (i *incident) foe(s *session) *thief {
	if i.rand.IntN(3) == 0 {
		return i.newThief(i.neighbour(s, false), i.guise(s.client))
	}
	return i.newThief(i.abroad(s.last.city), i.guise(s.client))
}

// afterTheEnd lets a session end and has its token used again.
func (i *incident) afterTheEnd(now int64) bool {
	p, s := i.victim(func(_ *person, s *session) bool { return active(s, now) && !s.app.cnf })
	if p == nil {
		return false
	}
	i.claim(p, s)
	th, token := i.foe(s), ""
	end := i.soon(now, 5*time.Second, time.Minute)
	i.later(p, end, func(t int64) {
		token = s.token
		if i.kind == simulate.ReplayRevoked {
			s.live, s.open = false, false
			i.w.put(i.rand, t, token, s.who, nil, nil, &form{kind: schema.SessionRevoked, incident: i, role: simulate.Operator})
			p.agenda.add(item{at: t + p.about(4*time.Second), deed: retry, left: 1, session: s, token: token})
		} else if !p.request(s, t, form{kind: schema.SessionEnded, request: &s.app.out}) {
			i.w.put(i.rand, t, token, s.who, nil, nil, &form{kind: schema.SessionEnded, incident: i})
		}
		s.live, s.open = false, false
		from := i.soon(t+45*second, time.Second, 25*time.Minute)
		run := spree{3 + i.rand.IntN(5), 25 * time.Second, 0.6, rejected}
		switch i.kind {
		case simulate.ReplayEnded:
			run.how = accepted
		case simulate.Resurrection:
			run.how = accepted
			i.later(p, from-second, func(t int64) {
				i.use(th, s, token, t, accepted, form{kind: schema.SessionStarted, request: &s.app.login})
			})
		}
		i.steal(th, p, s, token, from, run)
	})
	return true
}

// afterRotation has a token replaced, once or twice, and then used. Half of the apps take it.
func (i *incident) afterRotation(now int64) bool {
	p, s := i.victim(func(_ *person, s *session) bool {
		return active(s, now) && s.app.rotates > 0 && s.expires > now+int64(hour)
	})
	if p == nil {
		return false
	}
	i.claim(p, s)
	th, token := i.foe(s), ""
	how := ending(1 + i.rand.IntN(2)) // #nosec G115 -- accepted or rejected
	at := i.soon(now, 5*time.Second, time.Minute)
	s.goOn(at + 12*minute)
	rotate := func(t int64) {
		if token == "" {
			token = s.token
		}
		p.rotate(s, t)
	}
	i.later(p, at, rotate)
	if i.kind == simulate.ReplayGrandparent {
		at = i.soon(at, 2*time.Minute, 8*time.Minute)
		i.later(p, at, rotate)
	}
	i.later(p, i.soon(at+45*second, 10*time.Second, 10*time.Minute), func(t int64) {
		i.steal(th, p, s, token, t+1, spree{3 + i.rand.IntN(4), 25 * time.Second, 0.6, how})
	})
	return true
}

// phishing relays a login through a proxy; then a script goes on from elsewhere.
func (i *incident) phishing(now int64) bool {
	p, s := i.victim(func(_ *person, s *session) bool { return active(s, now) && !s.app.native && !s.app.cnf })
	if p == nil {
		return false
	}
	p.robbed = true
	relay := i.newThief(i.hosted(), s.client)
	th := i.newThief(i.hosted(), i.script())
	taken := &session{app: s.app, device: s.device, client: s.client, shown: s.client, live: true, incident: i, token: fingerprint(i.rand), who: p.identify(s.app, s.device)}
	i.later(p, i.soon(now, 5*time.Second, time.Minute), func(t int64) {
		taken.auth, taken.expires = t, t+int64(s.app.life)
		i.use(relay, taken, taken.token, t, accepted, form{kind: schema.SessionStarted, request: &s.app.login})
		i.steal(th, p, taken, taken.token, i.soon(t, 20*time.Second, 3*time.Minute), spree{8 + i.rand.IntN(10), 20 * time.Second, 0.5, byState})
	})
	return true
}

// fixation plants a token that the victim logs in with, at the app that keeps tokens.
func (i *incident) fixation(now int64) bool {
	p, s := i.victim(func(p *person, s *session) bool {
		return active(s, now) && !s.app.native && p.life != leisure && s.device.kind != phone
	})
	if p == nil {
		return false
	}
	p.robbed = true
	a := i.w.apps[p.tenant][appWiki]
	th := i.foe(s)
	planted := &session{app: a, device: s.device, client: s.client, shown: s.client, live: true, tabs: 1, incident: i, token: fingerprint(i.rand), who: &identity{tenant: s.who.tenant, app: a}}
	s.goOn(now + 20*minute)
	at, visits, least, most := now+second, 2, time.Second, 20*time.Second
	if i.rand.IntN(2) == 0 { // keeps it alive until then
		visits, least, most = 8, 59*time.Second, 61*time.Second
	}
	for range visits {
		at = i.soon(at, least, most)
		i.later(p, at, func(t int64) { i.use(th, planted, planted.token, t, accepted, form{}) })
	}
	i.later(p, i.soon(at, 30*time.Second, 8*time.Minute), func(t int64) {
		planted.who = p.identify(a, s.device)
		planted.auth, planted.used, planted.expires, planted.until = t, t, t+int64(a.life), t+10*minute
		if !p.request(planted, t, form{kind: schema.SessionStarted, request: &a.login}) {
			return
		}
		p.sessions = append(p.prune(), planted)
		p.agenda.add(item{at: t + 4*second, deed: click, session: planted})
		i.steal(th, p, planted, planted.token, i.soon(t, 10*time.Second, 5*time.Minute), spree{5 + i.rand.IntN(6), 20 * time.Second, 0.6, byState})
	})
	return true
}

// invented presents tokens that nobody issued.
func (i *incident) invented(now int64) bool {
	p := i.w.people[i.rand.IntN(len(i.w.people))]
	tokens, gap, how, a := 12+i.rand.IntN(20), 12*time.Second, rejected, i.w.apps[p.tenant][appOffice]
	switch i.kind {
	case simulate.Guessing:
		tokens, gap = 120+i.rand.IntN(200), 1500*time.Millisecond
	case simulate.ForgedAccepted:
		tokens, gap, how = 4+i.rand.IntN(5), 30*time.Second, accepted
	}
	th := i.newThief(i.hosted(), i.script())
	if i.kind == simulate.ForgedAccepted {
		th.client = i.w.clients.of(&laptopBrowsers[0], laptopBrowsers[0].version)
	}
	nobody := &session{app: a, device: p.devices[0], who: &identity{tenant: tenants[p.tenant], app: a}}
	at := max(i.at, now)
	for range tokens {
		token := fingerprint(i.rand)
		who := nobody
		if how == accepted { // a forged token names somebody
			named := *nobody.who
			named.user = i.w.people[i.rand.IntN(len(i.w.people))].name
			who = &session{app: a, device: p.devices[0], who: &named}
		}
		i.later(p, at, func(t int64) { i.use(th, who, token, t, how, form{}) })
		at += second/10 + int64(float64(gap)*2*i.rand.Float64())
		at = min(at, i.w.end-second)
	}
	return true
}
