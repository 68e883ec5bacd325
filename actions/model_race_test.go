//go:build race

package actions

import "testing"

// TestProtocol under the race detector plays fewer seeds: the model resumes one coroutine at a time, so that the detector has little to
// find there, and pays for each of them with memory.
func TestProtocol(t *testing.T) { testProtocol(t, 25) }
