package rules

// signals combines the probabilities of independent signals (noisy-or).
type signals struct{ doubt, some float64 }

func (s *signals) add(p float64) {
	if s.some == 0 {
		s.some, s.doubt = 1, 1
	}
	s.doubt *= 1 - p
}

// confidence is 1 − Π(1 − p), to two decimals, 0 for no signal and never 1.
func (s *signals) confidence() float64 {
	if s.some == 0 {
		return 0
	}
	return min(0.99, round(1-s.doubt, 2))
}
