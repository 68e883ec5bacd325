package actions

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// How signals add up. docs/risk.md says why each is as it is.
const (
	// halfLife is the time in which a signal loses half of its weight: what one thief does comes within minutes, what happens to a
	// person in the course of a day is hours apart.
	halfLife = time.Hour
	// horizon is how long a signal counts at all. After eight half-lives the strongest there is (0.99) has lost what two decimals show.
	horizon = 8 * halfLife
	// ahead is how long after a finding others still change what is decided on it: the second witness may come after the first.
	ahead = time.Hour
	// sharedShare is what a signal about one session of a user says about another session of that user.
	sharedShare = 0.5
	// floor is the least weight of a signal that counts as one of two independent ones.
	floor = 0.3
	// enough is the risk from which two independent signals revoke.
	enough = 0.9
)

// kinds of signals, in the order in which they are shown.
var kinds = []schema.SignalKind{
	schema.SignalDistance, schema.SignalNetwork, schema.SignalDevice, schema.SignalBehaviour, schema.SignalOutcome,
}

// pairing says whether signals of two kinds, from two rules, count as two independent ones.
type pairing struct {
	a, b        schema.SignalKind
	independent bool
	why         string
}

// pairings is the whole table. Signals of one kind are never independent.
var pairings = []pairing{
	{schema.SignalDistance, schema.SignalNetwork, false, "both follow from the address: one VPN, proxy or change of provider makes both"},
	{schema.SignalDistance, schema.SignalDevice, true, "an address does not change the browser, nor a browser the address"},
	{schema.SignalDistance, schema.SignalBehaviour, true, "being elsewhere makes requests neither regular nor alternating"},
	{schema.SignalDistance, schema.SignalOutcome, true, "an app's answer does not depend on the place"},
	{schema.SignalNetwork, schema.SignalDevice, true, "an address does not change the browser, nor a browser the address"},
	{schema.SignalNetwork, schema.SignalBehaviour, true, "another provider makes requests neither regular nor alternating"},
	{schema.SignalNetwork, schema.SignalOutcome, true, "an app's answer does not depend on the network"},
	{schema.SignalDevice, schema.SignalBehaviour, true, "another browser of the same person behaves as that person does"},
	{schema.SignalDevice, schema.SignalOutcome, true, "a dead token is dead in every browser"},
	{schema.SignalBehaviour, schema.SignalOutcome, false, "a client that was left running and goes on with a dead token makes both"},
}

func independent(a, b schema.SignalKind) bool {
	for _, p := range pairings {
		if p.a == a && p.b == b || p.a == b && p.b == a {
			return p.independent
		}
	}
	return false
}

// evidence is a finding that counts for a token beside the one that is decided on.
type evidence struct {
	finding *schema.Finding
	shared  bool // it is about another session of the user
}

// weight is one signal as it counts at the time of the finding that is decided on.
type weight struct {
	schema.Weight
	finding *schema.Finding
	own     bool // it is of the finding that is decided on
	shared  bool
	age     time.Duration // before or after
	value   float64       // to two decimals, so that what is shown is what is multiplied
}

// weigh lists the signals of a finding as they count at a time. A finding without signals counts by its confidence, as a kind that is
// independent of none.
func weigh(ws []weight, f *schema.Finding, at time.Time, own, shared bool) []weight {
	age := at.Sub(f.Time).Abs()
	share := math.Exp2(-float64(age) / float64(halfLife))
	if shared {
		share *= sharedShare
	}
	signals := f.Signals
	if len(signals) == 0 {
		signals = []schema.Weight{{P: f.Confidence}}
	}
	for _, s := range signals {
		if value := cents(min(max(s.P, 0), 1) * share); value > 0 {
			ws = append(ws, weight{s, f, own, shared, age, value})
		}
	}
	return ws
}

// cents rounds to two decimals.
func cents(x float64) float64 { return math.Round(x*100) / 100 }

// strongest leaves of each kind the strongest, the first of equals: two rules that say the same do not add up.
func strongest(ws []weight) []weight {
	var best []weight
next:
	for _, w := range ws {
		for i := range best {
			if best[i].Signal == w.Signal {
				if w.value > best[i].value {
					best[i] = w
				}
				continue next
			}
		}
		best = append(best, w)
	}
	return best
}

// riskOf is 1 − Π(1 − weight), to two decimals and never above 0.99.
func riskOf(ws []weight) float64 {
	doubt := 1.0
	for _, w := range ws {
		doubt *= 1 - w.value
	}
	return min(0.99, cents(1-doubt))
}

