package actions

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// play runs one seed: chaos, then healing, until nothing is left to do. It reports whether that came to pass.
func (w *world) play() bool {
	for w.tick < 1000 {
		w.step()
		w.roll()
	}
	w.chaos, w.hookDown, w.rowsDown, w.file = false, 0, 0, false
	for _, m := range w.members {
		if m.frozen = 0; m != w.owner {
			m.dead = true
		}
	}
	for end := w.tick + 6_000; w.tick < end; {
		w.step()
		if w.tick%50 == 0 && w.quiet() {
			return true
		}
	}
	return false
}

func (w *world) step() {
	w.tick++
	w.wall.pass(w)
	w.now = w.now.Add(time.Duration(w.r.IntN(12_000)) * time.Millisecond)
	for i := 0; i < len(w.late); i++ {
		if l := w.late[i]; l.tick <= w.tick {
			w.late = slices.Delete(w.late, i, i+1)
			i--
			l.do()
		}
	}
	if len(w.feed) > 0 && w.r.IntN(7) == 0 {
		w.arrive(w.feed[0])
		w.feed = w.feed[1:]
	}
	for _, m := range w.members {
		if m != w.owner && w.tick >= m.frozen && w.r.IntN(12) == 0 { // learns that its generation has ended
			m.dead = true
		}
	}
	w.sweep()
	if len(w.cos) == 0 {
		w.rebalance()
	}
	for range 4 {
		if c := w.cos[w.r.IntN(len(w.cos))]; !c.done && w.tick >= c.m.frozen && !w.now.Before(c.until) {
			w.resume(c)
		}
	}
}

func (w *world) arrive(s schema.Signal) {
	v, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	w.signals = append(w.signals, schema.Record{Offset: int64(len(w.signals)), Time: w.now.UnixNano(), Value: v})
}

// roll is one roll of the dice about what goes wrong.
func (w *world) roll() {
	switch x := w.r.IntN(1000); {
	case x < 6: // kill -9
		w.stats["crashes"]++
		w.owner.dead = true
		w.rebalance()
	case x < 12: // frozen for longer than the session: it wakes up as a zombie
		w.stats["freezes"]++
		w.owner.frozen = w.tick + 10 + w.r.IntN(60)
		w.rebalance()
	case x < 16: // cut off from the coordinator only
		w.stats["cut off"]++
		w.rebalance()
	case x < 19:
		w.hookDown = w.tick + w.r.IntN(150)
	case x < 22:
		w.rowsDown = w.tick + w.r.IntN(150)
	case x < 50:
		w.analyst(2)
	case x < 90:
		w.people()
	case x < 94:
		w.file = !w.file
	case x < 104: // retention
		// It reaches further back than the signals that are still to be read: their topic keeps a week, the response log a month.
		expected := w.expected()
		for w.base < int64(len(w.log)) && (w.log[w.base].rec.Action == nil || !expected[w.log[w.base].rec.Action.ID]) && w.now.Sub(w.log[w.base].at) > 70*time.Minute && w.log[w.base].at.Before(w.uncommitted()) {
			w.base++
			w.stats["deleted"]++
		}
	}
}

// expected lists the actions that signals may ask for which are still to be folded: they come within the log's retention.
func (w *world) expected() map[string]bool {
	ids := map[string]bool{}
	add := func(tenant string, ts []schema.Target) {
		for _, t := range ts {
			ids[schema.ActionID(tenant, t.Token, string(schema.RevokeSession), itoa(t.Epoch))] = true
		}
	}
	for _, s := range w.feed {
		if s.Finding != nil {
			add(s.Finding.Tenant, targets(s.Finding))
		}
	}
	for _, rec := range w.signals[w.committed:] {
		var s schema.Signal
		if err := json.Unmarshal(rec.Value, &s); err != nil {
			panic(err)
		}
		if s.Finding != nil {
			add(s.Finding.Tenant, targets(s.Finding))
		} else {
			add(s.Command.Tenant, s.Command.Targets)
			for _, id := range s.Command.Actions {
				ids[id] = true
			}
		}
	}
	return ids
}

// uncommitted is the record time of the first signal that will be read again.
func (w *world) uncommitted() time.Time {
	if w.committed == int64(len(w.signals)) {
		return w.now
	}
	return time.Unix(0, w.signals[w.committed].Time)
}

// quiet reports whether everything that was ordered is done; what is held is released meanwhile.
func (w *world) quiet() bool {
	if len(w.feed)+len(w.late) > 0 || w.committed < int64(len(w.signals)) || w.owner.lane == nil || w.owner.lane.broken {
		return false
	}
	w.analyst(1)
	if w.owner.lane.fold.switches.state[false].On {
		w.orders(&schema.Command{Verb: schema.Unkill})
	}
	if w.committed < int64(len(w.signals)) {
		return false
	}
	if len(w.owner.lane.archive.queue) > 0 {
		return false
	}
	for id, j := range w.valid(0, int64(len(w.log))).entries {
		if j.state < schema.ActionDiscarded || w.actions[id] < standing(j.round, j.state) {
			return false
		}
	}
	for _, e := range w.owner.lane.fold.entries {
		if !e.finished() {
			return false
		}
	}
	return w.settled()
}
