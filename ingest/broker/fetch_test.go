package broker_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/ingest/broker"
)

// realKafka is the address of the Kafka that the surroundings started.
func realKafka(t testing.TB) string {
	t.Helper()
	addr := os.Getenv("HIJACKD_TEST_KAFKA")
	if addr == "" {
		t.Fatal("HIJACKD_TEST_KAFKA is not set: run make test")
	}
	return addr
}

// servers are the real Kafka and the in-process broker, which must behave alike.
func servers(t *testing.T) map[string]string {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{"message.max.bytes": "90000000"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return map[string]string{"kafka": realKafka(t), "kfake": c.ListenAddrs()[0]}
}

func newClient(t testing.TB, addr string) *broker.Client {
	t.Helper()
	c, err := broker.New(broker.Config{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newTopic(t testing.TB, c *broker.Client, partitions int) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text()[:10])
	if err := c.Ensure(t.Context(), true, []broker.Topic{{Name: name, Partitions: partitions, Own: true}}); err != nil {
		t.Fatal(err)
	}
	return name
}

func franz(t testing.TB, addr, topic string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(64 << 20), kgo.MaxBufferedBytes(256 << 20),
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

type got struct {
	offset int64
	value  string
	broken string
}

func readAll(t testing.TB, c *broker.Client, topic string, from int64) (all []got) {
	t.Helper()
	_, err := c.Scan(t.Context(), topic, 0, from, func(b *broker.Batch) error {
		for _, r := range b.Records {
			all = append(all, got{r.Offset, string(r.Value), r.Broken})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFetchReadsEveryCodecFromEveryOffset(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for server, addr := range servers(t) {
		for name, codec := range codecs {
			t.Run(server+"/"+name, func(t *testing.T) {
				c := newClient(t, addr)
				topic := newTopic(t, c, 1)
				p := franz(t, addr, topic, kgo.ProducerBatchCompression(codec))
				var want []got
				for batch := range 3 {
					var rs []*kgo.Record
					for i := range 40 {
						v := fmt.Sprintf("%s %d %d %s", name, batch, i, strings.Repeat("abc", 50))
						want = append(want, got{offset: int64(len(want)), value: v})
						rs = append(rs, &kgo.Record{Value: []byte(v), Key: []byte("k"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{byte(i)}}}})
					}
					if err := p.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
						t.Fatal(err)
					}
				}
				for _, from := range []int64{0, 1, 39, 40, 41, 119} {
					if g := readAll(t, c, topic, from); fmt.Sprint(g) != fmt.Sprint(want[from:]) {
						t.Fatalf("from offset %d: got %d records %.200v, want %d", from, len(g), g, len(want)-int(from))
					}
				}
			})
		}
	}
}

func TestFetchReadsWhatKafkaGoWrites(t *testing.T) {
	for server, addr := range servers(t) {
		for _, codec := range []kafka.Compression{kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
			t.Run(server+"/"+codec.String(), func(t *testing.T) {
				c := newClient(t, addr)
				topic := newTopic(t, c, 1)
				value := bytes.Repeat([]byte("0123456789"), 20_000)
				w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic, Transport: transport(t), RequiredAcks: kafka.RequireAll, Compression: codec, BatchTimeout: time.Millisecond}
				defer w.Close()
				if err := w.WriteMessages(t.Context(), kafka.Message{Value: value}, kafka.Message{Value: []byte("two")}); err != nil {
					t.Fatal(err)
				}
				g := readAll(t, c, topic, 0)
				if len(g) != 2 || g[0].value != string(value) || g[1].value != "two" {
					t.Fatalf("got %d records, broken %q", len(g), g[0].broken)
				}
			})
		}
	}
}

func TestAbortedTransactionsAreInvisible(t *testing.T) {
	for server, addr := range servers(t) {
		t.Run(server, func(t *testing.T) {
			c := newClient(t, addr)
			topic := newTopic(t, c, 1)
			p := franz(t, addr, topic, kgo.TransactionalID("tx-"+topic))
			tx := func(v string, end kgo.TransactionEndTry) {
				if err := p.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				if err := p.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if err := p.EndTransaction(t.Context(), end); err != nil {
					t.Fatal(err)
				}
			}
			tx("aborted", kgo.TryAbort)
			tx("committed", kgo.TryCommit)
			tx("aborted too", kgo.TryAbort)
			tx("committed too", kgo.TryCommit)
			var g []got
			for try := 0; try < 100 && len(g) < 2; try++ { // the broker ends a transaction a moment after it has said so
				g = readAll(t, c, topic, 0)
			}
			if len(g) != 2 || g[0].value != "committed" || g[1].value != "committed too" {
				t.Fatalf("got %v", g)
			}
		})
	}
}

func TestDecompressionBombBecomesOneBrokenRecord(t *testing.T) {
	_, addr := "", servers(t)["kfake"]
	for name, codec := range map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(), "snappy": kgo.SnappyCompression()} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, addr)
			topic := newTopic(t, c, 1)
			p := franz(t, addr, topic, kgo.ProducerBatchCompression(codec))
			for _, v := range [][]byte{[]byte("before"), make([]byte, 40<<20), []byte("after")} {
				if err := p.ProduceSync(t.Context(), &kgo.Record{Value: v}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			g := readAll(t, c, topic, 0)
			want := []got{{0, "before", ""}, {1, "", "decompression limit"}, {2, "after", ""}}
			if fmt.Sprint(g) != fmt.Sprint(want) {
				t.Fatalf("got %.300v, want %v", g, want)
			}
		})
	}
}

func TestMissingOffsetsAndTopicsAreErrors(t *testing.T) {
	for server, addr := range servers(t) {
		t.Run(server, func(t *testing.T) {
			c := newClient(t, addr)
			topic := newTopic(t, c, 1)
			var b broker.Batch
			err := c.Fetcher(topic, 0, 100, 1<<20, 50*time.Millisecond).Fetch(t.Context(), &b)
			if err == nil || !strings.Contains(err.Error(), "Offset Out Of Range") {
				t.Errorf("offset 100 of an empty partition: %v", err)
			}
			err = c.Ensure(t.Context(), false, []broker.Topic{{Name: "no-such-topic"}})
			if err == nil || !strings.Contains(err.Error(), "kafka-topics.sh") {
				t.Errorf("missing topic: %v", err)
			}
			err = c.Ensure(t.Context(), false, []broker.Topic{{Name: topic, Partitions: 3}})
			if err == nil || !strings.Contains(err.Error(), "has 1 partitions and needs 3") {
				t.Errorf("other partition count: %v", err)
			}
		})
	}
	c := newClient(t, "127.0.0.1:1")
	if err := c.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "no broker answers") {
		t.Errorf("dead broker: %v", err)
	}
}

