package main

import (
	"fmt"

	"github.com/hijackd/hijackd/detect/simulate"
)

// floors are the recalls below the goal that are known, so that a change that loses more is seen. Every kind that is not named here is
// held to the goal.
var floors = map[variant]float64{
	// One comes hours later, with the victim's user agent and only another ja4, after the victim was on a VPN: a low finding.
	{simulate.SlowStolenCookie, false}: 0.9,
}

// violations lists what a run must not show: a false revocation, too many false alerts, a recall below its floor.
func (s *score) violations() (all []string) {
	if s.revocations > 0 {
		all = append(all, fmt.Sprintf("%d false revocations", s.revocations))
	}
	if float64(s.alerts) > max(1, float64(s.benign)/1e4) {
		all = append(all, fmt.Sprintf("%d false alerts in %d benign sessions", s.alerts, s.benign))
	}
	for _, k := range simulate.AllAttacks() {
		if at(s.kinds, variant{k, false}).incidents+at(s.kinds, variant{k, true}).incidents == 0 {
			all = append(all, fmt.Sprintf("no %s was made", k))
		}
	}
	for _, alike := range []bool{false, true} {
		for _, v := range s.made(alike) {
			floor, known := floors[v]
			if !known && !alike {
				floor = goal
			}
			if r := s.kinds[v]; float64(r.found) < floor*float64(r.incidents) {
				all = append(all, fmt.Sprintf("%s: %d of %d found, want %.2f of them", v.kind, r.found, r.incidents, floor))
			}
		}
	}
	return all
}
