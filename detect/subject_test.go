package detect_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// about is a sighting of a token at a minute after the start.
func about(scope schema.Scope, subject string, kind schema.SightingKind, token string, minute float64) *schema.Sighting {
	at := began + int64(minute*float64(time.Minute))
	event := fmt.Sprint("e", minute, token)
	return &schema.Sighting{
		ID: schema.SightingID(kind, "", scope, subject, token, event), Kind: kind, Scope: scope, Subject: subject, Token: token, Time: at, EventID: event, User: "u-1",
		Session: "s-1", Lane: 3, IP: netip.MustParseAddr("192.0.2.1"), Geo: stops[0], Agent: machines[0],
	}
}

// TestDismissed: a revocation of a whole user or session reaches every token that lived when it came, whatever arrives first.
func TestDismissed(t *testing.T) {
	of := func(kind schema.SightingKind, token string, minute float64) *schema.Sighting {
		return about(schema.ScopeUser, "u-1", kind, token, minute)
	}
	gone := of(schema.SightingDismiss, "", 60)
	started := of(schema.SightingUsed, "t", 70)
	started.Started = true
	for name, c := range map[string]struct {
		sightings []*schema.Sighting
		want      []string
	}{
		"alive":                       {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), gone}, []string{"t"}},
		"two":                         {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingBorn, "v", 59), gone}, []string{"t", "v"}},
		"born later":                  {[]*schema.Sighting{of(schema.SightingBorn, "t", 61), gone}, nil},
		"ended long before":           {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingEnded, "t", 49), gone}, nil},
		"ended a moment before":       {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingEnded, "t", 51), gone}, []string{"t"}},
		"revoked long before":         {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingRevoked, "t", 20), gone}, nil},
		"ended after":                 {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), gone, of(schema.SightingEnded, "t", 62)}, []string{"t"}},
		"began again after":           {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingEnded, "t", 20), gone, started}, nil},
		"dismissed already":           {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingDismiss, "", 30), gone}, []string{"t"}},
		"dismissed again and at once": {[]*schema.Sighting{of(schema.SightingBorn, "t", 0), of(schema.SightingDismiss, "", 55), gone}, []string{"t", "t"}},
	} {
		t.Run(name, func(t *testing.T) {
			orders := [][]*schema.Sighting{c.sightings}
			if back := slices.Clone(c.sightings); c.sightings[0].Time > gone.Time-int64(detect.DefaultLateness) {
				slices.Reverse(back)
				orders = append(orders, back)
			}
			last := len(c.sightings) - 1
			if swapped := slices.Clone(c.sightings); gone.Time-swapped[last-1].Time < int64(detect.DefaultLateness) {
				swapped[last], swapped[last-1] = swapped[last-1], swapped[last]
				orders = append(orders, swapped)
			}
			for _, order := range orders {
				fold := subjects(brisk, detect.NewBudget(1<<30))
				var got []string
				ids := map[string]bool{}
				var out detect.Output
				for _, e := range slices.Concat(order, order) {
					fold.Fold(e, &out)
				}
				for _, n := range out.Notes {
					got = append(got, n.Token)
					ids[n.ID] = true
					if n.Type != schema.SessionRevoked || n.User != "u-1" || n.Session != "s-1" || n.Partition != 3 || n.Outcome != schema.OutcomeAccepted || n.Repeat != 1 {
						t.Errorf("%+v", n)
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, c.want) || len(ids) != len(c.want) {
					t.Errorf("told %v, want %v", got, c.want)
				}
			}
		})
	}
}

// crowdOf has users come to a network on some days, each with a token of their own.
func crowdOf(users, days int, change func(*schema.Sighting)) (all []*schema.Sighting) {
	for d := range days {
		for u := range users {
			e := about(schema.ScopeNetwork, "192.0.2.1/32", schema.SightingMoved, fmt.Sprint("t", d, "-", u), float64(d*24*60+u))
			e.User, e.Apart = fmt.Sprint("u-", u), true
			if change != nil {
				change(e)
			}
			all = append(all, e)
		}
	}
	return all
}

