package rules

import (
	"math"
	"strconv"
	"time"
)

// grouped writes a number without decimals, thousands apart: 145 080.
func grouped(x float64) string {
	s := strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// lasting writes a duration as people say it: 45 s, 4 min, 3 h 20 min, 5 days.
func lasting(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Minute:
		return strconv.FormatFloat(round(d.Seconds(), 1), 'f', -1, 64) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Round(time.Minute)/time.Minute)) + " min"
	case d < 2*day:
		d = d.Round(time.Minute)
		return strconv.Itoa(int(d/time.Hour)) + " h " + strconv.Itoa(int(d%time.Hour/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d/day)) + " days"
}
