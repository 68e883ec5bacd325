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
type Cursor[E any] struct {
	storer    *Storer[E]
	partition int32
	stored    atomic.Int64
	handed    int64 // what was appended last; the lane's goroutine only
}

// Cursor returns a new cursor for a partition that is stored up to the offset from.
func (e *Storer[E]) Cursor(partition int32, from int64) *Cursor[E] {
	c := &Cursor[E]{storer: e, partition: partition, handed: from}
	c.stored.Store(from)
	return c
}

// Append hands over the rows of a batch, copied before it returns, and the offset that follows the batch. It takes all or none. Where there
// is no room it waits, as long as ClickHouse keeps up at its own pace; while ClickHouse fails or hangs it returns ErrBehind after 200 ms.
func (c *Cursor[E]) Append(ctx context.Context, rows []E, next int64) error {
	for {
		taken, healthy, news, err := c.storer.tryAppend(c, rows, next)
		if err != nil {
			return fmt.Errorf("store %s: %w", c.storer.what.name, err)
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
func (c *Cursor[E]) Stored() int64 { return c.stored.Load() }

// Drain has everything written now that was appended, and waits for it.
func (c *Cursor[E]) Drain(ctx context.Context) error {
	e := c.storer
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
			return fmt.Errorf("wait for %s to be stored: %w", e.what.name, ctx.Err())
		case <-news:
		}
	}
}

// Healthy reports whether ClickHouse takes what it is given.
func (c *Cursor[E]) Healthy() bool { return c.storer.Healthy() }

// Load calls each for the stored rows of the subjects as of the offset before: subject by subject, in offset order, one row per identity, that
// of the smallest offset. The rows are each's to keep.
func (c *Cursor[E]) Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *E)) error {
	if err := c.storer.what.load(ctx, c.storer.db, c.partition, before, subjects, each); err != nil {
		return fmt.Errorf("load histories: %w", unquoted(err))
	}
	return nil
}

// Seen calls each with xxHash64(tenant + "\x00" + name) of every subject of the partition that Load may have rows of and that was not silent
// for long. A subject may come twice.
func (c *Cursor[E]) Seen(ctx context.Context, each func(hash uint64)) error {
	if err := c.storer.what.seen(ctx, c.storer.db, c.partition, each); err != nil {
		return fmt.Errorf("read the index of histories: %w", unquoted(err))
	}
	return nil
}
