package detect

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Counting: a token lane counts, per app and hour of event time, what its events show. It counts in stretches: runs of stretchSize offsets
// of its partition. What it counted of an app and an hour in a stretch is told to the app's subject lane now and then, as a whole: a later
// version replaces an earlier one, and the sum over all stretches and lanes is what the app did.
//
// Nothing of this needs to be recovered: a lane that starts again goes back to the start of its stretch, with the tokens as of there, and
// counts the same again. If we crash between two versions, the next ones come with the same numbers in the same order, and those
// that were told before are older than what is known. Earlier stretches are finished by then, or were told up to some point and are not
// counted on only for events whose tokens waited for their history; those few are lost.
//
// A fact about tokens that an event takes back is counted as −1 in the stretch of that event.

const (
	stretchShift = 14
	stretchSize  = 1 << stretchShift
	// openStretches is how many of the latest stretches are counted on, for events that waited for their token's history.
	openStretches = 16
	// maxCountedApps bounds the apps told apart in a stretch, maxCountedHours the hours of each. Apps beyond are counted as one, OtherApps;
	// hours beyond are not counted.
	maxCountedApps  = 256
	maxCountedHours = 48
	maxCounters     = 8192 // in all open stretches; beyond, nothing new is counted

	countEvery   = int64(10 * time.Second) // how often counters are looked at, in event time
	tellAnyhow   = 5 * int64(time.Minute)  // after this what is new is told
	tellSooner   = 1024                    // and this many new events are told when they are looked at
	tellAttempts = 16                      // or this many logins, failed or not
	fewAttempts  = 4                       // or this many after tellFew
	tellFew      = int64(time.Minute)
	hour         = int64(time.Hour)
	cacheSize    = 64
	slot         = hour / slotsPerHour
)

// Apps that are none: events that name no app are counted as NoApp, apps beyond the bounds as OtherApps.
const (
	NoApp     = "(none)"
	OtherApps = "(other)"
)

// counts is what a token lane counts.
type counts struct {
	needs    AppNeeds
	policies bool   // whether needs has some about tokens
	span     uint64 // 2 × needs.Skew, or the greatest number for none
	budget   *Budget
	recent   recent
	open     map[counterKey]*counter
	news     []*counter // open ones with something that was not told yet
	watches  map[appKey]*watch
	apps     map[int64]map[appKey]int // per open stretch, the hours of each app
	newest   int64                    // stretch
	clock    int64                    // the greatest event time
	due      int64                    // when to look at the counters again
	lane     int32
	cache    [cacheSize]cached
	silent   cached
	spare    counter
}

type appKey struct{ tenant, app string }

type counterKey struct {
	appKey
	stretch, hour int64
}

// counter counts one app in one stretch and one hour.
type counter struct {
	Counted
	key      counterKey
	seq      int64 // grows with all that is counted
	attempts int64 // logins, failed or not
	told     int64 // seq of the version that was told
	toldAt   int64 // on the clock
	toldTry  int64
	urgent   bool
}

// watch is what is looked for at an app.
type watch struct {
	appKey
	idle, overage, renewal int64 // ns, 0 for nothing
	hosts, apps            []string
	host                   string // the last one seen that is the app's
}

// cached is what the latest events of an app needed.
type cached struct {
	tenant, app   string
	from, stretch int64
	hour          uint32
	counter       *counter
	watch         *watch
}

func newCounts(o Options) counts {
	c := counts{
		budget: o.Budget, open: map[counterKey]*counter{}, watches: map[appKey]*watch{}, apps: map[int64]map[appKey]int{}, newest: -1,
		recent: recent{seed: maphash.MakeSeed(), lateness: int64(o.Lateness)},
	}
	for _, r := range o.Rules {
		if r.App != nil {
			c.needs.merge(r.App.Needs())
		}
	}
	c.spare.told = -1 // it never is
	c.policies = c.needs.policies()
	c.span = math.MaxUint64
	if c.needs.Skew > 0 {
		c.span = 2 * uint64(c.needs.Skew) // #nosec G115 -- positive
	}
	return c
}

// at finds where an event is counted.
func (c *counts) at(e *schema.Event) *cached {
	p := &c.cache[slotOf(e.App)]
	if !p.holds(e) {
		c.find(e, p)
	}
	return p
}

// holds reports whether an event is counted there. Unsigned: an earlier time is far off, too.
func (p *cached) holds(e *schema.Event) bool {
	return uint64(e.Time-p.from) < uint64(hour) && e.Offset>>stretchShift == p.stretch && e.App == p.app && e.Tenant == p.tenant && p.counter != nil // #nosec G115 -- meant
}

func (c *counts) find(e *schema.Event, p *cached) {
	stretch, h := c.stretch(e), floorDiv(e.Time, hour)
	w := c.watched(e.Tenant, e.App)
	*p = cached{w.tenant, w.app, h * hour, stretch, uint32(h), c.counter(stretch, w.appKey, h), w} // #nosec G115 -- until the year 2400 it fits 24 bits
	if e.App == "" {
		p.app = ""
	}
}

// unseen is where an event is counted that is folded only to know the state.
func (c *counts) unseen(e *schema.Event) *cached {
	c.silent = cached{hour: uint32(floorDiv(e.Time, hour)), counter: &c.spare, watch: c.watched(e.Tenant, e.App)} // #nosec G115 -- as above
	return &c.silent
}

// stretch is where what an event causes is counted. A backtest's notes have no offset of their own.
func (c *counts) stretch(e *schema.Event) int64 {
	stretch := e.Offset >> stretchShift
	if e.Type.IsNote() && stretch <= c.newest-openStretches {
		return c.newest
	}
	return stretch
}

