package lane

import (
	"math/rand/v2"
	"testing"
)

func TestFilterForgetsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := new(filter)
	keys := make([]uint64, 300_000) // three layers
	for i := range keys {
		keys[i] = r.Uint64()
		f.add(keys[i])
	}
	for _, k := range keys {
		if !f.has(k) {
			t.Fatalf("key %x was added and is unknown", k)
		}
	}
	wrong := 0
	for range 100_000 {
		if f.has(r.Uint64()) {
			wrong++
		}
	}
	if share := float64(wrong) / 100_000; share > 0.05 {
		t.Errorf("%.1f %% of unknown keys are taken for known, want under 5 %%", 100*share)
	}
}

func BenchmarkFilter(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	f := new(filter)
	for range 1_000_000 {
		f.add(r.Uint64())
	}
	b.ReportAllocs()
	for b.Loop() {
		f.has(r.Uint64())
	}
}
