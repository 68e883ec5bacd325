package detecttest

import (
	"math/rand/v2"
	"slices"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Fold makes an empty token fold with the rules given.
func Fold(running []detect.Running) *detect.Tokens {
	return detect.NewTokens(detect.Options{
		Rules: running, Budget: detect.NewBudget(256 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16),
	})
}

// Found folds events in their order, tokens and subjects, and merges what is found.
func Found(running []detect.Running, events []*schema.Event) []schema.Finding {
	f := detect.NewFolds(running, 0)
	for _, e := range Arriving(events) {
		f.Fold(e)
	}
	f.Flush()
	return f.Findings()
}

// apart is how far apart, in offsets, events arrive: some few make a stretch that a lane counts in.
const apart = 1 << 12

// Arriving returns the events as a lane meets them: at growing offsets.
func Arriving(events []*schema.Event) []*schema.Event {
	all := make([]*schema.Event, len(events))
	for i, e := range events {
		c := *e
		c.Offset = int64(i) * apart
		all[i] = &c
	}
	return all
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
