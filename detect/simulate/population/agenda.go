package population

// What a person does next.
type deed uint8

const (
	sit deed = iota
	click
	poll
	race     // the token of before, once more
	inFlight // a request that was under way at the logout
	retry    // a client that does not know that its token is dead
	idle     // the app ends an unused session
	wake     // the day's odds: a new lease, a new version of the browser
	strike   // an attacker acts
)

// item is an entry of an agenda.
type item struct {
	at      int64
	deed    deed
	left    uint8 // repetitions
	session *session
	token   string
	raid    *raid
}

// agenda is a binary heap, the earliest item first; ties go by the order that the heap makes, which is the same for the same seed.
type agenda []item

func (a *agenda) add(i item) {
	*a = append(*a, i)
	h := *a
	for n := len(h) - 1; n > 0; {
		up := (n - 1) / 2
		if h[up].at <= h[n].at {
			break
		}
		h[n], h[up] = h[up], h[n]
		n = up
	}
}

func (a *agenda) take() item {
	h := *a
	first := h[0]
	last := len(h) - 1
	h[0], h[last] = h[last], item{}
	h = h[:last]
	for n := 0; ; {
		down := 2*n + 1
		if down >= last {
			break
		}
		if down+1 < last && h[down+1].at < h[down].at {
			down++
		}
		if h[n].at <= h[down].at {
			break
		}
		h[n], h[down] = h[down], h[n]
		n = down
	}
	*a = h
	return first
}

// live runs the agenda up to, and without, until.
func (p *person) live(until int64) {
	for len(p.agenda) > 0 && p.agenda[0].at < until {
		i := p.agenda.take()
		p.locate(i.at)
		switch i.deed {
		case sit:
			p.sitDown(i.at)
		case click:
			p.click(i.session, i.at)
		case poll:
			p.poll(i.session, i.at)
		case race:
			p.request(i.session, i.at, asRace(i.token))
		case inFlight:
			p.inFlight(i.session, i.at, i.token)
		case retry:
			p.retry(i)
		case idle:
			p.idle(i.session, i.at)
		case wake:
			p.wakeUp(i.at)
		case strike:
			i.raid.act(p, i.at)
		}
	}
}
