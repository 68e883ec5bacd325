package main

import (
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/detect/simulate/population"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
)

// day is a day of simulated people as the event topic holds it.
func day(b *testing.B) (lines [][]byte) {
	b.Helper()
	w, err := population.New(population.Config{
		Seed: 1, Sessions: 4000, Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Duration: 24 * time.Hour, Attacks: simulate.AllAttacks(), Late: 0.002,
	})
	if err != nil {
		b.Fatal(err)
	}
	for e := (simulate.Event{}); w.Next(&e); {
		lines = append(lines, e.AppendUnlabelled(nil, true))
	}
	return lines
}

// station is a token lane and a subject lane without Kafka and ClickHouse: everything is decoded, folded and encoded as lanes do.
type station struct {
	decoder   fileDecoder
	sightings *decode.Sightings // nil for a station without a subject lane
	enricher  *enrich.Enricher
	tokens    *detect.Tokens
	subjects  *detect.Subjects
	publisher *publisher
	out       detect.Output
	offset    int
}

func newStation(b *testing.B, running []detect.Running, subjects bool) *station {
	b.Helper()
	d, err := newFileDecoder(nil)
	if err != nil {
		b.Fatal(err)
	}
	o := detect.Options{Rules: running, Budget: detect.NewBudget(4 << 30), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1 << 20)}
	s := &station{
		decoder: d, enricher: enrich.New(enrich.NewDatabases(enrich.Config{}, slog.New(slog.DiscardHandler))), tokens: detect.NewTokens(o),
		publisher: &publisher{topics: &topics{events: "e", sightings: "g", signals: "s", eventPartitions: 1, sightingPartitions: 1, signalPartitions: 1, placed: broker.Placements[0]}},
	}
	if subjects {
		s.sightings, s.subjects = decode.NewSightings(0), detect.NewSubjects(o)
	}
	return s
}

// line takes one event in and everything that it causes.
func (s *station) line(b *testing.B, line []byte) {
	s.offset++
	var e schema.Event
	if reject := s.decoder.decode(s.offset, line, &e); reject != nil {
		b.Fatal(explain(reject))
	}
	s.enricher.Enrich(&e)
	s.tokens.Fold(&e, &s.out)
	if s.sightings == nil {
		s.out.Sightings = s.out.Sightings[:0]
	}
	s.settle(b, s.publisher.outgoing(&s.out, true, slog.New(slog.DiscardHandler)))
}

func (s *station) settle(b *testing.B, waiting []lane.Outgoing) {
	for ; len(waiting) > 0; waiting = waiting[1:] {
		switch o := waiting[0]; o.Topic {
		case "e":
			s.offset++
			var e schema.Event
			if reject := s.decoder.decode(s.offset, o.Value, &e); reject != nil {
				b.Fatal(explain(reject))
			}
			s.tokens.Fold(&e, &s.out)
		case "g":
			var g schema.Sighting
			if reject := s.sightings.Decode(&schema.Record{Value: o.Value}, &g); reject != nil {
				b.Fatal(explain(reject))
			}
			s.subjects.Fold(&g, &s.out)
		default:
			continue
		}
		if s.sightings == nil {
			s.out.Sightings = s.out.Sightings[:0]
		}
		waiting = append(waiting, s.publisher.outgoing(&s.out, true, slog.New(slog.DiscardHandler))...)
	}
}

// cpu is the time that the process has spent computing, the collector included: other processes make no difference to it.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRules compares what an event costs with the three rules of tokens that began it all, and with all rules, sightings, counts
// and subject lanes.
func BenchmarkRules(b *testing.B) {
	lines := day(b)
	config := rules.Default()
	for name := range config {
		if name != "impossible-travel" && name != "parallel-use" && name != "revoked-replay" {
			delete(config, name)
		}
	}
	for _, v := range []struct {
		name     string
		running  []detect.Running
		subjects bool
	}{{"three", config.Running(), false}, {"all", rules.Default().Running(), true}} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			s := newStation(b, v.running, v.subjects)
			n, before := 0, cpu(b)
			for i := 0; b.Loop(); i, n = i+1, n+1 {
				if i == len(lines) {
					s, i = newStation(b, v.running, v.subjects), 0
				}
				s.line(b, lines[i])
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(n), "cpu-ns/op")
		})
	}
}
