package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/schema"
)

// Log is one partition as a log that its owner appends to and reads back.
type Log struct {
	Client    *Client
	Topic     string
	Partition int32
}

// Append writes messages in order, acknowledged by all in-sync replicas. After an error they may be there, or appear later.
func (l Log) Append(ctx context.Context, messages []Message) error {
	return l.Client.Produce(ctx, l.Topic, l.Partition, messages)
}

// Read hands every record from an offset, or the oldest that is left, up to the end that the log has when asked. It returns the offset
// after the last one.
func (l Log) Read(ctx context.Context, from int64, each func(r *schema.Record) error) (int64, error) {
	return l.Client.Scan(ctx, l.Topic, l.Partition, from, func(b *Batch) error {
		for i := range b.Records {
			if err := each(&b.Records[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Before returns the first offset whose record is at most d older than the record at offset, which may be the end of the log.
func (c *Client) Before(ctx context.Context, topic string, partition int32, offset int64, d time.Duration) (int64, error) {
	first, next, err := c.Bounds(ctx, topic, partition)
	if err != nil || next == first {
		return first, err
	}
	at := int64(0)
	_, err = c.scanOne(ctx, topic, partition, max(first, min(offset, next-1)), &at)
	if err != nil {
		return 0, err
	}
	resp, err := c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.TimeOffsetOf(int(partition), time.Unix(0, at).Add(-d))},
	}})
	if err != nil {
		return 0, fmt.Errorf("list offsets of %s[%d] by time: %w", topic, partition, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return 0, fmt.Errorf("list offsets of %s[%d] by time: %w", topic, partition, p.Error)
		}
		for o := range p.Offsets {
			if o >= 0 {
				return min(o, offset), nil
			}
		}
	}
	return first, nil
}

var errEnough = errors.New("enough")

func (c *Client) scanOne(ctx context.Context, topic string, partition int32, from int64, at *int64) (int64, error) {
	next, err := c.Scan(ctx, topic, partition, from, func(b *Batch) error {
		for _, r := range b.Records {
			*at = r.Time
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return next, err
}
