//go:build long

package actions

import "testing"

// Ten thousand take a quarter of an hour of two cores; CI plays what it has minutes for.
func TestProtocolLong(t *testing.T) { testProtocol(t, 4_000) }

func TestMutantsAreCaughtLong(t *testing.T) { testMutants(t, 2_000) }
