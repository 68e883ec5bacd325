package population

import "time"

const (
	second = int64(time.Second)
	minute = int64(time.Minute)
	hour   = float64(time.Hour)
	day    = int64(24 * time.Hour)
)

// whereabouts is the kind of a stay.
type whereabouts uint8

const (
	atHome whereabouts = iota
	commuting
	atOffice
	atCafe
	outside
	atAirport
	inAir
	atHotel
	onTrain
)

// stay is a stretch of a person's day at one place.
type stay struct {
	from   int64
	what   whereabouts
	city   *city
	outlet *outlet // Wi-Fi, nil where there is none
}

// locate makes the stay at t the current one. Time only goes forward.
func (p *person) locate(t int64) {
	for t >= p.planned {
		p.plan()
	}
	for p.stay+1 < len(p.stays) && p.stays[p.stay+1].from <= t {
		p.stay++
	}
}

func (p *person) here() *stay { return &p.stays[p.stay] }

// midnight is the last one at or before t, by the clocks of a city.
func midnight(t int64, c *city) int64 {
	zone := int64(float64(c.zone) * hour)
	return t - floorMod(t+zone, day)
}

func floorMod(a, b int64) int64 { return (a%b + b) % b }

// workday reports whether the local day at t is one from Monday to Friday.
func workday(t int64, c *city) bool {
	days := (t + int64(float64(c.zone)*hour) - floorMod(t+int64(float64(c.zone)*hour), day)) / day
	return floorMod(days+3, 7) < 5 // 1 January 1970 was a Thursday
}

func (p *person) add(from int64, what whereabouts, c *city, o *outlet) {
	if n := len(p.stays); n > 0 {
		from = max(from, p.stays[n-1].from+5*minute)
	}
	p.stays = append(p.stays, stay{from, what, c, o})
}

// plan makes the stays from p.planned to the end of that local day, or of a journey that begins in it.
func (p *person) plan() {
	p.stays, p.stay = p.stays[:0], 0
	c := p.base.city
	dawn := midnight(p.planned, c)
	if p.city2 == nil {
		p.add(p.planned, atHome, c, &p.home)
	} else {
		p.add(p.planned, atHotel, c, p.base)
	}
	whole := p.planned == dawn
	switch {
	case !whole: // the rest of a day of travel
	case p.city2 != nil && dawn >= p.back:
		p.journey(dawn, p.city)
	case p.city2 == nil && p.rand.Float64() < p.travelling:
		p.journey(dawn, p.destination())
	case p.city2 != nil:
		p.visit(dawn, c)
	case p.life == officeWorker && workday(dawn, c):
		p.work(dawn, c)
	default:
		p.roam(dawn, c)
	}
	p.planned = max(dawn+day, p.stays[len(p.stays)-1].from+10*minute)
}

func (p *person) hours(dawn int64, least, spread float64) int64 {
	return dawn + int64((least+spread*p.rand.Float64())*hour)
}

func (p *person) somewherePublic(c *city) *outlet {
	return &c.public[p.rand.IntN(len(c.public))].outlet
}

// work is a day at the office, with the way there and back.
func (p *person) work(dawn int64, c *city) {
	way := int64((0.3 + 0.7*p.rand.Float64()) * hour)
	leave := max(dawn+p.wake+int64(0.7*hour), p.hours(dawn, 7.3, 1.5))
	outlet := &p.office.outlets[p.number&1]
	p.add(leave, commuting, c, nil)
	p.add(leave+way, atOffice, c, outlet)
	if p.rand.IntN(3) == 0 {
		lunch := p.hours(dawn, 12, 1)
		if lunch > leave+way+10*minute {
			p.add(lunch, atCafe, c, p.somewherePublic(c))
			p.add(lunch+int64(0.7*hour), atOffice, c, outlet)
		}
	}
	home := p.hours(dawn, 16.7, 2)
	p.add(home, commuting, c, nil)
	if p.rand.IntN(6) == 0 {
		p.add(home+way, outside, c, nil)
		home += int64((1 + 2*p.rand.Float64()) * hour)
	}
	p.add(home+way, atHome, c, &p.home)
}

// roam is a day at home with an outing or two.
func (p *person) roam(dawn int64, c *city) {
	for _, from := range [2]float64{10, 15.5} {
		if p.rand.IntN(5) < 2 {
			at := p.hours(dawn, from, 2)
			p.add(at, outside, c, nil)
			if p.rand.IntN(3) == 0 {
				p.add(at+int64(0.5*hour), atCafe, c, p.somewherePublic(c))
			}
			p.add(at+int64((1+1.5*p.rand.Float64())*hour), atHome, c, &p.home)
		}
	}
}

// visit is a day in another city.
func (p *person) visit(dawn int64, c *city) {
	p.add(p.hours(dawn, 8.5, 1), outside, c, nil)
	p.add(p.hours(dawn, 10, 0.5), atCafe, c, p.somewherePublic(c))
	p.add(p.hours(dawn, 17, 1), outside, c, nil)
	p.add(p.hours(dawn, 18.5, 2), atHotel, c, p.base)
}

func (p *person) destination() *city {
	for {
		c := p.w.somewhere(p.rand)
		if p.rand.IntN(2) == 0 {
			c = p.city.nation.cities[p.rand.IntN(len(p.city.nation.cities))]
		}
		if c != p.city && c.distance(p.city) > 60 || len(p.city.nation.cities) == 1 {
			return c
		}
	}
}

// journey takes a person to another city, or home again: by train up to 600 km in one country, else by air, at the speeds of both.
func (p *person) journey(dawn int64, to *city) {
	from := p.base.city
	leave := p.hours(dawn, 6.5, 9)
	km := from.distance(to)
	p.add(leave, commuting, from, nil)
	arrive := leave + int64((1+km/180)*hour)
	p.flew = km > 600 || from.nation != to.nation
	if p.flew {
		p.add(leave+int64(0.9*hour), atAirport, from, p.somewherePublic(from))
		start := leave + int64(2.6*hour)
		var satellite *outlet
		if p.rand.IntN(100) < 45 {
			satellite = p.w.cabin(p.rand)
		}
		p.add(start, inAir, from, satellite)
		arrive = start + int64((0.6+km/820)*hour)
		p.add(arrive, atAirport, to, p.somewherePublic(to))
	} else {
		p.add(leave+int64(0.7*hour), onTrain, from, nil)
		p.add(arrive, outside, to, nil)
	}
	p.add(arrive+int64(0.7*hour), commuting, to, nil)
	if to == p.city {
		p.city2, p.base = nil, &p.home
		p.add(arrive+int64(1.5*hour), atHome, to, &p.home)
		return
	}
	p.city2, p.base = to, p.somewherePublic(to)
	p.back = midnight(arrive, to) + int64(1+p.rand.IntN(4))*day
	p.add(arrive+int64(1.5*hour), atHotel, to, p.base)
}
