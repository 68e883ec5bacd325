package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/hijackd/hijackd/schema"
)

const (
	// fetchVersion is the oldest version that Kafka 4 still answers (KIP-896) and the first that lists aborted transactions.
	fetchVersion = 4
	// maxResponse bounds one answer in bytes: a broker always sends the first batch whole, however large.
	maxResponse = 64 << 20
	// scanWait is how long a Scan's fetch waits for records that are known to be there.
	scanWait = 250 * time.Millisecond
)

// ErrOffsetOutOfRange says that the log no longer, or not yet, holds the offset asked for.
var ErrOffsetOutOfRange = kafka.OffsetOutOfRange

// Fetcher reads one partition, batch by batch. It is not for concurrent use.
type Fetcher struct {
	client    *Client
	topic     string
	partition int32
	next      int64
	maxBytes  int32
	wait      time.Duration
}

// Fetcher starts reading at offset from. One answer holds at most about maxBytes compressed bytes, and waits for a first record at most
// for wait.
func (c *Client) Fetcher(topic string, partition int32, from int64, maxBytes int32, wait time.Duration) *Fetcher {
	return &Fetcher{client: c, topic: topic, partition: partition, next: from, maxBytes: maxBytes, wait: wait}
}

// Next is the offset that the next Fetch asks for.
func (f *Fetcher) Next() int64 { return f.next }

// Batch is what one fetch brought. Its records alias its buffers until Fetch is called with it again.
type Batch struct {
	Records []schema.Record
	// Next is the offset after the last record, also of records that were left out (control records, aborted transactions).
	Next int64
	// HighWatermark is the end of the partition when the broker answered.
	HighWatermark int64

	decoder batchDecoder
	request *fetchRequest
}

// Fetch fills b with the records from Next on; none if nothing came within the wait. Errors are those of the transport or Kafka's own
// (ErrOffsetOutOfRange among them), after which b holds nothing.
func (f *Fetcher) Fetch(ctx context.Context, b *Batch) error {
	ctx, cancel := context.WithTimeout(ctx, f.wait+10*time.Second)
	defer cancel()
	b.Records, b.Next = b.Records[:0], f.next
	if b.request == nil {
		b.request = new(fetchRequest)
	}
	r := b.request
	r.topic, r.partition, r.offset, r.maxBytes, r.wait = f.topic, f.partition, f.next, f.maxBytes, f.wait
	if _, err := f.client.transport.RoundTrip(ctx, f.client.client.Addr, r); err != nil {
		b.request = nil // an abandoned exchange may go on writing into its buffers
		return fmt.Errorf("fetch %s[%d] at %d: %w", f.topic, f.partition, f.next, err)
	}
	if r.code != 0 {
		return fmt.Errorf("fetch %s[%d] at %d: %w", f.topic, f.partition, f.next, kafka.Error(r.code))
	}
	b.HighWatermark = r.highWatermark
	b.decoder.decode(b, r.records, r.aborted, f.next)
	f.next = b.Next
	return nil
}

// fetchRequest is a fetch of one partition, exchanged in the raw so that the answer lands in a reused buffer.
type fetchRequest struct {
	topic     string
	partition int32
	offset    int64
	maxBytes  int32
	wait      time.Duration

	correlation   int32
	out, in       []byte
	code          int16
	highWatermark int64
	aborted       []abortedTransaction
	records       []byte
}

type abortedTransaction struct{ producer, first int64 }

// ApiKey implements protocol.Message.
func (r *fetchRequest) ApiKey() protocol.ApiKey { return protocol.Fetch } //nolint:staticcheck // the interface's spelling

// Required implements protocol.RawExchanger.
func (r *fetchRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// Broker implements protocol.BrokerMessage: fetches go to the partition's leader.
func (r *fetchRequest) Broker(c protocol.Cluster) (protocol.Broker, error) {
	t, ok := c.Topics[r.topic]
	if !ok {
		return protocol.Broker{}, kafka.UnknownTopicOrPartition
	}
	p, ok := t.Partitions[r.partition]
	if !ok {
		return protocol.Broker{}, kafka.UnknownTopicOrPartition
	}
	b, ok := c.Brokers[p.Leader]
	if !ok {
		return protocol.Broker{}, kafka.LeaderNotAvailable
	}
	return b, nil
}

// RawExchange implements protocol.RawExchanger.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	r.correlation++
	if _, err := rw.Write(r.encode()); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxResponse {
		return nil, fmt.Errorf("answer of %d bytes", n)
	}
	if uint32(cap(r.in)) < n {
		r.in = make([]byte, n+n/4)
	}
	r.in = r.in[:n]
	if _, err := io.ReadFull(rw, r.in); err != nil {
		return nil, err
	}
	return nil, r.parse()
}

func (r *fetchRequest) encode() []byte {
	be := binary.BigEndian
	b := append(r.out[:0], 0, 0, 0, 0)
	b = be.AppendUint16(b, uint16(protocol.Fetch))
	b = be.AppendUint16(b, fetchVersion)
	b = be.AppendUint32(b, uint32(r.correlation))
	b = be.AppendUint16(b, 0xffff)     // no client id
	b = be.AppendUint32(b, 0xffffffff) // not a replica
	b = be.AppendUint32(b, uint32(r.wait.Milliseconds()))
	b = be.AppendUint32(b, 1) // min bytes: more would wait for them (1.5 s over three hops instead of 1.6 ms, measured)
	b = be.AppendUint32(b, uint32(r.maxBytes))
	b = append(b, 1) // read committed
	b = be.AppendUint32(b, 1)
	b = be.AppendUint16(b, uint16(len(r.topic)))
	b = append(b, r.topic...)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(r.partition))
	b = be.AppendUint64(b, uint64(r.offset))
	b = be.AppendUint32(b, uint32(r.maxBytes))
	be.PutUint32(b, uint32(len(b)-4))
	r.out = b
	return b
}

func (r *fetchRequest) parse() error {
	c := cursor{b: r.in}
	if got := int32(c.u32()); got != r.correlation {
		return errors.New("answer to another request")
	}
	c.skip(4) // throttle time
	if c.u32() != 1 {
		return errors.New("answer without the topic")
	}
	c.skip(int(c.u16()))
	if c.u32() != 1 {
		return errors.New("answer without the partition")
	}
	c.skip(4)
	r.code = int16(c.u16())
	r.highWatermark = int64(c.u64())
	c.skip(8) // last stable offset
	r.aborted = r.aborted[:0]
	for n := int32(c.u32()); n > 0 && !c.bad; n-- {
		r.aborted = append(r.aborted, abortedTransaction{int64(c.u64()), int64(c.u64())})
	}
	r.records = nil
	if n := int32(c.u32()); n > 0 {
		r.records = c.take(int(n))
	}
	if c.bad {
		return io.ErrUnexpectedEOF
	}
	return nil
}
