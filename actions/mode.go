package actions

import (
	"fmt"
	"slices"
)

// Mode is the most that a rule may do.
type Mode string

// Modes, weakest first. What a rule in mode off still finds (it should not run) is observed.
const (
	Off     Mode = "off"
	Shadow  Mode = "shadow"
	Warn    Mode = "alert"
	Enforce Mode = "enforce"
)

var modes = []Mode{Off, Shadow, Warn, Enforce}

// rank is 0 for a mode that does not exist, which therefore does nothing.
func (m Mode) rank() int { return max(0, slices.Index(modes, m)) }

// Validate returns an error that names key unless m is one of the four modes.
func (m Mode) Validate(key string) error {
	if !slices.Contains(modes, m) {
		return fmt.Errorf("%s: %q is not a mode: off, shadow, alert or enforce", key, string(m))
	}
	return nil
}

// Under returns m, or the ceiling where that is weaker.
func (m Mode) Under(ceiling Mode) Mode {
	if m.rank() < ceiling.rank() {
		return m
	}
	return ceiling
}
