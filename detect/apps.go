package detect

import (
	"github.com/hijackd/hijackd/schema"
)

// AppJudge looks at what the lanes counted of an app, and says what it recognises. What it says of some counts may be weakened by
// more of them: the fold withdraws it, or replaces it by a better informed version.
type AppJudge interface {
	// Needs says what lanes are to look for.
	Needs() AppNeeds
	// Judge says everything that it recognises and that is about a.From or later hours: what it said of them before and doesn't say again is
	// withdrawn.
	Judge(a *App, say func(AppVerdict))
}

// AppVerdict is what a judge recognised.
type AppVerdict struct {
	// About names what the finding is about; its id is made of it.
	About string
	// Until is the last hour, in Unix hours, that the finding is about.
	Until      int64
	Severity   schema.Severity
	Confidence float64 // 0–1
	Signals    []schema.Weight
	Time       int64 // of what completes it, Unix nanoseconds
	Events     []string
	Summary    string
	Evidence   map[string]any // plain JSON values
}

// apps is the part of a subject fold that is about apps: what the token lanes counted of each, and the rules over it.
//
// A lane's versions for a stretch and an hour replace each other, the one with the greatest seq counts. So it makes no difference in which
// order versions arrive, how many of them there are, or whether some are repeated after a crash. A lane's stretches that are older than
// those that it still counts on are summed up and closed: what comes of them again is a repetition.
type apps struct {
	rules  []Running // those with a judge of apps
	facts  []factSet // that each of them looks at
	judged []bool    // during one judgement
	budget *Budget
	keyer  schema.Keyer
	table  map[schema.Key]*App
	taken  int   // bytes of the budget
	before int64 // rows of sightings before this offset are stored
	tight  bool
}

// keptHours is how far back an app's counts are kept: a week for rhythms, and a day.
const keptHours = 8 * 24

func newApps(o Options) *apps {
	a := &apps{budget: o.Budget, keyer: o.Keyer, table: map[schema.Key]*App{}}
	for _, r := range o.Rules {
		if r.App != nil {
			a.rules = append(a.rules, r)
			a.facts = append(a.facts, factsOf(r.App.Needs().Facts))
		}
	}
	a.judged = make([]bool, len(a.rules))
	return a
}

func (t *apps) has(k schema.Key) bool { return t.table[k] != nil }

// load begins an app from its stored sightings, without saying again what it finds in them.
func (t *apps) load(k schema.Key, history []*schema.Sighting, complete bool) {
	a := t.table[k]
	if a == nil {
		a = t.begin(k)
	}
	a.partial = a.partial || !complete
	for _, e := range history {
		a.enter(e)
	}
	if a.Name == "" {
		return
	}
	a.From = a.first()
	t.judge(a, allFacts, nil)
	a.census()
	t.account(a)
}

// fold folds one sighting and appends what it causes to out.
func (t *apps) fold(e *schema.Sighting, out *Output) {
	if e.Kind != schema.SightingCounts {
		return
	}
	k := t.keyer.Key(e.Tenant, string(e.Scope)+":"+e.Subject)
	a := t.table[k]
	if a == nil {
		a = t.begin(k)
	}
	a.last = max(a.last, e.Offset)
	clock := a.Clock
	h, changed, ok := a.enter(e)
	if !ok {
		return
	}
	a.turn = max(a.turn+1, e.Offset)
	if a.Clock > clock { // hours may be complete now
		h = min(h, floorDiv(clock, hour)-1)
	}
	a.From = max(a.first(), h)
	t.judge(a, changed, out)
	if count, hour, changed := a.census(); changed {
		out.Commands = append(out.Commands, census(a, count, hour))
	}
	t.account(a)
}

func (t *apps) begin(k schema.Key) *App {
	a := &App{
		key: k, hours: map[int64]*appHour{}, sums: map[int64]*daySum{}, lanes: map[int32]*appLane{}, open: map[versionKey]*openVersion{}, found: map[string]*appFound{},
		last: -1,
	}
	t.table[k] = a
	return a
}

// account asks the budget for what an app takes, and makes room by dropping apps that are stored and not the one at hand.
func (t *apps) account(a *App) {
	size := a.size()
	grown := size - a.taken
	t.taken, a.taken = t.taken+grown, size
	if grown <= 0 || t.budget.take(grown) {
		t.budget.force(min(0, grown))
		return
	}
	for !t.budget.take(grown) {
		if !t.drop(a) {
			t.tight = true
			t.budget.force(grown)
			return
		}
	}
}

// drop drops the app that was touched the longest ago, if it is stored.
func (t *apps) drop(but *App) bool {
	var oldest *App
	for _, a := range t.table {
		if a != but && a.last < t.before && (oldest == nil || a.last < oldest.last) {
			oldest = a
		}
	}
	if oldest == nil {
		return false
	}
	delete(t.table, oldest.key)
	t.taken -= oldest.taken
	t.budget.force(-oldest.taken)
	return true
}

func (t *apps) stored(before int64) { t.before, t.tight = before, false }

func (t *apps) pressed() bool { return t.tight }

func (t *apps) len() int { return len(t.table) }

func (t *apps) close() {
	t.budget.force(-t.taken)
	t.taken, t.table = 0, nil
}
