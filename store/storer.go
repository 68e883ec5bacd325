package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// ErrBehind says that ClickHouse is failing and that as many rows wait for it as may: those not taken are to be read again later.
var ErrBehind = errors.New("clickhouse is behind")

// ErrStopped says that no more rows are taken, since Run has ended.
var ErrStopped = errors.New("the storer has stopped")

const (
	patience = 200 * time.Millisecond // that Append waits for room while ClickHouse is failing
	hang     = 5 * time.Second        // an insert that takes longer is not healthy
	minPause = 100 * time.Millisecond // before an insert is tried again, doubled each time
	maxPause = 5 * time.Second
)

// StorerConfig says how large inserts become. Two blocks exist: one fills while the other is written, and no more rows wait than that.
// Each keeps the memory that it has grown to, up to BlockBytes and what one batch and the growth of slices add: about 2.5 × BlockBytes for both.
type StorerConfig struct {
	BlockRows  int           // rows of a full block
	BlockBytes int           // bytes of a full block, in memory
	Interval   time.Duration // the longest that a row waits for others
}

// Validate reports what is wrong with c.
func (c StorerConfig) Validate() error {
	switch {
	case c.BlockRows < 1:
		return fmt.Errorf("rows of a block: %d is less than 1", c.BlockRows)
	case c.BlockBytes < 1<<10:
		return fmt.Errorf("bytes of a block: %d is less than 1024", c.BlockBytes)
	case c.Interval <= 0:
		return fmt.Errorf("interval of inserts: %s is not positive", c.Interval)
	}
	return nil
}

// Storer merges the rows of all lanes of a process that store the same kind of rows into large inserts, one at a time, and repeats each until
// ClickHouse has acknowledged it. Repeats collapse in the table, so it needs to know nothing about an insert whose answer was lost.
type Storer[E any] struct {
	db   *DB
	what kind[E]
	cfg  StorerConfig
	log  *slog.Logger
	hang time.Duration

	wake chan struct{} // something for Run to look at

	mu      sync.Mutex
	filling *batch[E]
	spare   *batch[E]     // nil while a block is being written
	news    chan struct{} // closed and replaced when a block was written
	urgent  bool          // somebody drains
	sending time.Time     // since when a block is being written, zero if none is
	flying  int           // rows in it
	failing bool          // the last attempt failed
	stopped bool
	stats   Stats
}

// Stats counts what the storer has done.
type Stats struct {
	Rows, Blocks, Failures uint64
	Waiting                int // rows that are not acknowledged yet
}

// kind is what a Storer stores: blocks to fill with its rows, and the queries that read them back.
type kind[E any] struct {
	name  string // "events"
	block func() (block[E], error)
	load  func(ctx context.Context, db *DB, partition int32, before int64, subjects []schema.Subject, each func(schema.Subject, *E)) error
	seen  func(ctx context.Context, db *DB, partition int32, each func(hash uint64)) error
}

func newStorer[E any](db *DB, what kind[E], cfg StorerConfig, log *slog.Logger) (*Storer[E], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Storer[E]{db: db, what: what, cfg: cfg, log: log.With(slog.String("rows", what.name)), hang: hang,
		wake: make(chan struct{}, 1), news: make(chan struct{})}
	for _, b := range []**batch[E]{&e.filling, &e.spare} {
		rows, err := what.block()
		if err != nil {
			return nil, err
		}
		*b = &batch[E]{block: rows, marks: make(map[*Cursor[E]]int64)}
	}
	return e, nil
}

// Run writes blocks until ctx ends; an insert in flight is finished first. What waits then is dropped: no lane has been told that it is
// stored, so it is read again from Kafka. Lanes that want it stored drain before.
func (e *Storer[E]) Run(ctx context.Context) {
	defer e.stop()
	for {
		b := e.take(ctx)
		if b == nil {
			return
		}
		if !e.deliver(ctx, b) {
			return
		}
	}
}

// take waits until a block is due and puts the other one in its place.
func (e *Storer[E]) take(ctx context.Context) *batch[E] {
	for {
		b, wait := e.due()
		if b != nil {
			return b
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-e.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (e *Storer[E]) due() (b *batch[E], wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b = e.filling
	if b.empty() {
		return nil, time.Hour
	}
	if wait = time.Until(b.since.Add(e.cfg.Interval)); wait > 0 && !e.urgent && !e.full(b) {
		return nil, wait
	}
	e.filling, e.spare, e.urgent = e.spare, nil, false
	e.sending, e.flying = time.Now(), b.rows()
	e.announce()
	return b, 0
}

// deliver repeats b until it is written; false if ctx ended before.
func (e *Storer[E]) deliver(ctx context.Context, b *batch[E]) bool {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		err := b.write(ctx, e.db)
		if err == nil {
			e.written(b)
			return true
		}
		e.failed(err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

func (e *Storer[E]) written(b *batch[E]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Rows += uint64(b.rows()) // #nosec G115 -- a count
	e.stats.Blocks++
	b.done()
	e.spare, e.sending, e.flying = b, time.Time{}, 0
	if e.failing {
		e.failing = false
		e.log.Info("storing again")
	}
	e.announce()
}

func (e *Storer[E]) failed(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.Failures++
	if !e.failing {
		e.failing = true
		e.log.Warn("storing failed, will be repeated", slog.Any("error", err))
	}
}

func (e *Storer[E]) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	e.announce()
}

// announce wakes all who wait for room or for their rows. The lock is held.
func (e *Storer[E]) announce() {
	close(e.news)
	e.news = make(chan struct{})
}

func (e *Storer[E]) full(b *batch[E]) bool {
	return b.rows() >= e.cfg.BlockRows || b.bytes() >= e.cfg.BlockBytes
}

// Healthy reports whether ClickHouse takes what it is given: the last insert went well, and none hangs.
func (e *Storer[E]) Healthy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.healthy()
}

func (e *Storer[E]) healthy() bool {
	return !e.failing && (e.sending.IsZero() || time.Since(e.sending) < e.hang)
}

// Stats returns the counts so far.
func (e *Storer[E]) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Waiting = e.filling.rows() + e.flying
	return s
}

// tryAppend takes rows if there is room. Otherwise it returns what to wait for.
func (e *Storer[E]) tryAppend(c *Cursor[E], es []E, next int64) (taken, healthy bool, news chan struct{}, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.filling
	switch {
	case e.stopped:
		return false, false, nil, ErrStopped
	case e.full(b):
		return false, e.healthy(), e.news, nil
	}
	fresh := b.empty()
	if fresh {
		b.since = time.Now()
	}
	b.marks[c] = next
	if err := b.add(es); err != nil {
		return false, false, nil, err
	}
	if fresh || e.full(b) {
		e.nudge()
	}
	return true, true, nil, nil
}

func (e *Storer[E]) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
