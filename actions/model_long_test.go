//go:build long

package actions

import "testing"

func TestProtocolLong(t *testing.T) { testProtocol(t, 10_000) }

func TestMutantsAreCaughtLong(t *testing.T) { testMutants(t, 2_000) }
