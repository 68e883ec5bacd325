package schema

import "testing"

func TestSeveritiesAreRanked(t *testing.T) {
	all := []Severity{"", Low, Medium, High, Critical}
	for i, a := range all {
		for j, b := range all {
			if a.AtLeast(b) != (i >= j) {
				t.Errorf("%q at least %q: %v", a, b, a.AtLeast(b))
			}
		}
	}
}