// TestPools: an egress that many share is learned once, and nobody teaches it with stolen tokens or with cheap accounts.
func TestPools(t *testing.T) {
	hosted := func(e *schema.Sighting) { e.Geo = stops[2] }
	login := func(e *schema.Sighting) { e.Kind, e.Started, e.Apart = schema.SightingBorn, true, false }
	for name, c := range map[string]struct {
		sightings []*schema.Sighting
		pools     int
	}{
		"twenty on three days":             {crowdOf(20, 3, nil), 1},
		"many for weeks":                   {crowdOf(30, 20, nil), 1},
		"an office's logins":               {crowdOf(20, 3, login), 1},
		"through a gateway that is rented": {crowdOf(20, 3, hosted), 1},
		"nineteen":                         {crowdOf(19, 30, nil), 0},
		"two days":                         {crowdOf(200, 2, nil), 0},
		"accounts on a rented machine":     {crowdOf(50, 30, func(e *schema.Sighting) { hosted(e); login(e) }), 0},
		"tokens shown by another device":   {crowdOf(50, 30, func(e *schema.Sighting) { e.NewDevice = true }), 0},
		"a provider's new address":         {crowdOf(50, 30, func(e *schema.Sighting) { e.Apart = false }), 0},
		"nobody named":                     {crowdOf(50, 30, func(e *schema.Sighting) { e.User = "" }), 0},
		"a network with a finding": {slices.Concat(func() (all []*schema.Sighting) {
			for i := range 3 {
				all = append(all, about(schema.ScopeNetwork, "192.0.2.1/32", schema.SightingRejected, fmt.Sprint("x", i), float64(i)))
			}
			return all
		}(), crowdOf(50, 6, nil)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			fold := subjects(brisk, detect.NewBudget(1<<30))
			var out detect.Output
			for _, e := range c.sightings {
				fold.Fold(e, &out)
			}
			if len(out.Commands) != c.pools {
				t.Fatalf("%d commands, want %d", len(out.Commands), c.pools)
			}
			for _, p := range out.Commands {
				if p.Verb != schema.Pool || p.Network != "192.0.2.1/32" || p.By != "hijackd" || p.ID != schema.CommandID(schema.Pool, "", p.Network) ||
					!p.At.Equal(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) || !strings.Contains(p.Why, "2026-11-23") {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

// TestWithoutHistory: what is found of a subject whose history could not be read says so, and is not conclusive.
func TestWithoutHistory(t *testing.T) {
	far := func(token string, place, machine int, minute float64) *schema.Sighting {
		e := about(schema.ScopeUser, "u-1", schema.SightingBorn, token, minute)
		e.Started, e.Geo, e.Agent, e.Session = true, stops[place], machines[machine], ""
		e.IP = netip.AddrFrom4([4]byte{198, 51, 100, byte(place)})
		return e
	}
	for _, complete := range []bool{true, false} {
		fold := subjects(brisk, detect.NewBudget(1<<30))
		a, b := far("a", 0, 0, 0), far("b", 3, 2, 20)
		fold.Load(fold.Key(a), nil, complete)
		if !fold.Has(fold.Key(a)) {
			t.Error("not there after it was loaded")
		}
		var out detect.Output
		fold.Fold(a, &out)
		fold.Fold(b, &out)
		if len(out.Findings) != 1 || out.Findings[0].WithoutHistory == complete || out.Findings[0].Conclusive != complete {
			t.Errorf("complete %v: %+v", complete, out.Findings)
		}
	}
}

// TestEachAtMostThirtyTwo: past that a rule's findings about a subject are counted in the last one.
func TestEachAtMostThirtyTwo(t *testing.T) {
	fold := subjects(brisk, detect.NewBudget(1<<30))
	merged := map[string]schema.Finding{}
	var out detect.Output
	for i := range 200 {
		e := about(schema.ScopeUser, "u-1", schema.SightingBorn, fmt.Sprint("t", i), float64(i)*7)
		e.Started, e.Session, e.Geo = true, "", stops[i%2]
		e.IP, e.Geo.ASN, e.Agent.Family = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), uint32(5000+i), fmt.Sprint("Browser ", i)
		out.Reset()
		fold.Fold(e, &out)
		detect.Merge(merged, out.Findings...)
	}
	count, beyond := map[string]int{}, map[string]int{}
	for _, f := range detect.Sorted(merged) {
		count[f.Rule]++
		if f.Evidence["about"] == "beyond" {
			beyond[f.Rule] = f.Evidence["beyond"].(int)
		}
	}
	if count["impossible-travel"] != detect.MaxFindings || beyond["impossible-travel"] < 100 {
		t.Errorf("%v, beyond %v", count, beyond)
	}
}
