package actions

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// commandID is a fresh id.
func (w *world) commandID() string {
	w.commands++
	return fmt.Sprint("cmd_", w.commands)
}

// orders puts a person's command on its way, sometimes twice.
func (w *world) orders(c *schema.Command) {
	c.ID, c.By, c.Why, c.Via, c.At = w.commandID(), "ana", "a drill", "cli", w.now
	if w.pct(4) {
		c.Why = ""
	}
	w.arrive(schema.Signal{Command: c})
	if w.pct(15) {
		w.arrive(schema.Signal{Command: c})
	}
	if w.pct(15) {
		w.late = append(w.late, delayed{w.tick + w.r.IntN(60), func() { w.arrive(schema.Signal{Command: c}) }})
	}
}

// analyst releases or discards some of what is held, by id.
func (w *world) analyst(oneIn int) {
	for _, a := range w.valid(0, int64(len(w.log))).sorted() {
		if a.state != schema.ActionHeld || w.r.IntN(oneIn) > 0 {
			continue
		}
		c := &schema.Command{Verb: schema.Release, Tenant: a.action.Tenant, Actions: []string{a.action.EntryID()}}
		if w.r.IntN(4) == 0 {
			c.Verb = schema.Discard
		}
		w.orders(c)
	}
}

// people order something else, of what they see.
func (w *world) people() {
	tenant := []string{"", "t2"}[w.r.IntN(2)]
	switch w.r.IntN(9) {
	case 0, 1, 2:
		js := w.valid(0, int64(len(w.log))).sorted()
		if len(js) == 0 {
			return
		}
		j := js[w.r.IntN(len(js))]
		c := &schema.Command{Tenant: j.action.Tenant, Actions: []string{j.action.ID}}
		switch {
		case j.state == schema.ActionFailed:
			c.Verb = schema.Retry
		case j.state < schema.ActionDiscarded:
			c.Verb = schema.Hold
		default:
			c.Verb = []schema.Verb{schema.Retry, schema.Hold, schema.Release}[w.r.IntN(3)]
		}
		w.orders(c)
	case 3, 4:
		tok := w.r.IntN(10) // one more than findings are about
		c := &schema.Command{Verb: []schema.Verb{schema.Revoke, schema.Again}[w.r.IntN(2)], Tenant: []string{"", "t2"}[tok%2],
			Targets: []schema.Target{{Token: fmt.Sprint("h1:k1:", tok), Epoch: w.r.IntN(2)}}}
		if !w.forgotten(c) {
			w.orders(c)
		}
	case 5, 6: // about nobody whom findings are about
		a := &schema.Allow{ID: fmt.Sprint("alw_", w.r.IntN(3)), User: "nobody", Expires: w.now.Add(time.Duration(w.r.IntN(20)-1) * time.Hour)}
		w.orders(&schema.Command{Verb: []schema.Verb{schema.Allowed, schema.Allowed, schema.Disallow}[w.r.IntN(3)], Tenant: tenant, Allow: a})
	case 7, 8:
		w.orders(&schema.Command{Verb: []schema.Verb{schema.Kill, schema.Unkill, schema.Unkill}[w.r.IntN(3)]})
	}
}

// forgotten reports whether retention has deleted what the log said of a revocation: within a month nobody orders it anew.
func (w *world) forgotten(c *schema.Command) bool {
	id := schema.ActionID(c.Tenant, c.Targets[0].Token, string(schema.RevokeSession), itoa(c.Targets[0].Epoch))
	return slices.ContainsFunc(w.log[:w.base], func(l logged) bool { return l.rec.Action != nil && l.rec.Action.ID == id })
}

// history is what the valid records of the log say.
type history struct {
	entries  map[string]*judged // actions at destinations
	lines    map[string][]schema.Audit
	answered map[string]map[answeredBy]bool // commands, by id
	switches map[bool]turned
}

// answeredBy tells answers from late repetitions of their records.
type answeredBy struct {
	office
	offset int64
}

// judged is an action at one destination.
type judged struct {
	round    int
	state    schema.ActionState
	action   *schema.Action
	orders   []int64 // offsets of what let it go
	released bool
}

// before is the offset of what let an action go that was called when the log ended at an offset, or -1.
func (j *judged) before(end int64) int64 {
	last := int64(-1)
	for _, o := range j.orders {
		if o < end {
			last = o
		}
	}
	return last
}

