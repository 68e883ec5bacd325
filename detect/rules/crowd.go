package rules

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// graph links the vantages, by number, that are apart from each other.
type graph [64]uint64

// apart draws the graphs of vantages that are not equivalent at a time, and of those that are conclusively apart.
func apart(s *detect.Session, vantages []*detect.Vantage, at int64) (lax, strict graph) {
	for i, v := range vantages {
		for _, w := range vantages[:i] {
			if s.Equivalent(v, w, at) {
				continue
			}
			lax.link(v, w)
			if conclusivelyApart(v, w) {
				strict.link(v, w)
			}
		}
	}
	return lax, strict
}

func (g *graph) link(v, w *detect.Vantage) {
	g[bitOf(v)] |= w.Bit()
	g[bitOf(w)] |= v.Bit()
}

func bitOf(v *detect.Vantage) int { return bits.TrailingZeros64(v.Bit()) }

// crowds says which of the uses, from the new ones on, make more vantages active at once than allowed.
func (j parallel) crowds(s *detect.Session, around []detect.Use, fresh int, vantages []*detect.Vantage, say func(detect.Verdict)) {
	var lax, strict graph
	from, drawn := 0, -1
	for k := fresh; k < len(around); k++ {
		z := &around[k]
		if z.Vantage == nil || z.Inherited {
			continue
		}
		for z.Time-around[from].Time > int64(j.window) {
			from++
		}
		if n := s.Alternations(z.Time); n != drawn {
			lax, strict = apart(s, vantages, z.Time)
			drawn = n
		}
		if pattern := gathering(around[from:k+1], j.max+1, &strict); pattern != nil {
			j.sayCrowd(pattern, true, say)
		} else if pattern := gathering(around[from:k+1], j.max+1, &lax); pattern != nil {
			j.sayCrowd(pattern, false, say)
		}
	}
}

func (j parallel) sayCrowd(pattern []*detect.Use, strict bool, say func(detect.Verdict)) {
	z := pattern[len(pattern)-1]
	window := int64(j.window)
	began := z.Time - (z.Time%window+window)%window
	confidence := 0.6
	if strict {
		confidence = 0.9
	}
	say(detect.Verdict{
		About: "window " + time.Unix(0, began).UTC().Format(time.RFC3339), Severity: schema.High, Confidence: confidence, Conclusive: strict,
		Signals: []schema.Weight{{Signal: schema.SignalBehaviour, P: confidence}}, Pattern: pattern,
		Explain: func(f *schema.Finding) {
			var labels []string
			for _, u := range pattern {
				labels = append(labels, u.Vantage.Label())
			}
			slices.Sort(labels)
			took := time.Duration(z.Time - pattern[0].Time)
			f.From, f.To = pattern[0].Vantage.End(), z.Vantage.End()
			f.Evidence = map[string]any{
				"vantages": labels, "active": len(pattern), "max_vantages": j.max, "seconds": took.Seconds(),
				"window_seconds": j.window.Seconds(), "window_start": time.Unix(0, began).UTC().Format(time.RFC3339),
			}
			f.Summary = fmt.Sprintf("%d vantages at once (in %s), %d are usual", len(pattern), lasting(took), j.max)
		},
	})
}

// gathering returns n uses at n vantages, every two of them apart, the last of the uses given being one, or nil. Of all such it is the
// tightest, and of those the one with the greatest ids. Its first and last are the first and last in event order.
func gathering(uses []detect.Use, n int, g *graph) []*detect.Use {
	z := &uses[len(uses)-1]
	var last []int // index of the last use of each vantage that is apart from z's, latest first
	seen := ^g[bitOf(z.Vantage)]
	for i := len(uses) - 2; i >= 0 && seen != ^uint64(0); i-- {
		if uses[i].First(&seen) {
			last = append(last, i)
		}
	}
	if n < 2 || len(last) < n-1 {
		return nil
	}
	links := make([]uint64, len(last))
	for a := range last {
		for b := range a {
			if g[bitOf(uses[last[a]].Vantage)]&uses[last[b]].Vantage.Bit() != 0 {
				links[a] |= 1 << b
				links[b] |= 1 << a
			}
		}
	}
	for first := range last {
		among := links[first] & (1<<first - 1)
		if clique(links, among, n-2) {
			return choose(uses, last, links, first, among, n-2, z)
		}
	}
	return nil
}

// choose fills a gathering up between its first and its last use.
func choose(uses []detect.Use, last []int, links []uint64, first int, among uint64, n int, z *detect.Use) []*detect.Use {
	var middle []*detect.Use
	number := map[*detect.Use]int{}
	for k := range first {
		if among>>k&1 == 0 {
			continue
		}
		best := &uses[last[k]]
		for i := last[first] + 1; i < last[k]; i++ {
			if u := &uses[i]; u.Vantage == best.Vantage && u.ID() > best.ID() {
				best = u
			}
		}
		number[best] = k
		middle = append(middle, best)
	}
	slices.SortFunc(middle, func(a, b *detect.Use) int {
		if a.ID() > b.ID() {
			return -1
		}
		return 1
	})
	pattern := []*detect.Use{&uses[last[first]]}
	for _, u := range middle {
		k := number[u]
		if n > 0 && among>>k&1 == 1 && clique(links, among&links[k], n-1) {
			pattern, among, n = append(pattern, u), among&links[k], n-1
		}
	}
	return append(pattern, z)
}

// clique reports whether n of the candidates are all linked with each other.
func clique(links []uint64, candidates uint64, n int) bool {
	if n <= 0 {
		return true
	}
	for bits.OnesCount64(candidates) >= n {
		k := bits.TrailingZeros64(candidates)
		candidates &^= 1 << k
		if clique(links, candidates&links[k], n-1) {
			return true
		}
	}
	return false
}
