package rules

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// crowd says whether the last of the uses makes more vantages active at once than allowed. around may begin earlier than the window.
func (j parallel) crowd(around []detect.Use, say func(detect.Verdict)) {
	z := &around[len(around)-1]
	if z.Vantage == nil || z.Inherited {
		return
	}
	from := len(around) - 1
	for from > 0 && z.Time-around[from-1].Time <= int64(j.window) {
		from--
	}
	around = around[from:]
	for _, strict := range []bool{true, false} {
		apart := func(a, b *detect.Vantage) bool {
			return !detect.Equivalent(a, b) && (!strict || conclusivelyApart(a, b))
		}
		if pattern := gathering(around, j.max+1, apart); pattern != nil {
			j.sayCrowd(pattern, strict, say)
			return
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
		Pattern: pattern,
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
func gathering(uses []detect.Use, n int, apart func(a, b *detect.Vantage) bool) []*detect.Use {
	z := &uses[len(uses)-1]
	var last []int // index of the last use of each vantage that is apart from z's, latest first
	var seen uint64
	z.First(&seen)
	for i := len(uses) - 2; i >= 0; i-- {
		if u := &uses[i]; u.First(&seen) && apart(u.Vantage, z.Vantage) {
			last = append(last, i)
		}
	}
	links := make([]uint64, len(last))
	for a := range last {
		for b := range a {
			if apart(uses[last[a]].Vantage, uses[last[b]].Vantage) {
				links[a] |= 1 << b
				links[b] |= 1 << a
			}
		}
	}
	if n < 2 {
		return nil
	}
	for first := range last {
		among := links[first] & (1<<first - 1)
		if !clique(links, among, n-2) {
			continue
		}
		return choose(uses, last, links, first, among, n-2, z)
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
