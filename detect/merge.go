package detect

import (
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
