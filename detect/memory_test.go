package detect_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

func lane(budget *detect.Budget) *detect.Tokens {
	return detect.NewTokens(detect.Options{Rules: rules.Default().Running(), Budget: budget, Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 12)})
}

// TestFloodStaysInBudget: random tokens don't grow the state once it is stored, and an attack among them is still found.
func TestFloodStaysInBudget(t *testing.T) {
	const limit, sums = 4 << 20, 64 << 10 // what sums up stretches is taken whatever is left
	budget := detect.NewBudget(limit)
	fold := lane(budget)
	var out detect.Output
	attack := func(i int) {
		e := ordinary("attacked", 1, i)
		e.ID, e.Offset = fmt.Sprint("attack", i), int64(i)
		if i%2 == 1 {
			e.IP, e.Geo.ASN, e.Geo.City, e.Geo.Lat = netip.MustParseAddr("198.51.100.1"), 4713, "Tokyo", 35.6762
			e.Geo.Country, e.Geo.Lon, e.Agent.OS = "JP", 139.6503, "Linux"
		}
		fold.Fold(e, &out)
	}
	for i := range 200_000 {
		e := ordinary(fmt.Sprintf("h1:k1:%022d", i), i, 0)
		e.Offset = int64(i)
		fold.Fold(e, &out)
		fold.Stored(int64(i) - 1000)
		if budget.Used() > limit+sums {
			t.Fatalf("%d bytes after %d tokens, limit %d", budget.Used(), i, limit)
		}
		if i%50_000 == 100 || i%50_000 == 110 {
			attack(i / 5)
			attack(i/5 + 1)
		}
	}
	if len(out.Findings) == 0 {
		t.Error("the attack was not found in the flood")
	}
	if fold.Pressed() || fold.Len() < 1000 {
		t.Errorf("pressed %v, %d sessions kept", fold.Pressed(), fold.Len())
	}
	fold.Close()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are not given back", budget.Used())
	}
}

// TestUnstoredIsNotEvicted: what is not stored stays, and the lane is told that it presses.
func TestUnstoredIsNotEvicted(t *testing.T) {
	fold := lane(detect.NewBudget(1 << 20))
	var out detect.Output
	var keys []schema.Key
	for i := range 5000 {
		e := ordinary(fmt.Sprint("t", i), i, 0)
		e.Offset = int64(i)
		fold.Fold(e, &out)
		keys = append(keys, fold.Key(e))
	}
	if !fold.Pressed() {
		t.Error("not pressed")
	}
	for i, k := range keys {
		if !fold.Has(k) {
			t.Fatalf("session %d is gone before it was stored", i)
		}
	}
	fold.Stored(4000)
	if fold.Pressed() {
		t.Error("pressed after the store caught up")
	}
	for i := range 20_000 {
		e := ordinary(fmt.Sprint("more", i), i, 0)
		e.Offset = int64(5000 + i)
		fold.Fold(e, &out)
	}
	for i, k := range keys[4000:] {
		if !fold.Has(k) {
			t.Fatalf("session %d is gone before it was stored", 4000+i)
		}
	}
}

// TestStateOfASessionIsBounded: however a token is used, its record stays small.
func TestStateOfASessionIsBounded(t *testing.T) {
	budget := detect.NewBudget(1 << 30)
	fold := lane(budget)
	var out detect.Output
	types := []schema.EventType{schema.SessionUsed, schema.SessionUsed, schema.SessionUsed, schema.SessionEnded, schema.SessionStarted, schema.SessionUsed, schema.SessionRotated}
	most := 0
	for i := range 3000 {
		e := ordinary("one", 1, 0)
		e.Type = types[i%len(types)]
		e.ID = fmt.Sprintf("evt_%040d", i)
		e.Time = began + int64(i)*int64(700*time.Millisecond) - int64(i%13)*int64(20*time.Second)
		e.IP = netip.AddrFrom4([4]byte{10, byte(i % 251), byte(i % 7), byte(i % 3)})
		e.Geo.ASN = uint32(1000 + i%97)
		e.User, e.Session, e.PreviousToken, e.Device = fmt.Sprint("user", i), fmt.Sprint("sid", i), fmt.Sprint("old", i), fmt.Sprint("device", i%1000)
		out.Reset()
		fold.Fold(e, &out)
		most = max(most, len(out.Findings))
	}
	// One block of each pool is 512 elements; a session's uses, texts and vantages fit into few of them.
	if got := budget.Used(); got > 1<<20 {
		t.Errorf("one session takes %d bytes", got)
	}
	if most > 200 {
		t.Errorf("%d findings by one event", most)
	}
}

func TestAtMostThirtyTwoFindings(t *testing.T) {
	fold := lane(detect.NewBudget(1 << 30))
	merged := map[string]schema.Finding{}
	var out detect.Output
	for i := range 400 {
		e := ordinary("one", 1, 0)
		e.Type, e.ID, e.Offset = schema.SessionUsed, fmt.Sprint("e", i), int64(i)
		e.Time = began + int64(i)*int64(20*time.Second)
		e.Geo.ASN = 3215
		if i%2 == 1 {
			e.IP, e.Geo.ASN, e.Agent.OS = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), uint32(5000+i), "Linux"
		}
		out.Reset()
		fold.Fold(e, &out)
		detect.Merge(merged, out.Findings...)
	}
	count := map[string]int{}
	beyond := 0
	for _, f := range detect.Sorted(merged) {
		count[f.Rule]++
		if f.Evidence["about"] == "beyond" {
			beyond = f.Evidence["beyond"].(int)
		}
	}
	if count["parallel-use"] != detect.MaxFindings || beyond < 100 {
		t.Errorf("%d findings, %d beyond", count["parallel-use"], beyond)
	}
}
