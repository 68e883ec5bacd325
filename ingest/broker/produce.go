package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Message is one record to publish.
type Message struct {
	Key, Value []byte
	Headers    []kafka.Header
	Time       time.Time // of the record; zero means now
}

const (
	// produceFor is how long a failing produce is repeated: long enough to hear of a partition's new leader, see metadataTTL.
	produceFor     = 3 * time.Second
	produceRecords = 500
	produceBytes   = 768 << 10 // under the broker's default message.max.bytes of 1 MiB
)

// Produce appends messages to one partition, in order, acknowledged by all in-sync replicas. An error means that some of them may have
// been appended all the same: whoever reads them must know them by their ids.
func (c *Client) Produce(ctx context.Context, topic string, partition int32, messages []Message) error {
	for len(messages) > 0 {
		n, size := 0, 0
		for n < len(messages) && n < produceRecords && (n == 0 || size+len(messages[n].Value) < produceBytes) {
			size += len(messages[n].Value) + len(messages[n].Key)
			n++
		}
		if err := c.produceSome(ctx, topic, partition, messages[:n]); err != nil {
			return fmt.Errorf("produce to %s[%d]: %w", topic, partition, err)
		}
		messages = messages[n:]
	}
	return nil
}

func (c *Client) produceSome(ctx context.Context, topic string, partition int32, messages []Message) (err error) {
	for begun, pause := time.Now(), 50*time.Millisecond; ; pause *= 2 {
		records := make([]kafka.Record, len(messages))
		for i, m := range messages {
			at := m.Time
			if at.IsZero() {
				at = time.Now()
			}
			records[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Headers: m.Headers, Time: at}
		}
		var resp *kafka.ProduceResponse
		resp, err = c.client.Produce(ctx, &kafka.ProduceRequest{
			Topic: topic, Partition: int(partition), RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
		})
		if err == nil {
			err = resp.Error
		}
		if err == nil || !again(err) || time.Since(begun) > produceFor {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// again reports whether a failed request is worth repeating: everything but a refusal that will not change.
func again(err error) bool {
	if k, ok := errors.AsType[kafka.Error](err); ok {
		return k.Temporary()
	}
	return true
}
