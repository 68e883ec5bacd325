package actions

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// check compares a finished world with what the protocol promises.
func (w *world) check() {
	js := map[string]*judged{}
	for _, j := range w.valid(0, int64(len(w.log))) {
		js[j.action.ID] = j
	}
	w.checkEffects(js)
	w.checkLimits(js)
	var fs []schema.Finding
	for _, rec := range w.signals {
		var s schema.Signal
		if err := json.Unmarshal(rec.Value, &s); err != nil {
			panic(err)
		}
		if s.Finding != nil {
			w.checkFinding(s.Finding)
			fs = append(fs, *s.Finding)
		} else if p, ok := readPool(s.Command); ok {
			if since, known := w.owner.lane.fold.pools.since[p.key()]; !known || since.After(p.Since) {
				w.fail("lost pool", "%v", p)
			}
		}
	}
	w.checkDecisions(merged(fs), js)
	for id, j := range js { // the last owner's memory is what the log says
		if e := w.owner.lane.fold.entries[id]; e == nil && j.state < schema.ActionDiscarded || e != nil && e.state != j.state {
			w.fail("the owner's state", "%s is %d in the log, %+v in memory", id, j.state, e)
		}
		if w.actions[id] != j.state {
			w.fail("archived actions", "%s is %d, archived as %d", id, j.state, w.actions[id])
		}
	}
	w.checkWall(js)
	for id, n := range w.messages {
		if n > 1 && !w.ghosts[id] {
			w.fail("two messages", "%s: %d", id, n)
		}
	}
}

func (w *world) checkFinding(f *schema.Finding) {
	if !has(w.archived[f.ID], f) || !has(w.announced[f.ID], f) {
		w.fail("lost finding", "%+v", f)
	}
	if f.Rule != "not-rotated" && w.messages[f.ID] == 0 && !w.stormed(f.ID) {
		w.fail("lost message", "%s", f.ID)
	}
}

// checkDecisions compares what was told and done with what the findings together ask for.
func (w *world) checkDecisions(fs []schema.Finding, js map[string]*judged) {
	decided, lives := asked(fs, worldModes)
	for id := range decided {
		revokes := func(f schema.Finding) bool { return f.Decision == schema.RevokeSession }
		if !slices.ContainsFunc(w.announced[id], revokes) || !slices.ContainsFunc(w.archived[id], revokes) {
			w.fail("lost decision", "%s", id)
		}
	}
	w.stats["decisions"] += len(decided)
	for s := range lives {
		id := s.action()
		if j := js[id]; j == nil || w.effects[id].id == "" && j.state != schema.ActionDiscarded && !refused(s.token) {
			w.fail("lost revocation", "%+v", s)
		}
		if adding(s.token) {
			w.stats["added up"]++
		}
	}
	for id, j := range js {
		if epoch, err := strconv.Atoi(j.action.Epoch); adding(j.action.Token) && (err != nil || !lives[subject{tenant: j.action.Tenant, token: j.action.Token, epoch: epoch}]) {
			w.fail("revocation that nothing asks for", "%s", id)
		}
	}
}

func (w *world) checkEffects(js map[string]*judged) {
	lives := map[string]string{}
	last := map[string]int64{}
	for _, e := range slices.SortedFunc(maps.Values(w.effects), func(a, b effect) int { return cmp.Or(cmp.Compare(a.logEnd, b.logEnd), a.at.Compare(b.at)) }) {
		j := js[e.id]
		switch {
		case j == nil:
			w.fail("effect without a valid record", "%s", e.id)
			continue
		case j.state == schema.ActionDiscarded || j.state == schema.ActionHeld:
			w.fail("effect of what was not let go", "%s", e.id)
		case j.order >= e.logEnd:
			w.fail("effect before its record", "%s: recorded at %d, called at %d", e.id, j.order, e.logEnd)
		case j.state == schema.ActionDelivered && w.published[e.id] == 0:
			w.fail("no session.revoked", "%s", e.id)
		}
		life := e.tenant + "/" + e.token + "/" + e.epoch
		if lives[life] != "" || e.id != schema.ActionID(e.tenant, e.token, string(schema.RevokeSession), e.epoch) {
			w.fail("two ids for one life", "%s: %s %s", life, lives[life], e.id)
		}
		lives[life] = e.id
		if j.order < last[e.token] {
			w.fail("order of one token's actions", "%s", e.id)
		}
		last[e.token] = j.order
	}
}

