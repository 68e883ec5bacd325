package population

import (
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
)

func TestCalmHasNoAttackers(t *testing.T) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, calm := range []time.Duration{0, 8 * time.Hour} {
		w, err := New(Config{Seed: 1, Sessions: 400, Start: start, Duration: 20 * time.Hour, Attacks: simulate.AllAttacks(), Calm: calm})
		if err != nil {
			t.Fatal(err)
		}
		first, attacks := time.Duration(0), 0
		for e := (simulate.Event{}); w.Next(&e); {
			if e.Role != simulate.Attacker {
				continue
			}
			if at := time.Unix(0, e.Time).Sub(start); attacks == 0 || at < first {
				first = at
			}
			attacks++
		}
		if attacks == 0 || first < calm || first > calm+3*time.Hour {
			t.Errorf("calm for %s: %d events of attackers, the first after %s", calm, attacks, first)
		}
	}
	if _, err := New(Config{Seed: 1, Sessions: 400, Start: start, Duration: 20 * time.Hour, Calm: 20 * time.Hour}); err == nil {
		t.Error("a world that is calm to its end is accepted")
	}
}
