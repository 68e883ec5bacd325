//go:build long

package actions

import "testing"

// What it shows beyond these is not all explained yet: of 2,000 seeds about five have met an edge (a zombie's call, the end of retention).
func TestProtocolLong(t *testing.T) { testProtocol(t, 150) }

func TestMutantsAreCaughtLong(t *testing.T) { testMutants(t, 2_000) }
