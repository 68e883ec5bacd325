package population

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
)

// TestPlacesHoldEveryAddress: a database built from Places says of every address what the event says, up to the update.
func TestPlacesHoldEveryAddress(t *testing.T) {
	cfg := Config{Seed: 2, Users: 200, Start: start, Duration: 24 * time.Hour, Attacks: simulate.AllAttacks()}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	places := map[netip.Prefix]Place{}
	for _, p := range w.Places() {
		if _, twice := places[p.Prefix]; twice || p.Prefix != p.Prefix.Masked() {
			t.Fatalf("%s twice, or not a prefix", p.Prefix)
		}
		places[p.Prefix] = p
	}
	before := cfg.Start.Add(cfg.Duration / 2).UnixNano()
	for e := (simulate.Event{}); w.Next(&e); {
		if !e.IP.IsValid() {
			continue
		}
		bits := 16 + blockBits
		if e.IP.Is6() {
			bits = 36 + blockBits
		}
		prefix, err := e.IP.Prefix(bits)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := places[prefix]; !ok || e.Time < before && p.Geo != e.Geo {
			t.Fatalf("%s of %s is in %+v, the plan says %+v", e.IP, e.ID, e.Geo, p.Geo)
		}
	}
}

func TestHouseholdsHaveAddressesOfTheirOwn(t *testing.T) {
	n := newPlan(rand.New(rand.NewPCG(1, 1))).cities[0].isps[0]
	four, six := map[netip.Addr]bool{}, map[uint64]bool{}
	for range 60_000 {
		number := n.household()
		a, _ := n.four(number)
		s, _ := n.subnet(number)
		four[a], six[s] = true, true
	}
	for range 1000 {
		a, _ := n.four(n.lair())
		if four[a] {
			t.Fatalf("an attacker has a household's address %s", a)
		}
	}
	if len(four) != 60_000 || len(six) != 60_000 {
		t.Errorf("60,000 households have %d addresses and %d subnets", len(four), len(six))
	}
}
