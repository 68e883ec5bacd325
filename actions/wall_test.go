package actions

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// wall is the channel of a world in which cards hang.
type wall struct {
	none      bool // the channel can't keep a message up to date
	perMinute int  // see LaneConfig.StormPerMinute
	parents   map[string]int
	posted    map[string]time.Time
	cards     map[string]*Card // as last shown
	refused   map[string]bool
	storms    map[int64]int // by Unix minute
	digests   map[string]*Digest
	counted   map[string]bool // findings committed when the digests were due
	due       time.Time
}

const digestOfWorlds = 11*time.Hour + 20*time.Minute

func newWall(seed uint64) wall {
	w := wall{parents: map[string]int{}, posted: map[string]time.Time{}, cards: map[string]*Card{}, refused: map[string]bool{}, storms: map[int64]int{}, digests: map[string]*Digest{},
		due: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC).Add(digestOfWorlds), none: seed%5 == 0, perMinute: stormDefault}
	if seed%3 == 0 {
		w.perMinute = 1
	}
	return w
}

// unwelcome cards are refused for good.
func unwelcome(c *Card) bool { return strings.HasSuffix(c.Subject, ":5") }

// historyFor is how far back a message can be looked for.
const historyFor = 30 * time.Minute

// ghost reports whether the call under way is that of a member that has lost the lane, or of a start that was discarded.
func (w *world) ghost() bool { return w.cur.m != w.owner || w.cur.lane != w.owner.latest }

func (w *world) Show(_ context.Context, c *Card) (Message, Result) {
	w.others()
	switch {
	case w.pct(10):
		return Message{}, Result{Class: Again, Detail: "429", RetryAfter: time.Second}
	case unwelcome(c):
		w.wall.refused[c.ID] = true
		return Message{}, Result{Class: Refused, Detail: "invalid_blocks"}
	}
	found := c.Uncertain && w.wall.parents[c.ID] > 0 && w.now.Sub(w.wall.posted[c.ID]) < historyFor
	if c.Message == (Message{}) && !found {
		w.wall.parents[c.ID]++
		w.wall.posted[c.ID] = w.now
		w.ghosts[c.ID] = w.ghosts[c.ID] || w.ghost()
	} else if w.wall.parents[c.ID] == 0 {
		w.fail("update of a card that is not there", "%s", c.ID)
	}
	if old := w.wall.cards[c.ID]; old == nil || old.Version <= c.Version {
		w.wall.cards[c.ID] = c
	}
	w.others()
	if w.pct(10) {
		return Message{}, Result{Class: Again, Detail: "timeout"}
	}
	return Message{"C1", c.ID}, Result{Class: Done}
}

// posted looks at a message that is not a card.
func (w *world) posted(a *Alert) {
	switch {
	case a.Storm != nil:
		w.wall.storms[a.Storm.From.Unix()/60] += a.Storm.Count
	case a.Digest != nil:
		w.wall.digests[a.ID] = a.Digest
	case a.Finding == nil || w.wall.none:
	case a.Incident == "":
		w.fail("a detail without an incident", "%s", a.ID)
	case a.Thread == Message{} && !w.wall.refused[a.Incident]:
		w.fail("a detail outside of its thread", "%s", a.ID)
	case a.Thread != Message{} && (a.Thread.TS != a.Incident || w.wall.parents[a.Incident] == 0):
		w.fail("a detail before its card", "%s", a.ID)
	}
}

// pass notes what is committed when the digests are due.
func (wl *wall) pass(w *world) {
	if wl.counted != nil || w.now.Before(wl.due) {
		return
	}
	wl.counted = map[string]bool{}
	for _, f := range w.findings(w.committed) {
		wl.counted[f.ID] = true
	}
}

// findings lists those of the signals before an offset.
func (w *world) findings(to int64) (fs []*schema.Finding) {
	for _, rec := range w.signals[:to] {
		var s schema.Signal
		if err := json.Unmarshal(rec.Value, &s); err != nil {
			panic(err)
		}
		if s.Finding != nil {
			fs = append(fs, s.Finding)
		}
	}
	return fs
}

// stormed reports whether a finding came in a minute whose storm was told.
func (w *world) stormed(id string) bool {
	for i := range w.signals {
		if w.wall.storms[time.Unix(0, w.signals[i].Time).Unix()/60] > 0 && strings.Contains(string(w.signals[i].Value), id) {
			return true
		}
	}
	return false
}

// settled reports whether the wall shows everything.
func (w *world) settled() bool {
	f := w.owner.lane.fold
	return len(f.incidents.unshown) == 0 && w.owner.lane.board.calls == 0 && f.storm.Count == 0
}

// checkWall compares what people saw with what the log says.
func (w *world) checkWall(js map[string]*judged) {
	for id, n := range w.wall.parents {
		if n > 1 && !w.ghosts[id] {
			w.fail("two cards of one incident", "%s: %d", id, n)
		}
		w.stats["cards"]++
	}
	for id, c := range w.wall.cards {
		i := w.owner.lane.fold.incidents.byID[id]
		if i == nil || c.Version != i.card.Version || i.card.Shown != i.card.Version || !slices.Equal(c.Rest, i.card.Rest) || len(c.Findings) != len(i.card.Findings) {
			w.fail("the card's last version is not shown", "%s: %+v", id, i)
			continue
		}
		if c.Version > 1 {
			w.stats["updates"]++
		}
		for _, j := range js { // what the card says of each action is how it ended
			id := j.action.EntryID()
			ours := slices.ContainsFunc(c.Findings, func(f schema.Finding) bool { return len(j.action.Findings) > 0 && f.ID == j.action.Findings[0].ID })
			n := slices.IndexFunc(c.Actions, func(a schema.Action) bool { return a.EntryID() == id })
			switch {
			case n < 0 && ours && len(c.Actions) < cardActions:
				w.fail("the card tells of no action", "%s: %s is %d", c.ID, id, j.state)
			case n >= 0 && (c.Actions[n].State != j.state || c.Actions[n].Round != j.round):
				w.fail("the card tells of another end", "%s: %s is %d in round %d: %+v", c.ID, id, j.state, j.round, c.Actions[n])
			}
		}
	}
	for _, f := range w.findings(int64(len(w.signals))) {
		if w.messages[f.ID] > 0 && f.Rule != "not-rotated" {
			w.stats["details"]++
		}
	}
	w.stats["storms"] += len(w.wall.storms)
	w.checkDigests()
}

// checkDigests compares the digests with the findings that were told before they were due.
func (w *world) checkDigests() {
	for _, tenant := range []string{"", "t2"} {
		least, most := map[string]bool{}, map[string]bool{}
		for _, f := range w.findings(int64(len(w.signals))) {
			if f.Tenant == tenant {
				most[f.ID] = true
			}
			if f.Tenant == tenant && w.wall.counted[f.ID] {
				least[f.ID] = true
			}
		}
		switch d := w.wall.digests["digest_"+tenant+"_2026-11-21"]; {
		case d == nil && len(least) > 0:
			w.fail("lost digest", "of tenant %q", tenant)
		case d != nil && (d.Findings < len(least) || d.Findings > len(most)):
			w.fail("a digest that counts wrongly", "tenant %q: %d findings, of %d to %d", tenant, d.Findings, len(least), len(most))
		}
	}
}
