//go:build long

package actions_test

import "testing"

func TestFaultSchedulesLong(t *testing.T) { testSchedules(t, 10_000) }