// slotOf is a place in the cache.
func slotOf(app string) int {
	n := len(app)
	if n == 0 {
		return 0
	}
	return (n*7 + int(app[0])*3 + int(app[n-1])*5 + int(app[n/2])) & (cacheSize - 1)
}

// watched is what is looked for at an app. There are at most a few thousand: beyond, everything is forgotten and learned again.
func (c *counts) watched(tenant, app string) *watch {
	if app == "" {
		app = NoApp
	}
	if w := c.watches[appKey{tenant, app}]; w != nil {
		return w
	}
	if len(c.watches) >= maxCounters {
		clear(c.watches)
		c.cache = [len(c.cache)]cached{}
	}
	w := c.needs.watch(appKey{strings.Clone(tenant), strings.Clone(app)})
	c.watches[w.appKey] = w
	return w
}

// counter finds or makes a counter; what is beyond the bounds is counted into one that is never told.
func (c *counts) counter(stretch int64, app appKey, h int64) *counter {
	if k := c.open[counterKey{app, stretch, h}]; k != nil {
		return k
	}
	if stretch <= c.newest-openStretches || len(c.open) >= maxCounters {
		return &c.spare
	}
	apps := c.apps[stretch]
	if apps == nil {
		apps = map[appKey]int{}
		c.apps[stretch] = apps
	}
	if _, known := apps[app]; !known && len(apps) >= maxCountedApps && app.app != OtherApps {
		return c.counter(stretch, appKey{app.tenant, OtherApps}, h)
	}
	if apps[app] >= maxCountedHours || len(apps) > 2*maxCountedApps {
		return &c.spare
	}
	apps[app]++
	k := &counter{key: counterKey{app, stretch, h}, toldAt: c.clock}
	c.open[k.key] = k
	c.budget.force(counterBytes)
	return k
}

// counterBytes is what a counter takes, with some examples.
const counterBytes = 2 << 10

// turn goes on to the stretch and the time of an event, and tells what is due. Few events need it.
func (c *counts) turn(e *schema.Event, out *Output) {
	c.lane = e.Partition
	if stretch := e.Offset >> stretchShift; stretch > c.newest {
		c.finish(stretch, out)
	}
	if !e.Ahead {
		c.clock = max(c.clock, e.Time)
	}
	if c.clock >= c.due {
		c.look(out)
	}
}

// finish begins a stretch: what was counted in those before it is told, and the oldest are closed.
func (c *counts) finish(stretch int64, out *Output) {
	c.tell(c.clock, out, func(k *counter) bool { return k.key.stretch < stretch })
	c.newest = stretch
	for key := range c.open {
		if key.stretch <= stretch-openStretches {
			delete(c.open, key)
			c.budget.force(-counterBytes)
		}
	}
	for s := range c.apps {
		if s <= stretch-openStretches {
			delete(c.apps, s)
		}
	}
	c.cache = [len(c.cache)]cached{}
}

// look tells what is due.
func (c *counts) look(out *Output) {
	c.due = c.clock + countEvery
	c.tell(c.clock, out, func(k *counter) bool {
		since, attempts := c.clock-k.toldAt, k.attempts-k.toldTry
		return k.urgent || since >= tellAnyhow || k.seq-k.told >= tellSooner || attempts >= tellAttempts || attempts >= fewAttempts && since >= tellFew
	})
}

// tell tells the new versions of some counters, in an order of their own.
func (c *counts) tell(at int64, out *Output, which func(*counter) bool) {
	rest := 0
	for i, k := range c.news {
		if !which(k) {
			c.news[i], c.news[rest] = c.news[rest], k
			rest++
		}
	}
	news := c.news[rest:]
	slices.SortFunc(news, func(a, b *counter) int {
		return cmp.Or(cmp.Compare(a.key.stretch, b.key.stretch), cmp.Compare(a.key.hour, b.key.hour),
			cmp.Compare(a.key.tenant, b.key.tenant), cmp.Compare(a.key.app, b.key.app))
	})
	for _, k := range news {
		out.Sightings = append(out.Sightings, k.sighting(c.lane, at))
		k.told, k.toldAt, k.toldTry, k.urgent = k.seq, c.clock, k.attempts, false
	}
	clear(news)
	c.news = c.news[:rest]
}

// touch makes a counter one with something new.
func (c *counts) touch(k *counter) {
	if k.seq == k.told {
		c.news = append(c.news, k)
	}
	k.seq++
}

func (k *counter) sighting(lane int32, at int64) schema.Sighting {
	text := k.encode(k.key.stretch, k.seq, at)
	return schema.Sighting{
		ID: schema.SightingID(schema.SightingCounts, k.key.tenant, schema.ScopeApp, k.key.app, "", versionName(lane, k)), Kind: schema.SightingCounts,
		Tenant: k.key.tenant, Scope: schema.ScopeApp, Subject: k.key.app, Time: k.key.hour * hour, Lane: lane, Counts: text,
	}
}

// FlushCounts tells all that was counted and not told yet: for a lane that has nothing else to do.
func (t *Tokens) FlushCounts(out *Output) {
	t.counts.tell(t.counts.clock, out, func(*counter) bool { return true })
}

// FinishCounts tells at the end of all events what was counted, and that nothing comes any more.
func (t *Tokens) FinishCounts(out *Output) {
	for _, k := range t.counts.open {
		t.counts.touch(k)
	}
	t.counts.tell(math.MaxInt64, out, func(*counter) bool { return true })
}

// Rewind is the start of the stretch that an offset lies in: a lane that starts again reads from there on.
func (t *Tokens) Rewind(offset int64) int64 { return offset &^ (stretchSize - 1) }

// close gives the budget back.
func (c *counts) close() { c.budget.force(-len(c.open) * counterBytes) }
