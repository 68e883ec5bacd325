//go:build !race

package actions

import "testing"

func TestProtocol(t *testing.T) { testProtocol(t, 100) }

func TestMutantsAreCaught(t *testing.T) { testMutants(t, 300) }
