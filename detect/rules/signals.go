package rules

import "github.com/hijackd/hijackd/schema"

// signals combines the probabilities of signals (noisy-or). Of one kind of signal only the strongest counts, for two of a kind say the same.
type signals []schema.Weight

func (s *signals) add(kind schema.SignalKind, p float64) {
	for i := range *s {
		if w := &(*s)[i]; w.Signal == kind {
			w.P = max(w.P, p)
			return
		}
	}
	*s = append(*s, schema.Weight{Signal: kind, P: p})
}

// confidence is 1 − Π(1 − p), to two decimals, 0 for no signal and never above 0.99.
func (s signals) confidence() float64 {
	doubt := 1.0
	for _, w := range s {
		doubt *= 1 - w.P
	}
	return min(0.99, round(1-doubt, 2))
}