func (h *history) killed() bool { return h.switches[false].On || h.switches[true].On }

func (h *history) sorted() []*judged {
	return slices.SortedFunc(maps.Values(h.entries), func(a, b *judged) int { return cmp.Compare(a.action.EntryID(), b.action.EntryID()) })
}

// valid is the checker's own reading of the log between two offsets: records behind the opening of a higher term are void, of an entry's the
// highest (round, state) counts.
func (w *world) valid(from, to int64) *history {
	var top office
	h := &history{map[string]*judged{}, map[string][]schema.Audit{}, map[string]map[answeredBy]bool{}, map[bool]turned{}}
	for i, l := range w.log[min(from, to):to] {
		rec := l.rec
		if o := rec.Office; top.Less(o.Term) {
			top = o
		} else if o != top {
			continue
		}
		switch {
		case rec.Action != nil:
			h.see(rec.Action, from+int64(i))
		case rec.Command != nil:
			id := rec.Command.Command.ID
			if h.answered[id] == nil {
				h.answered[id] = map[answeredBy]bool{}
			}
			h.answered[id][answeredBy{rec.Office, rec.Command.Offset}] = true
		case rec.Switch != nil:
			if s := rec.Switch; s.N > h.switches[s.File].N {
				h.switches[s.File] = *s
			}
		}
		if rec.Again {
			continue
		}
		for _, a := range rec.audit(l.at) {
			h.lines[a.ID] = append(h.lines[a.ID], a)
		}
	}
	return h
}

func (h *history) see(a *schema.Action, offset int64) {
	j := h.entries[a.EntryID()]
	if j == nil {
		j = &judged{}
		h.entries[a.EntryID()] = j
	}
	if standing(a.Round, a.State) <= standing(j.round, j.state) {
		return
	}
	j.round, j.state, j.action, j.released = a.Round, a.State, a, j.released || a.Released
	if a.State == schema.ActionPending || a.State == schema.ActionReleased {
		j.orders = append(j.orders, offset)
	}
}

// checkOrders holds what people ordered to what came of it.
func (w *world) checkOrders(h *history) {
	seen := map[string]bool{}
	allowed := map[allowKey]bool{}
	for i := range w.signals {
		s, err := readSignal(&w.signals[i])
		if err != nil {
			panic(err)
		}
		c := s.Command
		if c == nil || c.ID == "" || seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		if n := len(h.answered[c.ID]); n != 1 {
			w.fail("answers", "%s %s has %d", c.ID, c.Verb, n)
		}
		w.stats[string(c.Verb)]++
		switch {
		case c.Why == "":
		case c.Verb == schema.Again:
			w.checkAgain(c, h)
		case c.Verb == schema.Allowed && c.Allow.Expires.After(time.Unix(0, w.signals[i].Time)):
			allowed[allowKey{c.Tenant, c.Allow.ID}] = true
		case c.Verb == schema.Disallow:
			delete(allowed, allowKey{c.Tenant, c.Allow.ID})
		}
	}
	known := map[allowKey]bool{}
	for k, a := range w.owner.lane.fold.allows.known {
		if !a.Ended {
			known[k] = true
		}
	}
	if !maps.Equal(known, allowed) {
		w.fail("allow entries", "%v in force, %v in memory", allowed, known)
	}
	for id, as := range h.lines {
		got := w.audits[id]
		if !slices.ContainsFunc(as, func(a schema.Audit) bool {
			return got.What == a.What && got.By == a.By && got.Detail == a.Detail && got.About == a.About && got.Tenant == a.Tenant
		}) {
			w.fail("audit", "%+v, archived %+v", as, got)
		}
	}
}

// checkAgain finds one revocation of each that was ordered again.
func (w *world) checkAgain(c *schema.Command, h *history) {
	epoch := itoa(c.Targets[0].Epoch) + "." + c.ID
	n := 0
	for _, j := range h.entries {
		if a := j.action; a.To == "" && a.Token == c.Targets[0].Token && (a.Epoch == epoch || strings.HasPrefix(a.Epoch, epoch+".")) {
			n++
			if w.effects[a.ID].id == "" && !w.refusals[a.ID] && j.state != schema.ActionDiscarded {
				w.fail("revocations ordered again", "%s has no effect", c.ID)
			}
		}
	}
	if n != 1 {
		w.fail("revocations ordered again", "%s: %d", c.ID, n)
	}
}
