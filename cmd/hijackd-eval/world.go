package main

import (
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/detect/simulate/population"
)

// began is a Monday, so that every seed holds working days.
var began = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// Shares of events that come late and twice, as a stream has them.
const lateShare, repeatShare = 0.02, 0.005

func (s size) world(seed uint64) (world, error) {
	return population.New(population.Config{
		Seed: seed, Sessions: s.Sessions, Start: began, Duration: s.Duration, Attacks: simulate.AllAttacks(), Each: s.Attacks, Calm: s.Calm,
		Late: lateShare, Repeats: repeatShare,
	})
}
