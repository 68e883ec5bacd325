package schema

import "slices"

var severities = []Severity{Low, Medium, High, Critical}

// AtLeast reports whether s is as severe as o, or more so. An unknown severity is below every other.
func (s Severity) AtLeast(o Severity) bool {
	return slices.Index(severities, s) >= slices.Index(severities, o)
}