func TestObserveNamesThePlacement(t *testing.T) {
	addr := realKafka(t)
	keyed := func(k, v []byte) bool { return bytes.Equal(k, v) }
	for name, balancer := range map[string]kafka.Balancer{
		"murmur2": kafka.Murmur2Balancer{}, "crc32": kafka.CRC32Balancer{}, "fnv1a": &kafka.Hash{}, "": &kafka.RoundRobin{},
	} {
		t.Run("placement "+name, func(t *testing.T) {
			c := newClient(t, addr)
			topic := newTopic(t, c, 6)
			w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic, Transport: transport(t), RequiredAcks: kafka.RequireAll, Balancer: balancer, BatchTimeout: time.Millisecond}
			defer w.Close()
			var ms []kafka.Message
			for range 100 {
				k := []byte(rand.Text())
				ms = append(ms, kafka.Message{Key: k, Value: k})
			}
			if err := w.WriteMessages(t.Context(), ms...); err != nil {
				t.Fatal(err)
			}
			p, ok, err := c.Observe(t.Context(), topic, 6, keyed)
			if err != nil || ok != (name != "") || ok && p.Name != name {
				t.Fatalf("observed %q, %v, %v", p.Name, ok, err)
			}
		})
	}
}

func BenchmarkFetch(b *testing.B) {
	addr := realKafka(b)
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression()} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, addr)
			topic := newTopic(b, c, 1)
			p := franz(b, addr, topic, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(1<<20), kgo.ProducerLinger(20*time.Millisecond))
			const records = 100_000
			for i := range records {
				p.Produce(context.Background(), &kgo.Record{Value: fmt.Appendf(nil, `{"id":"%d","time":"2026-11-22T10:00:00Z","token":"h1:k1:%022d","ip":"192.0.2.%d","user_agent":"%s"}`, i, i*7919, i%250, strings.Repeat("Mozilla/5.0 ", 10))}, nil)
			}
			if err := p.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			n := 0
			var batch broker.Batch
			f := c.Fetcher(topic, 0, 0, 1<<20, 250*time.Millisecond)
			for n < b.N {
				if f.Next() >= records {
					f = c.Fetcher(topic, 0, 0, 1<<20, 250*time.Millisecond)
				}
				if err := f.Fetch(b.Context(), &batch); err != nil {
					b.Fatal(err)
				}
				n += len(batch.Records)
			}
		})
	}
}

func transport(t *testing.T) *kafka.Transport {
	tr := &kafka.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}
