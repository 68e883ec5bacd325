package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Cursor is one lane's hold on the storer: how far the lane's partition is stored. Each start of a lane gets a cursor of its own, so that
// rows which an earlier one left behind tell it nothing.
type Cursor struct {
	events    *Events
	partition int32
	stored    atomic.Int64
	handed    int64 // what was appended last; the lane's goroutine only
}

// Cursor returns a new cursor for a partition that is stored up to the offset from.
func (e *Events) Cursor(partition int32, from int64) *Cursor {
	c := &Cursor{events: e, partition: partition, handed: from}
	c.stored.Store(from)
	return c
}

// Append hands over the rows of a batch, copied before it returns, and the offset that follows the batch. It takes all or none. Where there
// is no room it waits, as long as ClickHouse keeps up at its own pace; while ClickHouse fails or hangs it returns ErrBehind after 200 ms.
func (c *Cursor) Append(ctx context.Context, rows []schema.Event, next int64) error {
	for {
		taken, healthy, news, err := c.events.tryAppend(c, rows, next)
		if err != nil {
			return fmt.Errorf("store events: %w", err)
		}
		if taken {
			c.handed = next
			return nil
		}
		timer := time.NewTimer(patience)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-news:
			timer.Stop()
		case <-timer.C:
			if !healthy {
				return ErrBehind
			}
		}
	}
}

// Stored is the offset before which ClickHouse has acknowledged everything.
func (c *Cursor) Stored() int64 { return c.stored.Load() }

// Drain has everything written now that was appended, and waits for it.
func (c *Cursor) Drain(ctx context.Context) error {
	e := c.events
	for {
		e.mu.Lock()
		news, stopped := e.news, e.stopped
		if c.Stored() >= c.handed {
			e.mu.Unlock()
			return nil
		}
		e.urgent = true
		e.mu.Unlock()
		if stopped {
			return ErrStopped
		}
		e.nudge()
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for events to be stored: %w", ctx.Err())
		case <-news:
		}
	}
}

// Healthy reports whether ClickHouse takes what it is given.
func (c *Cursor) Healthy() bool { return c.events.Healthy() }
