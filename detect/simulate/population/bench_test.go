package population

import (
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
)

// BenchmarkWorld is what an event costs as a line of NDJSON, all included but the making of the people: at least 200,000 a second are
// wanted, 5 µs each.
func BenchmarkWorld(b *testing.B) {
	cfg := Config{Seed: 1, Users: 20_000, Start: start, Duration: 365 * 24 * time.Hour, Late: 0.002, Repeats: 0.0005}
	w, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	var e simulate.Event
	var line []byte
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		if !w.Next(&e) {
			b.Fatal("a year is over")
		}
		line = append(e.AppendJSON(line[:0], true), '\n')
		size += len(line)
	}
	b.SetBytes(int64(size / b.N))
}

func BenchmarkAppendJSON(b *testing.B) {
	w, err := New(Config{Seed: 1, Users: 1000, Start: start, Duration: 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	events := make([]simulate.Event, 5000)
	for i := range events {
		w.Next(&events[i])
	}
	var line []byte
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		line = events[i%len(events)].AppendJSON(line[:0], true)
		i++
	}
}
