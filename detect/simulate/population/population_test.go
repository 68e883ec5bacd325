package population

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
)

var start = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC) // a Monday

func run(t testing.TB, cfg Config, see func(e *simulate.Event)) *World {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for e := (simulate.Event{}); w.Next(&e); {
		see(&e)
	}
	return w
}

func digest(t testing.TB, cfg Config) (sum [32]byte, lines int) {
	h := sha256.New()
	var line []byte
	run(t, cfg, func(e *simulate.Event) {
		line = append(e.AppendJSON(line[:0], true), '\n')
		_, _ = h.Write(line)
		lines++
	})
	return [32]byte(h.Sum(nil)), lines
}

func TestOneSeedOneStream(t *testing.T) {
	cfg := Config{Seed: 7, Users: 150, Start: start, Duration: 24 * time.Hour, Attacks: simulate.AllAttacks(), Late: 0.01, Repeats: 0.01}
	first, lines := digest(t, cfg)
	if again, _ := digest(t, cfg); again != first || lines < 10_000 {
		t.Errorf("%d lines, twice the same: %v", lines, again == first)
	}
	cfg.Seed++
	if other, _ := digest(t, cfg); other == first {
		t.Error("another seed gives the same events")
	}
}
