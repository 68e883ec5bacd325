package detecttest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/schema"
)

// told merges sightings as whoever reads them does: of a token at one vantage in one cell the earliest use counts, of what is said of one
// event the word of the highest rank; of a return the last word.
func told(events []*schema.Event) []string {
	rank := map[schema.SightingKind]int{schema.SightingBorn: 0, schema.SightingMoved: 1, schema.SightingUsed: 2, schema.SightingRejected: 3, schema.SightingKnown: 4}
	type cell struct {
		scope                 schema.Scope
		subject, token, place string
		number                int64
	}
	words := map[string]schema.Sighting{} // by event
	fold := detecttest.Fold(nil)
	var out detect.Output
	for _, e := range events {
		waiting := []*schema.Event{e}
		for len(waiting) > 0 {
			out.Reset()
			fold.Fold(waiting[0], &out)
			waiting = waiting[1:]
			for i := range out.Notes {
				waiting = append(waiting, out.Notes[i].Clone())
			}
			for _, g := range out.Sightings {
				k := fmt.Sprint(g.Scope, g.Subject, g.Token, g.EventID)
				if _, ranked := rank[g.Kind]; !ranked {
					k += string(g.Kind)
				}
				if old, ok := words[k]; !ok || rank[g.Kind] > rank[old.Kind] || g.Kind == schema.SightingBack {
					words[k] = g
				}
			}
		}
	}
	first := map[cell]schema.Sighting{}
	var all []string
	for _, g := range words {
		if g.Kind == schema.SightingBack {
			if g.Apart {
				all = append(all, fmt.Sprint(g.Scope, g.Subject, " ", g.Kind, g.Token, g.EventID))
			}
			continue
		}
		_, ranked := rank[g.Kind]
		if g.Started || g.Rotated { // is told always
			all = append(all, fmt.Sprint(g.Scope, g.Subject, " ", g.Token, g.EventID))
		}
		switch {
		case g.Scope == schema.ScopeUser && ranked:
			c := cell{g.Scope, g.Subject, g.Token, fmt.Sprint(g.IP, g.Geo, g.Agent), g.Time / detect.SightingCell}
			if g.Geo.ASN != 0 { // which address of the provider makes no difference
				c.place = fmt.Sprint(g.Geo.ASN, g.Geo.Country, g.Geo.City, g.Geo.Network, g.Agent.Family, g.Agent.OS, g.Agent.Class)
			}
			if old, ok := first[c]; !ok || g.Before(&old) {
				first[c] = g
			}
		case g.Scope == schema.ScopeUser || g.Kind == schema.SightingBorn:
			all = append(all, fmt.Sprint(g.Scope, g.Subject, " ", g.Kind, g.Token, g.EventID))
		}
	}
	for g := range maps.Values(first) {
		all = append(all, fmt.Sprint(g.Scope, g.Subject, " ", g.Kind, g.Token, g.EventID, g.IP))
	}
	slices.Sort(all)
	return all
}

func TestSightingsDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := story(t)
		for _, e := range events { // tokens of two users or sessions have a rule of their own
			if e.User != "" {
				e.User = "u-1"
			}
			if e.Session != "" {
				e.Session = "s-1"
			}
		}
		want := told(events)
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		got := told(shuffled)
		if !slices.Equal(got, want) {
			for _, e := range shuffled {
				t.Logf("%d %s %v %s %v %v user %q session %q", e.Time/1e9, e.ID, e.Type, e.Token+"<"+e.PreviousToken, e.IP, e.Outcome, e.User, e.Session)
			}
			for _, x := range got {
				if !slices.Contains(want, x) {
					t.Errorf("too much: %s", x)
				}
			}
			for _, x := range want {
				if !slices.Contains(got, x) {
					t.Errorf("missing: %s", x)
				}
			}
			t.Fatal("shuffled events were told differently")
		}
	})
}
