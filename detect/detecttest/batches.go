package detecttest

import (
	"math/rand/v2"
	"slices"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// FoundInBatches is Found with topics between the lanes: events come in batches of at most so many; notes come back behind events that were
// waiting already, and sightings reach the subject lane later, too, each topic in its own order. The random source says how far each
// lane gets at a time.
func FoundInBatches(running []detect.Running, events []*schema.Event, most int, r *rand.Rand) []schema.Finding {
	tokens := Fold(running)
	subjects := detect.NewSubjects(detect.Options{
		Rules: running, Budget: detect.NewBudget(256 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 16),
	})
	merged := map[string]schema.Finding{}
	var notes []*schema.Event
	var sightings []schema.Sighting
	var out detect.Output
	take := func() {
		detect.Merge(merged, out.Findings...)
		for i := range out.Notes {
			notes = append(notes, out.Notes[i].Clone())
		}
		sightings = append(sightings, out.Sightings...)
		out.Reset()
	}
	// No more than most are left waiting: lanes keep up.
	behind := func(waiting int) int { return max(waiting-most, r.IntN(waiting+1)) }
	finished := false
	for events = Arriving(events); len(events)+len(notes)+len(sightings) > 0; {
		told := notes[:behind(len(notes))]
		notes = notes[len(told):]
		part := events[:min(len(events), 1+r.IntN(most))]
		events = events[len(part):]
		for _, e := range append(slices.Clip(told), part...) {
			tokens.Fold(e, &out)
			take()
		}
		seen := sightings[:behind(len(sightings))]
		sightings = sightings[len(seen):]
		for i := range seen {
			subjects.Fold(&seen[i], &out)
			take()
		}
		if len(events)+len(notes)+len(sightings) == 0 && !finished {
			finished = true
			tokens.FinishCounts(&out)
			take()
		}
	}
	return detect.Sorted(merged)
}
