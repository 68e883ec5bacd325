package detect

import (
	"math"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// App is what is kept of an app, as judges see it. It is valid during one call of Judge. Hours are Unix hours of event time, UTC.
type App struct {
	Tenant string
	Name   string // NoApp where events name none
	// Newest is the latest hour that something was counted in, Since the first one known of.
	Newest, Since int64
	// From is the earliest hour that something changed in.
	From int64
	// Clock is the greatest event time that a lane had seen when it told what it counted, Unix nanoseconds.
	Clock int64

	key      schema.Key
	hours    map[int64]*appHour
	sums     map[int64]*daySum // over a day's hours
	lanes    map[int32]*appLane
	open     map[versionKey]*openVersion
	found    map[string]*appFound
	days     map[int64]*Counted // summed up during one judgement
	last     int64              // offset of the last sighting
	turn     int64              // grows with each sighting that changes something: what findings made of it are informed by
	sent     int64              // the census that was told last
	sentHour int64
	taken    int
	partial  bool
}

// appHour is what was counted in an hour: numbers of all versions, and the rest of those that are closed.
type appHour struct {
	n      [facts]int64
	closed Counted
}

// appLane is how far a lane has come.
type appLane struct {
	newest int64 // stretch
	closed int64 // stretches up to this one are summed up
	hour   int64 // the latest one counted
}

type versionKey struct {
	lane          int32
	stretch, hour int64
}

type openVersion struct {
	seq int64
	*Counted
}

// maxAppLanes bounds the lanes of an app, maxOpen the versions that may still be replaced: beyond, the oldest stretch of the lane at hand is
// closed early.
const (
	maxAppLanes = 4096
	maxOpen     = 16384
)

// enter takes over a version; changed are the facts that it says something else of than was known, ok is false where it is none that counts.
func (a *App) enter(e *schema.Sighting) (h int64, changed factSet, ok bool) {
	v, c, ok := decodeCounts(e.Counts)
	stretch, seq := v.Stretch, v.Seq
	if h = floorDiv(e.Time, hour); !ok || h < 0 {
		return 0, 0, false
	}
	if a.Name == "" {
		a.Tenant, a.Name, a.Since, a.Newest = strings.Clone(e.Tenant), strings.Clone(e.Subject), h, h
	}
	if h <= a.Newest-keptHours {
		return 0, 0, false
	}
	l := a.lanes[e.Lane]
	if l == nil {
		if len(a.lanes) >= maxAppLanes {
			return 0, 0, false
		}
		l = &appLane{newest: stretch, closed: math.MinInt64}
		a.lanes[e.Lane] = l
	}
	if stretch <= l.closed {
		if h <= l.hour+1 {
			return 0, 0, false
		}
		l.newest, l.closed = stretch, math.MinInt64 // the partition was made anew: its offsets began again
	}
	l.hour = max(l.hour, h)
	k := versionKey{e.Lane, stretch, h}
	old := a.open[k]
	if old != nil && old.seq >= seq {
		return 0, 0, false
	}
	before := &nothing
	if old != nil {
		before = old.Counted
	}
	a.count(h, c, before)
	changed = c.differs(before)
	a.open[k] = &openVersion{seq, c}
	a.Clock = max(a.Clock, v.At)
	if h < a.Since || h > a.Newest {
		changed = allFacts // the days that there are, and what is known of them
	}
	a.Since = min(a.Since, h)
	if h > a.Newest {
		a.advance(h)
	}
	if stretch > l.newest {
		l.newest = stretch
		changed |= a.close(e.Lane, l, stretch-openStretches)
	} else if len(a.open) > maxOpen {
		changed |= a.close(e.Lane, l, l.closed+1)
	}
	return h, changed, true
}

// close sums up the stretches of a lane up to one. Which tokens are shown of a fact may change by it.
func (a *App) close(lane int32, l *appLane, stretch int64) (changed factSet) {
	if stretch <= l.closed {
		return 0
	}
	l.closed = stretch
	for k, v := range a.open {
		if k.lane == lane && k.stretch <= stretch {
			if x := a.hours[k.hour]; x != nil {
				x.closed.add(v.Counted)
			}
			delete(a.open, k)
			changed |= v.sampled()
		}
	}
	return changed
}

// advance forgets the hours that are too old.
func (a *App) advance(newest int64) {
	a.Newest = newest
	for h, x := range a.hours {
		if h <= newest-keptHours {
			a.forget(h, x)
		}
	}
	for k := range a.open {
		if k.hour <= newest-keptHours {
			delete(a.open, k)
		}
	}
	for id, f := range a.found {
		if f.until <= newest-keptHours {
			delete(a.found, id)
		}
	}
}

// first is the earliest hour that is judged: that of the first day of which all is kept.
func (a *App) first() int64 {
	if oldest := a.Newest - keptHours + 1; oldest > a.Since {
		return -floorDiv(-oldest, hoursPerDay) * hoursPerDay
	}
	return a.Since
}

// N is how often a fact was counted in an hour.
func (a *App) N(h int64, f Fact) int64 {
	if x := a.hours[h]; x != nil {
		return max(0, x.n[f])
	}
	return 0
}

// InSlot is how often a fact that is counted by ten minutes, Logins or Failures, was counted in one of them, in Unix time / 10 min.
func (a *App) InSlot(s int64, f Fact) int64 {
	return a.N(floorDiv(s, slotsPerHour), f+Fact(s-floorDiv(s, slotsPerHour)*slotsPerHour)) // #nosec G115 -- below 6
}

// Day sums up a day, in Unix days, as far as it is kept.
func (a *App) Day(day int64) *Counted {
	if c := a.days[day]; c != nil {
		return c
	}
	c := &Counted{}
	for h := day * hoursPerDay; h < (day+1)*hoursPerDay; h++ {
		if x := a.hours[h]; x != nil {
			c.addShown(&x.closed)
		}
	}
	for k, v := range a.open {
		if floorDiv(k.hour, hoursPerDay) == day {
			c.addShown(v.Counted)
		}
	}
	if sum := a.sums[day]; sum != nil {
		c.n = *sum
	}
	if a.days == nil {
		a.days = map[int64]*Counted{}
	}
	a.days[day] = c
	return c
}

// Days are the days that are kept and not before the one of From, earliest first.
func (a *App) Days() (days []int64) {
	for d := floorDiv(max(a.From, a.first()), hoursPerDay); d <= floorDiv(a.Newest, hoursPerDay); d++ {
		days = append(days, d)
	}
	return days
}

// HourOf is the first hour of a day that a fact was counted in.
func (a *App) HourOf(day int64, f Fact) int64 {
	for h := day * hoursPerDay; h < (day+1)*hoursPerDay; h++ {
		if a.N(h, f) > 0 {
			return h
		}
	}
	return day * hoursPerDay
}

func (a *App) size() int {
	const perHour, perVersion, perLane, perFinding = 1 << 10, 2 << 10, 64, 256
	return len(a.hours)*perHour + len(a.open)*perVersion + len(a.lanes)*perLane + len(a.found)*perFinding
}

// EachDay calls each with every day that is kept, earliest first.
func (a *App) EachDay(each func(day int64)) {
	for d := floorDiv(a.first(), hoursPerDay); d <= floorDiv(a.Newest, hoursPerDay); d++ {
		each(d)
	}
}
