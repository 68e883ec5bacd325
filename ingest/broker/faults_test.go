package broker_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hijackd/hijackd/ingest/broker"
)

func fake(t *testing.T, brokers int, opts ...kfake.Opt) (*kfake.Cluster, *broker.Client) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(brokers), kfake.SeedTopics(1, "t"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, newClient(t, c.ListenAddrs()[0])
}

func TestEnsureNamesTheCommandForWhatItMayNotCreate(t *testing.T) {
	cluster, c := fake(t, 1)
	topics := []broker.Topic{{Name: "own", Partitions: 3, Own: true, Config: map[string]string{"cleanup.policy": "compact"}}}
	want := "--create --topic own --partitions 3 --config cleanup.policy=compact"
	if err := c.Ensure(t.Context(), false, topics); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("creation forbidden by us: %v", err)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.TopicAuthorizationFailed})
	if err := c.Ensure(t.Context(), true, topics); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Authorization") {
		t.Errorf("creation refused by Kafka: %v", err)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.RequestTimedOut})
	if err := c.Ensure(t.Context(), true, topics); err != nil {
		t.Errorf("created, and the answer says it timed out: %v", err)
	}
	if err := c.Ensure(t.Context(), true, append(topics, broker.Topic{Name: "theirs"})); err == nil || !strings.Contains(err.Error(), "theirs") {
		t.Errorf("creates a topic that is not its own: %v", err)
	}
}

func TestAProduceThatTimedOutMayBeThere(t *testing.T) {
	cluster, c := fake(t, 1)
	ms := []broker.Message{{Value: []byte("a")}, {Value: []byte("b")}}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut})
	if err := c.Produce(t.Context(), "t", 0, ms); err != nil {
		t.Fatal(err)
	}
	if g := fmt.Sprint(readAll(t, c, "t", 0)); g != "[{0 a } {1 b } {2 a } {3 b }]" {
		t.Errorf("got %s", g)
	}
	h := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	if err := c.Produce(t.Context(), "t", 0, ms); err == nil || h.Hits() != 1 {
		t.Errorf("refused for good: %v after %d tries", err, h.Hits())
	}
	h.Remove()
	h = cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	brief, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if err := c.Produce(brief, "t", 0, ms); err == nil || h.Hits() < 2 || h.Hits() > 10 {
		t.Errorf("refused for now: %v after %d tries", err, h.Hits())
	}
}

func TestAnotherLeaderIsFound(t *testing.T) {
	cluster, c := fake(t, 2)
	f := c.Fetcher("t", 0, 0, 1<<20, 50*time.Millisecond)
	var b broker.Batch
	read := func() (n int) {
		for end := time.Now().Add(30 * time.Second); n == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if err := f.Fetch(t.Context(), &b); err == nil {
				n = len(b.Records)
			}
		}
		return n
	}
	for i := range 3 {
		if err := cluster.MoveTopicPartition("t", 0, int32(i%2)); err != nil {
			t.Fatal(err)
		}
		if err := c.Produce(t.Context(), "t", 0, []broker.Message{{Value: []byte("v")}}); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		if n := read(); n != 1 {
			t.Fatalf("move %d: read %d records, want 1", i, n)
		}
	}
}

func TestRecordsOfEveryShape(t *testing.T) {
	for server, addr := range servers(t) {
		t.Run(server, func(t *testing.T) {
			c := newClient(t, addr)
			topic := "test-" + strings.ToLower(rand.Text()[:10])
			err := c.Ensure(t.Context(), true, []broker.Topic{{Name: topic, Own: true,
				Config: map[string]string{"message.timestamp.type": "LogAppendTime", "max.message.bytes": "90000000"}}})
			if err != nil {
				t.Fatal(err)
			}
			large := make([]byte, 20<<20)
			_, _ = rand.Read(large)
			old := time.Unix(1_000_000_000, 0)
			p := franz(t, addr, topic, kgo.ProducerBatchCompression(kgo.Lz4Compression()))
			for _, r := range []*kgo.Record{
				{Timestamp: old}, {Timestamp: old, Key: []byte{}, Value: []byte{}}, {Timestamp: old, Value: large},
				{Timestamp: old, Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}, {Key: "n"}}},
			} {
				if err := p.ProduceSync(t.Context(), r).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			var shapes []string
			_, err = c.Scan(t.Context(), topic, 0, 0, func(b *broker.Batch) error {
				for _, r := range b.Records {
					shape := fmt.Sprintf("%d key %t value %t %d", r.Offset, r.Key != nil, r.Value != nil, len(r.Value))
					for _, h := range r.Headers {
						shape += fmt.Sprintf(" %s=%s", h.Key, h.Value)
					}
					if shapes = append(shapes, shape); server == "kafka" && r.Time <= old.UnixNano() { // kfake never writes its own
						t.Errorf("offset %d has the producer's time, want the broker's", r.Offset)
					}
					if len(r.Value) > 1 && !bytes.Equal(r.Value, large) {
						t.Error("the large record came back changed")
					}
				}
				return nil
			})
			want := "0 key false value false 0; 1 key true value true 0; 2 key false value true 20971520; 3 key true value true 1 h=x n="
			if got := strings.Join(shapes, "; "); err != nil || got != want {
				t.Errorf("got %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestATopicMadeAnewIsNoSilence(t *testing.T) {
	cluster, c := fake(t, 1)
	for range 5 {
		if err := c.Produce(t.Context(), "t", 0, []broker.Message{{Value: []byte("v")}}); err != nil {
			t.Fatal(err)
		}
	}
	if g := readAll(t, c, "t", 0); len(g) != 5 {
		t.Fatalf("got %v", g)
	}
	recreate(t, cluster)
	var b broker.Batch
	var err error
	for end := time.Now().Add(10 * time.Second); !errors.Is(err, broker.ErrOffsetOutOfRange) && time.Now().Before(end); {
		err = c.Fetcher("t", 0, 5, 1<<20, 10*time.Millisecond).Fetch(t.Context(), &b)
	}
	if !errors.Is(err, broker.ErrOffsetOutOfRange) {
		t.Errorf("offset 5 of an empty topic: %v", err)
	}
}

func recreate(t *testing.T, cluster *kfake.Cluster) {
	t.Helper()
	k := franz(t, cluster.ListenAddrs()[0], "t")
	del := kmsg.NewDeleteTopicsRequest()
	del.TopicNames = []string{"t"}
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = new("t")
	del.Topics = append(del.Topics, topic)
	if _, err := del.RequestWith(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	create := kmsg.NewCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = "t", 1, 1
	create.Topics = append(create.Topics, ct)
	if _, err := create.RequestWith(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

// To take a missing answer for "never committed" would read the whole log again.
func TestACommitThatIsNotSaidIsAnError(t *testing.T) {
	cluster, c := fake(t, 1)
	if n, err := c.Committed(t.Context(), "g", "t", 0); err == nil && n != -1 {
		t.Errorf("a group that never committed is at %d", n)
	}
	cluster.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		for range r.(*kmsg.OffsetFetchRequest).Groups {
			resp.Groups = append(resp.Groups, kmsg.NewOffsetFetchResponseGroup())
		}
		return resp, nil, true
	})
	if n, err := c.Committed(t.Context(), "g", "t", 0); err == nil || !strings.Contains(err.Error(), "leaves the partition out") {
		t.Errorf("got %d, %v", n, err)
	}
}
