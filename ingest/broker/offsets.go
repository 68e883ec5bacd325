package broker

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Committed returns the group's committed offset of a partition, -1 if it never committed one. A partition that is missing from the
// answer is an error: to begin at a default there would skip or repeat the whole log.
func (c *Client) Committed(ctx context.Context, group, topic string, partition int32) (int64, error) {
	resp, err := c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {int(partition)}}})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		return 0, fmt.Errorf("fetch committed offset of %s[%d]: %w", topic, partition, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Partition == int(partition) {
			if p.Error != nil {
				return 0, fmt.Errorf("fetch committed offset of %s[%d]: %w", topic, partition, p.Error)
			}
			return p.CommittedOffset, nil
		}
	}
	return 0, fmt.Errorf("fetch committed offset of %s[%d]: the answer leaves the partition out", topic, partition)
}

// Bounds returns the first offset that a partition holds and the one that its next record will get, or where a transaction is open its
// first: what follows can't be read yet.
func (c *Client) Bounds(ctx context.Context, topic string, partition int32) (first, next int64, err error) {
	resp, err := c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{IsolationLevel: kafka.ReadCommitted, Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(int(partition)), kafka.LastOffsetOf(int(partition))},
	}})
	if err != nil {
		return 0, 0, fmt.Errorf("list offsets of %s[%d]: %w", topic, partition, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Partition == int(partition) {
			if p.Error != nil {
				return 0, 0, fmt.Errorf("list offsets of %s[%d]: %w", topic, partition, p.Error)
			}
			return p.FirstOffset, p.LastOffset, nil
		}
	}
	return 0, 0, fmt.Errorf("list offsets of %s[%d]: the answer leaves the partition out", topic, partition)
}

// Scan reads a partition from an offset up to the end that it has when asked, in order. It returns the offset after the last record.
func (c *Client) Scan(ctx context.Context, topic string, partition int32, from int64, each func(b *Batch) error) (int64, error) {
	first, end, err := c.Bounds(ctx, topic, partition)
	if err != nil {
		return from, err
	}
	f := c.Fetcher(topic, partition, max(from, first), 1<<20, scanWait)
	var b Batch
	for f.Next() < end {
		if err := f.Fetch(ctx, &b); err != nil {
			return f.Next(), err
		}
		if err := each(&b); err != nil {
			return f.Next(), err
		}
	}
	return f.Next(), nil
}
