package lane

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

func kafkaClient(t *testing.T, addr string) *broker.Client {
	t.Helper()
	c, err := broker.New(broker.Config{Brokers: []string{addr}})
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// world is one topic, what its lanes stored and what they published.
type world struct {
	t      *testing.T
	client *broker.Client
	topic  string
	group  string
	tables []*table
	pub    published
	seen   map[string]int // how often each record was read; guarded by pub
	slow   time.Duration  // how long decoding a record takes
	fetch  int32          // bytes of a fetch, 0 for the default
}

func newWorld(t *testing.T, addr string) *world { return worldOf(t, kafkaClient(t, addr)) }

func worldOf(t *testing.T, client *broker.Client) *world {
	w := &world{t: t, client: client, topic: newName("lane-"), group: newName("g-"), seen: map[string]int{}}
	for range 4 {
		w.tables = append(w.tables, &table{rows: map[string]toy{}})
	}
	must(t, w.client.Ensure(t.Context(), true, []broker.Topic{{Name: w.topic, Partitions: len(w.tables), Own: true}}))
	return w
}

func (w *world) produce(partition int32, values ...string) {
	w.t.Helper()
	must(w.t, w.client.Produce(w.t.Context(), w.topic, partition, messages(values)))
}

// join starts a member and returns what makes it leave and waits until it has.
func (w *world) join() (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	m := NewMetrics(prometheus.NewRegistry())
	g := New(Config{Group: w.group, SessionTimeout: 6 * time.Second, FetchWait: 50 * time.Millisecond, MaxFetchBytes: w.fetch}, w.client, map[string]func() Lane{
		w.topic: func() Lane {
			l := newToyLane(nil, w.pub.publish)
			l.Decode = func(r *schema.Record, e *toy) (string, []byte) {
				w.pub.mu.Lock()
				w.seen[string(r.Value)]++
				w.pub.mu.Unlock()
				time.Sleep(w.slow)
				return decodeToy(r, e)
			}
			l.Changelog = func(p int32, from int64) Changelog[toy] { return &toyLog{t: w.tables[p], stored: from} }
			return l
		},
	}, slog.New(slog.DiscardHandler), m)
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	leave = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("member: %v", err)
		}
	}
	return leave
}

// committed is -1 as long as the group is not there yet.
func (w *world) committed(partition int32) int64 {
	n, err := w.client.Committed(w.t.Context(), w.group, w.topic, partition)
	if err != nil {
		return -1
	}
	return n
}

// await polls until ok holds; the test's own deadline ends what never will.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute for: %s", what)
		}
	}
}

func TestMembersComeAndGoAndNothingIsMissing(t *testing.T) {
	addr := os.Getenv("HIJACKD_TEST_KAFKA")
	if addr == "" {
		t.Fatal("HIJACKD_TEST_KAFKA is not set: run make test")
	}
	w := newWorld(t, addr)
	var want []string
	round := func(n int) {
		for p := range int32(len(w.tables)) {
			var vs []string
			for k := range 50 {
				vs = append(vs, fmt.Sprintf("key-%d-%d %d", p, k, n))
			}
			w.produce(p, vs...)
		}
	}
	for p := range len(w.tables) {
		for k := range 50 {
			want = append(want, fmt.Sprintf("found: found key-%d-%d", p, k))
		}
	}
	slices.Sort(want)

	leaveA := w.join()
	round(1)
	leaveB := w.join()
	round(2)
	leaveA()
	leaveC := w.join()
	leaveB()
	round(3)
	for p := range int32(len(w.tables)) {
		await(t, "everything is committed", func() bool { return w.committed(p) == 150 })
	}
	leaveC()

	w.pub.mu.Lock()
	got := slices.Clone(w.pub.outs)
	w.pub.mu.Unlock()
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("published %d different findings, want %d", len(got), len(want))
	}
	for p, tab := range w.tables {
		if len(tab.rows) != 150 {
			t.Errorf("partition %d: %d rows stored, want 150", p, len(tab.rows))
		}
	}
}

func TestRetentionThatOvertakesALaneIsALossAndNoHang(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	must(t, err)
	defer c.Close()
	w := newWorld(t, c.ListenAddrs()[0])
	w.produce(0, "a 1", "a 2")
	leave := w.join()
	await(t, "the first two", func() bool { return w.committed(0) == 2 })
	leave()
	w.produce(0, "a 3", "lost 1", "b 1", "b 2", "b 3")
	must(t, c.DeleteRecords(w.topic, 0, 4))
	leave = w.join()
	await(t, "what is left", func() bool { return w.committed(0) == 7 })
	leave()
	w.pub.want(t, "found: found b")
}