// twoSignals returns a signal of the finding that is decided on, whose rule is in mode enforce, and an independent one of another rule about
// the same session, each of at least floor, of several the two that say most; or nil. What befell another session of the user raises the
// risk, but is no witness: of the thief's session and the owner's it does not say which is which.
func twoSignals(ws []weight, mode func(rule string) Mode) (own, other *weight) {
	most := 0.0
	for i := 0; i < len(ws) && ws[i].own; i++ { // they come first
		for j := i + 1; j < len(ws); j++ {
			a, b := &ws[i], &ws[j]
			if b.own || b.shared || a.value < floor || b.value < floor || a.finding.Rule == b.finding.Rule || !independent(a.Signal, b.Signal) {
				continue
			}
			if m := 1 - (1-a.value)*(1-b.value); m > most && mode(a.finding.Rule) == Enforce {
				most, own, other = m, a, b
			}
		}
	}
	return own, other
}

// assessment is what is known of a token at the time of a finding.
type assessment struct {
	sum        []weight // what the risk is made of: the strongest of each kind
	risk       float64
	own, other *weight // two independent signals, or nil
}

// revokes reports whether two independent signals ask for a revocation.
func (a *assessment) revokes() bool { return a.own != nil && a.risk >= enough }

// assess adds up what counts: would with every rule at enforce, and under the policy, where rules below mode alert count for nothing.
func (f *Fold) assess(x *schema.Finding, others []evidence) (would, is assessment) {
	all := make([]weight, 0, 4+2*len(others))
	all = weigh(all, x, x.Time, true, false)
	for _, o := range others {
		all = weigh(all, o.finding, x.Time, false, o.shared)
	}
	counted := make([]weight, 0, len(all))
	last, counts := "", false
	for i := range all {
		if rule := all[i].finding.Rule; rule != last {
			last, counts = rule, f.policy.Mode(rule).rank() >= Warn.rank()
		}
		if counts {
			counted = append(counted, all[i])
		}
	}
	would = f.sum(all)
	if len(counted) == len(all) {
		is.sum, is.risk = would.sum, would.risk
	} else {
		is = f.sum(counted)
	}
	would.own, would.other = twoSignals(all, everyRule)
	is.own, is.other = twoSignals(counted, f.policy.Mode)
	return would, is
}

func (f *Fold) sum(ws []weight) (a assessment) {
	if a.sum = strongest(ws); f.faults.kindsAddUp {
		a.sum = ws
	}
	a.risk = riskOf(a.sum)
	return a
}

// because shows the arithmetic of a risk that more than the finding itself adds to, so that it can be checked with a pocket calculator.
func (a *assessment) because() []string {
	var lines, factors []string
	alone := true
	for _, w := range a.sum {
		alone = alone && w.own
		lines = append(lines, w.String())
		factors = append(factors, fmt.Sprintf("(1 − %.2f)", w.value))
	}
	if alone {
		return nil
	}
	lines = append(lines, fmt.Sprintf("risk %.2f = 1 − %s, at most 0.99", a.risk, strings.Join(factors, " × ")))
	switch {
	case a.own == nil:
		lines = append(lines, fmt.Sprintf("no two independent signals of two rules, this one and another, each at least %.2f", floor))
	case !a.revokes():
		lines = append(lines, fmt.Sprintf("%s and %s are independent, but the risk is below %.2f", a.own.brief(), a.other.brief(), enough))
	default:
		lines = append(lines, fmt.Sprintf("%s and %s are independent, and the risk is at least %.2f", a.own.brief(), a.other.brief(), enough))
	}
	return lines
}

func (w *weight) kind() string {
	if w.Signal == "" {
		return "confidence"
	}
	return string(w.Signal)
}

func (w *weight) brief() string { return fmt.Sprintf("%s (%s)", w.kind(), w.finding.Rule) }

func (w *weight) String() string {
	s := fmt.Sprintf("%s %.2f", w.kind(), w.value)
	if !w.own {
		s += fmt.Sprintf(" = %.4g × 2^(−%.0f s / %.0f s)", w.P, w.age.Seconds(), halfLife.Seconds())
	}
	if w.shared {
		s += fmt.Sprintf(" × %.1f for another session of the user", sharedShare)
	}
	if w.own {
		return s + ", this finding"
	}
	return s + ", " + w.finding.Rule + " " + w.finding.ID
}
