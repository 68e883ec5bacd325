//go:build long

package actions

import "testing"

// Ten thousand take ten minutes of two cores; CI plays what it has minutes for.
func TestProtocolLong(t *testing.T) { testProtocol(t, 1_500) }

func TestMutantsAreCaughtLong(t *testing.T) { testMutants(t, 2_000) }
