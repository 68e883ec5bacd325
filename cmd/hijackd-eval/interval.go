package main

import "math"

// z is the quantile of the normal distribution for two-sided 95 % intervals.
const z = 1.959964

// wilson returns the 95 % confidence interval of a share of k in n (E. B. Wilson, 1927). With k = 0 its upper end is about 3.84/n, a
// little more careful than the rule of three. n = 0 gives [0, 1].
func wilson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	center := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	low, high = max(0, center-half), min(1, center+half)
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// atMost is the upper end of the 95 % confidence interval of k in n as a rate per unit sessions: three over n where nothing
// happened (the rule of three), else Wilson's.
func atMost(k, n int, unit float64) float64 {
	if n == 0 {
		return math.Inf(1)
	}
	if k == 0 {
		return 3 / float64(n) * unit
	}
	_, high := wilson(k, n)
	return high * unit
}

// quantile returns the q-quantile of sorted values, the nearest rank.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
