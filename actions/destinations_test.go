package actions_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/actions"
)

// play runs one schedule of faults until everything is over. Time is virtual: a day of back-off takes no time.
func play(t *testing.T, seed uint64, mutant string) (s *site) {
	synctest.Test(t, func(t *testing.T) {
		s = newSite(actions.Enforcing(t), seed, mutant)
		server := s.serve()
		s.begin()
		s.feed()
		for end := time.Now().Add(60 * time.Hour); !s.settled(); time.Sleep(time.Minute) {
			if time.Now().After(end) {
				s.fail("unfinished", "after 60 h")
				break
			}
		}
		time.Sleep(11 * time.Minute) // nobody may call any more
		s.mu.Lock()
		close(s.ended)
		owner := s.owner
		s.mu.Unlock()
		owner.die()
		s.members.Wait()
		_ = server.Close()
		s.check()
	})
	return s
}

// testSchedules plays schedules on all processors and prints how often each fault occurred.
func testSchedules(t *testing.T, seeds uint64) {
	var mu sync.Mutex
	var next atomic.Uint64
	stats := map[string]int{}
	t.Run("all", func(t *testing.T) {
		for n := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for seed := next.Add(1); seed <= seeds; seed = next.Add(1) {
					s := play(t, seed, "")
					mu.Lock()
					for what, how := range s.wrong {
						t.Errorf("seed %d: %s: %s", seed, what, how)
						next.Store(seeds)
					}
					for k, n := range s.stats {
						stats[k] += n
					}
					mu.Unlock()
				}
			})
		}
	})
	var table strings.Builder
	for _, k := range slices.Sorted(maps.Keys(stats)) {
		fmt.Fprintf(&table, "%8d  %s\n", stats[k], k)
	}
	t.Logf("%d schedules:\n%s", seeds, &table)
	for _, k := range slices.Concat(passing, final) {
		if stats[k] == 0 {
			t.Errorf("no schedule had %s", k)
		}
	}
	for _, step := range []string{"append", "call", "session.revoked", "archive", "message"} {
		for _, k := range []string{"kill before ", "kill after ", "freeze before ", "freeze after "} {
			if stats[k+step] == 0 {
				t.Errorf("no schedule had %s%s", k, step)
			}
		}
	}
	for _, k := range []string{"away: connection refused", "away: reset", "void record", "effects that the id prevented", "pages: pending", "pages: failed"} {
		if stats[k] == 0 {
			t.Errorf("no schedule had %s", k)
		}
	}
}

// dispatchers are wrong ones, each of which the schedules must find.
var dispatchers = []string{
	"record before send", "send before record", "record before session.revoked", "no resume", "no void records", "fresh id per try", "fresh id per decision",
	"no order per token", "redirects followed", "a redirect is tried again", "Retry-After ignored", "410 is tried again", "a timeout is success",
	"a reset is success", "5xx is final", "408 is final",
}

func TestFaultSchedules(t *testing.T) { testSchedules(t, 300) }

func TestWrongDispatchersAreFound(t *testing.T) {
	for _, mutant := range dispatchers {
		t.Run(mutant, func(t *testing.T) {
			for seed := uint64(1); seed <= 200; seed++ {
				if s := play(t, seed, mutant); len(s.wrong) > 0 {
					t.Log("seed", seed, slices.Sorted(maps.Keys(s.wrong)))
					return
				}
			}
			t.Error("not found in 200 schedules")
		})
	}
}
