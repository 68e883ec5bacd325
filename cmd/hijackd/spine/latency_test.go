//go:build bench

package spine

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLatency measures how long it takes from an event that completes an attack, on its way into Kafka, to the receipt of the webhook: at
// a tenth and at half of the load that this machine carries, with ClickHouse healthy, frozen and killed. Attacks come while the rest does;
// the first of each come at the moment of the fault.
func TestLatency(t *testing.T) {
	const attacks, sessions, partitions = 250, 20_000, 4
	dir := t.TempDir()
	e := ownEngine(t, dir)
	defer func() { _ = e.Stop(context.Background()) }()
	s := newSite(t, partitions, e.DSN())
	city, asn := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")
	writeGeo(t, city, asn)
	config := s.config("geoip: {city: \"" + city + "\", asn: \"" + asn + "\"}\n")
	s.rewrite(config, "session_timeout: 6s", "session_timeout: 2m")

	var known []string
	for n := range 6 * attacks {
		for use := range 3 {
			known = append(known, event(fmt.Sprintf("known-%d-%d", n, use), token(n), "session.used", time.Now().Add(time.Duration(use-5)*time.Minute), paris))
		}
	}
	s.produce(known...)
	s.preload(300_000, sessions, time.Now())
	m := s.start(config)
	s.awaitFor(10*time.Minute, "the sessions are known", func() bool { return s.drained(s.topic) && s.drained(s.topic+".sightings") })
	m.signal(syscall.SIGSTOP)
	const burst = 500_000
	s.preload(burst, sessions, time.Now())
	began := time.Now()
	m.signal(syscall.SIGCONT)
	s.awaitFor(10*time.Minute, "as many events as fast as can be", func() bool { return s.drained(s.topic) && s.drained(s.topic+".sightings") })
	most := burst / time.Since(began).Seconds()
	t.Logf("the most that everything together carries here: %.0f events/s", most)

	t.Log("| ClickHouse | load | events/s | attacks | p50 | p99 | most | to the signals topic, p99 | from there, p99 | hijackd's CPU |")
	next, pid := 0, enginePID(t, dir)
	for _, state := range []string{"healthy", "frozen", "killed"} {
		for _, percent := range []int{10, 50} {
			switch {
			case percent == 50:
			case state == "frozen":
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			case state == "killed":
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			before, began := cpu(t, m.cmd.Process.Pid), time.Now()
			l := s.load(most*float64(percent)/100, sessions)
			sent := s.attack(next, attacks)
			offered := l.stop()
			busy := float64(cpu(t, m.cmd.Process.Pid)-before) / float64(time.Since(began))
			next += attacks
			t.Logf("| %s | %d %% | %.0f | %d | %s | %.0f %% |", state, percent, offered, attacks, s.latencies(sent), 100*busy)
			if state == "healthy" {
				s.awaitFor(10*time.Minute, "everything stored", func() bool { return s.drained(s.topic) && s.drained(s.topic+".sightings") })
			}
		}
	}
	m.kill()
}

// load is traffic of ordinary sessions at a steady rate.
type load struct {
	cancel context.CancelFunc
	done   chan float64
}

func (s *site) load(perSecond float64, sessions int) *load {
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &load{cancel, make(chan float64, 1)}
	go func() {
		r := rand.New(rand.NewPCG(9, uint64(s.produced)))
		begun, sent := time.Now(), 0
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				l.done <- float64(sent) / time.Since(begun).Seconds()
				return
			case <-tick.C:
			}
			for due := int(time.Since(begun).Seconds() * perSecond); sent < due; sent++ {
				tok, v := ordinary(r, sessions, time.Now())
				s.producer.Produce(context.WithoutCancel(ctx), &kgo.Record{Key: []byte(tok), Value: v}, nil)
			}
		}
	}()
	return l
}

// stop ends the traffic and returns the events per second that there were.
func (l *load) stop() float64 {
	l.cancel()
	return <-l.done
}

// attack uses tokens from elsewhere, one after the other at random intervals, and returns when each event was handed to Kafka's client.
func (s *site) attack(first, n int) map[string]time.Time {
	direct, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(s.topic), kgo.ProducerLinger(0))
	if err != nil {
		s.t.Fatal(err)
	}
	defer direct.Close()
	r := rand.New(rand.NewPCG(11, uint64(first)))
	sent := map[string]time.Time{}
	for i := first; i < first+n; i++ {
		thief := tokyo
		thief.ip = fmt.Sprintf("203.%d.%d.9", i/250, i%250)
		v := event(fmt.Sprintf("attack-%d", i), token(i), "session.used", time.Now(), thief)
		sent[token(i)] = time.Now()
		direct.Produce(s.t.Context(), &kgo.Record{Key: []byte(token(i)), Value: []byte(v)}, nil)
		time.Sleep(time.Duration(20+r.IntN(200)) * time.Millisecond) // the intervals of the attacks
	}
	return sent
}

// latencies waits for the webhooks about attacks and describes how long they took, whole and by halves.
func (s *site) latencies(sent map[string]time.Time) string {
	s.t.Helper()
	s.await("every attack's webhook", func() bool {
		ids := s.receiver.ids()
		for tok := range sent {
			if ids[tok] == nil {
				return false
			}
		}
		return true
	})
	var whole, detected, sentOut []time.Duration
	seen := map[string]bool{}
	s.receiver.mu.Lock()
	defer s.receiver.mu.Unlock()
	for _, c := range s.receiver.calls {
		at, ok := sent[c.token]
		if !ok || seen[c.token] {
			continue
		}
		seen[c.token] = true
		var body struct{ Timestamp time.Time } // of the signal's record
		if err := json.Unmarshal(c.body, &body); err != nil {
			s.t.Fatal(err)
		}
		whole, detected, sentOut = append(whole, c.at.Sub(at)), append(detected, body.Timestamp.Sub(at)), append(sentOut, c.at.Sub(body.Timestamp))
	}
	return fmt.Sprintf("%d ms | %d ms | %d ms | %d ms | %d ms", quantile(whole, 50), quantile(whole, 99), quantile(whole, 100), quantile(detected, 99), quantile(sentOut, 99))
}

// quantile is a per cent rank of durations, in ms.
func quantile(ds []time.Duration, percent int) int64 {
	slices.Sort(ds)
	return ds[min(len(ds)-1, len(ds)*percent/100)].Milliseconds()
}
