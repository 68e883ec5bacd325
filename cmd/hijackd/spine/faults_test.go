package spine

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/store/engine"
)

// traffic is the events of many ordinary sessions and some stolen ones, in order of time. Every session is used from Paris; of every
// tenth, somebody else uses the token from Tokyo at the end.
func traffic(sessions, uses int, now time.Time) (events []string, stolen []string) {
	step := 10 * time.Second
	begin := now.Add(-time.Duration(uses+1) * step)
	for u := range uses {
		for n := range sessions {
			typ := "session.used"
			if u == 0 {
				typ = "session.started"
			}
			events = append(events, event(fmt.Sprintf("e-%d-%d", n, u), token(n), typ, begin.Add(time.Duration(u)*step+time.Duration(n)*time.Millisecond), paris))
		}
	}
	for n := 0; n < sessions; n += 10 {
		stolen = append(stolen, token(n))
		events = append(events, event(fmt.Sprintf("e-%d-thief", n), token(n), "session.used", now.Add(time.Duration(n)*time.Millisecond), tokyo))
	}
	return events, stolen
}

// settled waits until every topic is drained and every revocation recorded.
func (s *site) settled(revocations int) {
	s.t.Helper()
	s.await("everything stored and committed", func() bool {
		return s.drained(s.topic) && s.drained(s.topic+".sightings") && s.drained(s.topic+".signals") &&
			s.count("SELECT count() FROM {db}.actions WHERE state = 'delivered'") == uint64(revocations)
	})
}

// complete compares what came out with what went in: rows, findings as a backtest finds them, one id per revocation.
func (s *site) complete(config string, events, stolen []string) {
	s.t.Helper()
	if n := s.count("SELECT count() FROM {db}.events WHERE type != 'session.revoked'"); n != uint64(len(events)) {
		s.t.Errorf("%d events stored, want %d", n, len(events))
	}
	if n := s.count("SELECT count() FROM {db}.events WHERE type = 'session.revoked'"); n != uint64(len(stolen)) {
		s.t.Errorf("%d session.revoked stored, want %d", n, len(stolen))
	}
	want := s.backtest(config, events)
	if len(want) < len(stolen) {
		s.t.Fatalf("the backtest finds %d, fewer than the %d stolen sessions", len(want), len(stolen))
	}
	s.same(s.findings(), want)
	ids := s.receiver.ids()
	for _, tok := range stolen {
		if len(ids[tok]) != 1 {
			s.t.Errorf("token %s was revoked under the ids %v, want one", tok, ids[tok])
		}
	}
	if len(ids) != len(stolen) {
		s.t.Errorf("%d tokens revoked, want %d", len(ids), len(stolen))
	}
}

// findings describes what is in ClickHouse, by id.
func (s *site) findings() map[string]string {
	s.t.Helper()
	_, name, _ := strings.Cut(strings.TrimPrefix(s.dsn, "clickhouse://"), "/")
	rows, err := s.db.Query(s.t.Context(), "SELECT id, rule || ' of ' || scope || ' ' || subject FROM "+name+".findings")
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var id, what string
		if err := rows.Scan(&id, &what); err != nil {
			s.t.Fatal(err)
		}
		found[id] = what
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return found
}

func TestKilledInMidStreamNothingIsMissingOrDoubled(t *testing.T) {
	for _, members := range []int{1, 2} {
		t.Run(fmt.Sprintf("members %d", members), func(t *testing.T) {
			s := newSite(t, 4, "")
			config := s.config("")
			events, stolen := traffic(300, 20, time.Now())
			alive := make([]*member, members)
			for i := range alive {
				alive[i] = s.start(config)
			}
			r := rand.New(rand.NewPCG(1, uint64(members)))
			const rounds = 6
			for round := range rounds {
				s.produce(events[round*len(events)/rounds : (round+1)*len(events)/rounds]...)
				time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond) // the moment of the kill is what is random
				victim := r.IntN(members)
				alive[victim].kill()
				alive[victim] = s.start(config)
			}
			s.settled(len(stolen))
			for _, m := range alive {
				m.stop(t)
			}
			s.complete(config, events, stolen)
		})
	}
}

func TestAFrozenMemberThatComesBackChangesNothing(t *testing.T) {
	s := newSite(t, 2, "")
	config := s.config("")
	events, stolen := traffic(100, 10, time.Now())
	a := s.start(config)
	s.produce(events[:500]...)
	s.await("the first member's first commit", func() bool { return s.count("SELECT count() FROM {db}.events") >= 500 })
	_ = a.cmd.Process.Signal(syscall.SIGSTOP)
	b := s.start(config)
	s.produce(events[500:]...)
	s.await("revocations by the second member", func() bool { return len(s.receiver.ids()) == len(stolen) })
	_ = a.cmd.Process.Signal(syscall.SIGCONT)
	s.settled(len(stolen))
	a.stop(t)
	b.stop(t)
	s.complete(config, events, stolen)
}

// ownEngine starts an engine that the test may stop.
func ownEngine(t *testing.T, dir string) *engine.Engine {
	t.Helper()
	bin := filepath.Join(dir, "hijackd-engine")
	if _, err := os.Stat(bin); err != nil {
		if out, err := exec.Command("go", "build", "-o", bin, "github.com/hijackd/hijackd/cmd/hijackd-engine").CombinedOutput(); err != nil {
			t.Fatalf("build hijackd-engine: %v\n%s", err, out)
		}
	}
	e, err := engine.Start(t.Context(), engine.Options{Binary: bin, DataDir: filepath.Join(dir, "data"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAStoppedEngineDelaysNoRevocationAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	e := ownEngine(t, dir)
	proxy := newProxy(t, address(e.DSN()))
	s := newSite(t, 2, "clickhouse://"+proxy.addr()+"/default")
	config := s.config("")
	m := s.start(config)
	events, stolen := traffic(50, 5, time.Now())
	ordinary := len(events) - len(stolen)
	s.produce(events[:ordinary]...)
	s.await("the sessions are known", func() bool {
		return s.drained(s.topic) && s.count("SELECT count() FROM {db}.events") == uint64(ordinary)
	})

	if err := e.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.produce(events[ordinary:]...)
	s.await("revocations without ClickHouse", func() bool { return len(s.receiver.ids()) == len(stolen) })
	t.Logf("all %d revocations within %v of the attack, the engine stopped", len(stolen), time.Since(began).Round(time.Millisecond))

	e = ownEngine(t, dir)
	defer func() { _ = e.Stop(context.Background()) }()
	proxy.forward(address(e.DSN()))
	s.settled(len(stolen))
	m.stop(t)
	s.complete(config, events, stolen)
}

func address(dsn string) string {
	a, _, _ := strings.Cut(strings.TrimPrefix(dsn, "clickhouse://"), "/")
	return a
}

func TestATopicWithoutKeysIsKeyed(t *testing.T) {
	s := newSite(t, 4, "")
	config := s.config("")
	events, stolen := traffic(100, 10, time.Now())
	var rs []*kgo.Record
	for i, e := range events { // as kafka-go's Writer does by default: anywhere
		rs = append(rs, &kgo.Record{Value: []byte(e), Partition: int32(i % 4)})
	}
	scatter, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(s.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer scatter.Close()
	if err := scatter.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	a, b := s.start(config), s.start(config)
	s.await("the first revocations", func() bool { return len(s.receiver.ids()) > 0 })
	a.kill()
	a = s.start(config)
	s.settled(len(stolen))
	s.await("the keyed copy is drained", func() bool { return s.drained(s.topic + ".keyed") })
	a.stop(t)
	b.stop(t)
	s.complete(config, events, stolen)
}
