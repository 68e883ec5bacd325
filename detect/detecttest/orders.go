package detecttest

import (
	"math/rand/v2"
	"slices"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Fold makes an empty fold with the rules given.
func Fold(running []detect.Running) *detect.Tokens {
	return detect.NewTokens(detect.Options{
		Rules: running, Budget: detect.NewBudget(256 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16),
	})
}

// Found folds events in their order and merges what is found.
func Found(running []detect.Running, events []*schema.Event) []schema.Finding {
	merged := map[string]schema.Finding{}
	detect.Run(Fold(running), slices.Values(events), func(f *schema.Finding) { detect.Merge(merged, *f) })
	return detect.Sorted(merged)
}

// FoundAfterRestart is Found with the state lost, and loaded again, before the event at the position.
func FoundAfterRestart(running []detect.Running, events []*schema.Event, at int) []schema.Finding {
	merged := map[string]schema.Finding{}
	emit := func(f *schema.Finding) { detect.Merge(merged, *f) }
	before := Fold(running)
	history := map[schema.Subject][]*schema.Event{}
	fold := func(t *detect.Tokens, events []*schema.Event, keep bool) {
		for len(events) > 0 {
			e := events[0]
			events = events[1:]
			var out detect.Output
			t.Fold(e, &out)
			if keep {
				history[t.Subject(e)] = append(history[t.Subject(e)], e)
			}
			for i := range out.Findings {
				emit(&out.Findings[i])
			}
			var notes []*schema.Event
			for i := range out.Notes {
				notes = append(notes, out.Notes[i].Clone())
			}
			fold := append(notes, events...)
			events = fold
		}
	}
	fold(before, slices.Clone(events[:at]), true)
	after := Fold(running)
	for _, rows := range history {
		after.Load(after.Key(rows[0]), rows, true)
	}
	fold(after, slices.Clone(events[at:]), false)
	return detect.Sorted(merged)
}

// Shuffled returns the events in another order, none of them later than lateness in event time, by the random source given.
func Shuffled(events []*schema.Event, lateness int64, r *rand.Rand) []*schema.Event {
	type arriving struct {
		e  *schema.Event
		at int64
	}
	all := make([]arriving, len(events))
	for i, e := range events {
		all[i] = arriving{e, e.Time + r.Int64N(lateness)}
	}
	slices.SortStableFunc(all, func(a, b arriving) int {
		if a.at < b.at {
			return -1
		}
		if a.at > b.at {
			return 1
		}
		return 0
	})
	out := make([]*schema.Event, len(all))
	for i := range all {
		out[i] = all[i].e
	}
	return out
}
