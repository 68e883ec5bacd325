package detect

import (
	"iter"
	"slices"

	"github.com/hijackd/hijackd/schema"
)

// Merge enters a version of a finding among others by id, keeping the strongest of each (contract section 3).
func Merge(into map[string]schema.Finding, findings ...schema.Finding) {
	for i := range findings {
		f := &findings[i]
		if old, ok := into[f.ID]; !ok || f.Compare(&old) > 0 {
			into[f.ID] = *f
		}
	}
}

// Sorted returns merged findings by (time, id), without those that were withdrawn, and as a last word: what ranked their versions
// is cleared.
func Sorted(merged map[string]schema.Finding) []schema.Finding {
	all := make([]schema.Finding, 0, len(merged))
	for _, f := range merged {
		if f.Informed = 0; f.Confidence > 0 {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b schema.Finding) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}

// Run folds events in their order, each followed at once by the notes that it causes, and hands findings to emit as they are made.
func Run(t *Tokens, events iter.Seq[*schema.Event], emit func(*schema.Finding)) {
	var out Output
	for e := range events {
		RunOne(t, e, &out, emit)
	}
}

// RunOne folds one event and the notes that it causes, first in first out. out is scratch space.
func RunOne(t *Tokens, e *schema.Event, out *Output, emit func(*schema.Finding)) {
	waiting := []*schema.Event{e}
	for len(waiting) > 0 {
		out.Reset()
		t.Fold(waiting[0], out)
		waiting = waiting[1:]
		for i := range out.Findings {
			emit(&out.Findings[i])
		}
		for i := range out.Notes {
			waiting = append(waiting, out.Notes[i].Clone())
		}
	}
}
