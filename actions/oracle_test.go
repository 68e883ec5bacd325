package actions

import (
	"math"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// asked says of merged findings, in the words of docs/risk.md and nothing else, which of them ask for a revocation, and which lives of
// tokens they revoke. It knows of no exemption and no pool.
func asked(fs []schema.Finding, modes map[string]Mode) (findings map[string]bool, lives map[subject]bool) {
	findings, lives = map[string]bool{}, map[subject]bool{}
	for i := range fs {
		x := &fs[i]
		aims := x.Targets
		if len(aims) == 0 {
			aims = []schema.Target{{Token: x.Token, User: x.User, Epoch: x.Epoch}}
		}
		for _, aim := range aims {
			if aim.Token == "" || x.Confidence == 0 || x.WithoutHistory {
				continue
			}
			if x.Conclusive && modes[x.Rule] == Enforce || together(fs, i, aim, modes) {
				findings[x.ID] = true
				lives[subject{tenant: x.Tenant, token: aim.Token, epoch: aim.Epoch}] = true
			}
		}
	}
	return findings, lives
}

// together reports whether the findings up to one add up to a revocation of a token.
func together(fs []schema.Finding, at int, aim schema.Target, modes map[string]Mode) bool {
	type said struct {
		rule string
		kind schema.SignalKind
		w    float64
		same bool
	}
	var own, others []said
	strongest := map[schema.SignalKind]float64{}
	x := &fs[at]
	for i := range fs {
		f := &fs[i]
		share := sameSubject(x, f, i == at, aim)
		age := x.Time.Sub(f.Time)
		if age < 0 && age > -time.Hour {
			age = -age
		}
		if f.Tenant != x.Tenant || share == 0 || age < 0 || age >= 8*time.Hour || f.Confidence == 0 || f.WithoutHistory || modes[f.Rule] != Enforce && modes[f.Rule] != Warn {
			continue
		}
		for _, s := range f.Signals {
			w := math.Round(100*s.P*share*math.Pow(2, -age.Hours())) / 100
			strongest[s.Signal] = max(strongest[s.Signal], w)
			if i == at {
				own = append(own, said{f.Rule, s.Signal, w, true})
			} else {
				others = append(others, said{f.Rule, s.Signal, w, share == 1})
			}
		}
	}
	doubt := 1.0
	for _, k := range kinds {
		doubt *= 1 - strongest[k]
	}
	for _, a := range own {
		for _, b := range others {
			if b.same && a.w >= 0.3 && b.w >= 0.3 && a.rule != b.rule && apart[a.kind][b.kind] && modes[a.rule] == Enforce {
				return math.Round(100*(1-doubt)) >= 90
			}
		}
	}
	return false
}

// apart is the table of docs/risk.md.
var apart = map[schema.SignalKind]map[schema.SignalKind]bool{
	"distance":  {"device": true, "behaviour": true, "outcome": true},
	"network":   {"device": true, "behaviour": true, "outcome": true},
	"device":    {"distance": true, "network": true, "behaviour": true, "outcome": true},
	"behaviour": {"distance": true, "network": true, "device": true},
	"outcome":   {"distance": true, "network": true, "device": true},
}

// sameSubject is 1 where a finding is about the token, a half where it is about another session of its user, else 0.
func sameSubject(x, f *schema.Finding, own bool, aim schema.Target) float64 {
	if own {
		return 1
	}
	user := aim.User
	if user == "" {
		user = x.User
	}
	var same, shared bool
	aims := append([]schema.Target{{User: f.User}}, f.Targets...)
	if len(f.Targets) == 0 {
		aims[0].Token, aims[0].Epoch = f.Token, f.Epoch
	}
	for _, t := range aims {
		same = same || t.Token == aim.Token && t.Epoch == aim.Epoch
		shared = shared || user != "" && t.User == user
	}
	switch {
	case same:
		return 1
	case shared:
		return 0.5
	}
	return 0
}
