package actions

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// check compares a finished world with what the protocol promises.
func (w *world) check() {
	h := w.valid(0, int64(len(w.log)))
	js := h.entries
	w.checkEffects(js)
	w.checkPlaces(js)
	w.checkLimits(js)
	w.checkOrders(h)
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
		if e := w.owner.lane.fold.entries[id]; e == nil && j.state < schema.ActionDiscarded || e != nil && (e.state != j.state || e.round != j.round) {
			w.fail("the owner's state", "%s is %d in the log, %+v in memory", id, j.state, e)
		}
		if w.actions[id] != standing(j.round, j.state) {
			w.fail("archived actions", "%s is %d, archived as %d", id, j.state, w.actions[id])
		}
	}
	w.checkWall(js)
	for id, n := range w.messages {
		if n > 1 && !w.ghosts[id] && !strings.HasPrefix(id, pages) { // of which the log forgets that they were sent
			w.fail("two messages", "%s: %d", id, n)
		}
	}
}

// checkPlaces finds what was let go at every destination, and ended there.
func (w *world) checkPlaces(js map[string]*judged) {
	for id, j := range js {
		if j.action.To != "" || len(j.orders) == 0 {
			continue
		}
		if o := js[id+"@okta"]; o == nil || o.state < schema.ActionDiscarded {
			w.fail("lost at a destination", "%s: %+v", id, o)
		}
	}
}

func (w *world) checkFinding(f *schema.Finding) {
	if !has(w.archived[f.ID], f) || !has(w.announced[f.ID], f) {
		w.fail("lost finding", "%+v", f)
	}
	if f.Rule != "not-rotated" && (w.messages[f.ID] == 0 || w.messages[f.ID+"@pager"] == 0) && !w.stormed(f.ID) {
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
		if j := js[id]; j == nil || w.effects[id].id == "" && j.state != schema.ActionDiscarded && !w.refusals[id] {
			w.fail("lost revocation", "%+v", s)
		}
		if adding(s.token) {
			w.stats["added up"]++
		}
	}
	for id, j := range js {
		if epoch, err := strconv.Atoi(j.action.Epoch); adding(j.action.Token) && j.action.Reason != "ordered" && (err != nil || !lives[subject{tenant: j.action.Tenant, token: j.action.Token, epoch: epoch}]) {
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
		case (j.state == schema.ActionDiscarded || j.state == schema.ActionHeld) && !w.refusals[e.id]: // a zombie's call may follow a refused one
			w.fail("effect of what was not let go", "%s", e.id)
		case j.before(e.logEnd) < 0:
			w.fail("effect before its record", "%s: recorded at %d, called at %d", e.id, j.orders, e.logEnd)
		case j.state == schema.ActionDelivered && e.action.To == "" && w.published[e.id] == 0:
			w.fail("no session.revoked", "%s", e.id)
		}
		a := e.action
		life := a.To + "/" + a.Tenant + "/" + a.Token + "/" + a.Epoch
		if lives[life] != "" || a.ID != schema.ActionID(a.Tenant, a.Token, string(schema.RevokeSession), a.Epoch) {
			w.fail("two ids for one life", "%s: %s %s", life, lives[life], e.id)
		}
		lives[life] = e.id
		place := a.To + "/" + a.Token
		switch order := j.before(e.logEnd); {
		case order >= last[place]:
			last[place] = order
		case !w.refusals[e.id]: // else a zombie's call got through after another's was refused and the next had its turn
			w.fail("order of one token's actions", "%s", e.id)
		}
	}
}

func (w *world) checkLimits(js map[string]*judged) {
	at, users := map[string][]time.Time{}, map[string][]time.Time{}
	for id, e := range w.effects {
		if j := js[id]; e.action.To != "" || j != nil && j.released {
			continue
		}
		at[e.action.Tenant] = append(at[e.action.Tenant], e.at)
		if e.action.User != "" {
			users[e.action.Tenant+"/"+e.action.User] = append(users[e.action.Tenant+"/"+e.action.User], e.at)
		}
	}
	within := func(what string, by map[string][]time.Time, most int, window time.Duration) {
		for who, ts := range by {
			slices.SortFunc(ts, time.Time.Compare)
			for i := most; i < len(ts); i++ {
				if ts[i].Sub(ts[i-most]) < window {
					w.fail(what, "%q: more than %d in %s", who, most, window)
				}
			}
		}
	}
	within("limit", at, perMinute, time.Minute)
	within("limit", at, perHour, time.Hour)
	within("limit of a user", users, perUser, time.Hour)
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
				for _, j := range w.valid(0, int64(len(w.log))).entries {
					stats[fmt.Sprint("actions in state ", j.state)]++
					if j.released {
						stats["released"]++
					}
					if j.round > 0 {
						stats["reopened"]++
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Log(seeds, "seeds:", stats)
	for _, k := range []string{"crashes", "freezes", "cut off", "late", "restarts", "effects", "released", "deleted", "expired", "added up", "reopened", "hold", "retry", "revoke", "again", "allow", "disallow", "kill", "unkill", "cards", "updates", "storms", "details"} {
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
	"no copies at takeover":         {forgetCopies: true},
	"rounds ignored":                {ignoreRounds: true},
	"switch forgotten at takeover":  {forgetSwitch: true},
	"tried while killed":            {killLeaks: true},
	"allow entries forgotten":       {forgetAllows: true},
	"orders obeyed again":           {forgetOrders: true},
	"again under a fresh id":        {freshAgain: true},
	"orders torn apart":             {tornOrders: true},
	"hold what was tried":           {holdTried: true},
	"user limits count deliveries":  {countUserDelivered: true},
	"audit of the latest state":     {auditLatest: true},
	"card's message not recorded":   {messageUnrecorded: true},
	"incidents forgotten":           {forgetIncidents: true},
	"details before their card":     {threadBeforeParent: true},
}

func testMutants(t *testing.T, seeds uint64) {
	for name, broken := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