func (w *world) checkLimits(js map[string]*judged) {
	at := map[string][]time.Time{}
	for id, e := range w.effects {
		if j := js[id]; j == nil || !j.released {
			at[e.tenant] = append(at[e.tenant], e.at)
		}
	}
	for tenant, ts := range at {
		slices.SortFunc(ts, time.Time.Compare)
		for _, l := range []struct {
			n      int
			window time.Duration
		}{{perMinute, time.Minute}, {perHour, time.Hour}} {
			for i := l.n; i < len(ts); i++ {
				if ts[i].Sub(ts[i-l.n]) < l.window {
					w.fail("limit", "tenant %q: more than %d in %s", tenant, l.n, l.window)
				}
			}
		}
	}
}

func violations(seed uint64, broken faults) (*world, map[string]string) {
	w := newWorld(seed, broken)
	done := w.play()
	if !done {
		w.fail("unfinished", "after %d ticks", w.tick)
	} else {
		w.check()
	}
	for _, m := range w.members {
		m.dead = true
	}
	w.sweep()
	for _, l := range w.lanes {
		sharedMetrics.lane(&l.gauges, false)
	}
	w.lanes = nil
	return w, w.wrong
}

// testProtocol plays seeds on all processors and checks that they held what they are to hold.
func testProtocol(t *testing.T, seeds uint64) {
	var mu sync.Mutex
	var next atomic.Uint64
	var all sync.WaitGroup
	stats := map[string]int{}
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := next.Add(1); seed <= seeds; seed = next.Add(1) {
				w, wrong := violations(seed, faults{})
				mu.Lock()
				for what, how := range wrong {
					t.Errorf("seed %d: %s: %s", seed, what, how)
					next.Store(seeds)
				}
				for k, n := range w.stats {
					stats[k] += n
				}
				stats["effects"] += len(w.effects)
				for _, j := range w.valid(0, int64(len(w.log))) {
					stats[fmt.Sprint("actions in state ", j.state)]++
					if j.released {
						stats["released"]++
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Log(seeds, "seeds:", stats)
	for _, k := range []string{"crashes", "freezes", "cut off", "late", "restarts", "effects", "released", "deleted", "expired", "added up", "cards", "updates", "storms", "details"} {
		if stats[k] == 0 {
			t.Errorf("no seed had any %s", k)
		}
	}
}

// mutants are parts of the protocol switched off. Each must be caught, or the model shows nothing.
var mutants = map[string]faults{
	"record before session.revoked": {recordBeforeRevoked: true},
	"no void records":               {noVoid: true},
	"no read-back":                  {noReadBack: true},
	"forget actions at takeover":    {forgetActions: true},
	"random action ids":             {randomIDs: func() string { return "" }},
	"dispatch before durable":       {dispatchBeforeDurable: true},
	"the last record wins":          {lastWins: true},
	"limits count deliveries alone": {countDelivered: true},
	"risk in order of arrival":      {arrivalOrder: true},
	"a kind counts twice":           {kindsAddUp: true},
	"an id for each that asks":      {targetsApart: true},
	"pools forgotten":               {forgetPools: true},
	"no signals before the commit":  {noHorizon: true},
	"card's message not recorded":   {messageUnrecorded: true},
	"incidents forgotten":           {forgetIncidents: true},
	"details before their card":     {threadBeforeParent: true},
}

func testMutants(t *testing.T, seeds uint64) {
	for name, broken := range mutants {
		t.Run(name, func(t *testing.T) {
			for seed := range seeds {
				if _, wrong := violations(seed, broken); len(wrong) > 0 {
					t.Log("seed", seed, slices.Sorted(maps.Keys(wrong)))
					return
				}
			}
			t.Errorf("not caught in %d seeds", seeds)
		})
	}
}

func TestProtocol(t *testing.T) { testProtocol(t, 300) }

func TestMutantsAreCaught(t *testing.T) { testMutants(t, 300) }
