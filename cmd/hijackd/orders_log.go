package main

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

// logged is what operators' commands read of a record of the response log.
type logged struct {
	Office struct {
		schema.Term
		By uint64 `json:"by"`
	} `json:"office"`
	Action *schema.Action `json:"action"`
	Allow  *allowEntry    `json:"allow"`
	Switch *switchState   `json:"switch"`
}

// allowEntry is an allow entry and whether somebody has ended it.
type allowEntry struct {
	schema.Allow
	Tenant string `json:"tenant"`
	Ended  bool   `json:"ended"`
	N      int64  `json:"n"` // of an entry's records the highest counts
}

// switchState is how the kill switch of a lane stands: the ordered one, or that of the kill file.
type switchState struct {
	File bool      `json:"file"`
	On   bool      `json:"on"`
	By   string    `json:"by"`
	Why  string    `json:"why"`
	At   time.Time `json:"at"`
	N    int64     `json:"n"` // of a switch's records the highest counts
}

type laneSwitch struct {
	lane int32
	file bool
}

// standing is what the response log says of what a person may still decide on. It needs no ClickHouse and is never behind.
type standing struct {
	lanes    int32
	actions  map[string]*standingAction
	allows   map[string]*allowEntry
	switches map[laneSwitch]switchState
}

type standingAction struct {
	round  int
	state  schema.ActionState
	action *schema.Action // of held and failed ones alone: there may be a million others
}

// readStanding reads the response log for a command that only looks.
func readStanding(ctx context.Context, cfg *Config) (*standing, error) {
	o, err := openOrders(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer o.close()
	return o.standing(ctx)
}

// standing reads the response log of every lane.
func (o *orders) standing(ctx context.Context) (*standing, error) {
	n, err := o.client.Partitions(ctx, o.response)
	if err != nil {
		return nil, err
	}
	s := &standing{lanes: int32(n), actions: map[string]*standingAction{}, allows: map[string]*allowEntry{}, switches: map[laneSwitch]switchState{}} // #nosec G115 -- a count of partitions
	for part := range s.lanes {
		var top logged
		log := broker.Log{Client: o.client, Topic: o.response, Partition: part}
		_, err := log.Read(ctx, 0, func(r *schema.Record) error {
			var l logged
			if r.Broken != "" || json.Unmarshal(r.Value, &l) != nil {
				return nil
			}
			// A record of an owner that was no longer one when it wrote it is void, as it is for the lane.
			switch {
			case top.Office.Term.Less(l.Office.Term):
				top = l
			case l.Office != top.Office:
				return nil
			}
			s.add(part, &l)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add folds one record. Of an action's records the highest (round, state) counts, and of equal ones the first: later ones may say less.
func (s *standing) add(lane int32, l *logged) {
	if a := l.Allow; a != nil && a.ID != "" {
		if old := s.allows[a.ID]; old == nil || old.N <= a.N {
			s.allows[a.ID] = a
		}
	}
	if t := l.Switch; t != nil {
		if k := (laneSwitch{lane, t.File}); s.switches[k].N <= t.N {
			s.switches[k] = *t
		}
	}
	a := l.Action
	if a == nil || a.ID == "" {
		return
	}
	e := s.actions[a.EntryID()]
	if e == nil {
		e = &standingAction{round: -1}
		s.actions[a.EntryID()] = e
	}
	if cmp.Or(cmp.Compare(a.Round, e.round), cmp.Compare(a.State, e.state)) <= 0 {
		return
	}
	e.round, e.state, e.action = a.Round, a.State, nil
	if a.State == schema.ActionPending || a.State == schema.ActionHeld || a.State == schema.ActionFailed {
		e.action = a
	}
}

// list returns the actions in a state, the oldest decision first.
func (s *standing) list(state schema.ActionState) []*schema.Action {
	var all []*schema.Action
	for _, e := range s.actions {
		if e.state == state && e.action != nil {
			all = append(all, e.action)
		}
	}
	slices.SortFunc(all, func(a, b *schema.Action) int {
		return cmp.Or(a.DecidedAt.Compare(b.DecidedAt), cmp.Compare(a.EntryID(), b.EntryID()))
	})
	return all
}

// allowed returns the allow entries, those that end first first; ended and expired ones only where asked for.
func (s *standing) allowed(now time.Time, all bool) []*allowEntry {
	var es []*allowEntry
	for _, e := range s.allows {
		if all || !e.Ended && e.Expires.After(now) {
			es = append(es, e)
		}
	}
	slices.SortFunc(es, func(a, b *allowEntry) int { return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.ID, b.ID)) })
	return es
}
