package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func uses(token string, from, to int64) []schema.Event {
	var es []schema.Event
	for o := from; o < to; o++ {
		es = append(es, use(token, o))
	}
	return es
}

// An insert that was applied while its answer got lost is repeated, and one row of each identity is there.
func TestAnswerLost(t *testing.T) {
	p, dsn := through(t, testDSN(t))
	db := openMigrated(t, dsn)
	e := running(t, db, EventsDefaults())
	es := uses("h1:k:a", 1, 200)
	put(t, e, use("h1:k:b", 0)) // the user agent is known from here on
	p.cut.Store(16 << 10)
	put(t, e, es...)
	if n := p.cuts.Load(); n != 1 {
		t.Fatalf("%d answers were lost, want 1", n)
	}
	if n := e.Stats().Failures; n == 0 {
		t.Fatal("the storer noticed nothing")
	}
	if raw := one[uint64](t, db, "SELECT count() FROM session_events WHERE token = 'h1:k:a'"); raw < uint64(len(es)) {
		t.Fatalf("%d rows, want at least %d", raw, len(es))
	}
	if n := one[uint64](t, db, "SELECT count() FROM events WHERE token = 'h1:k:a'"); n != uint64(len(es)) {
		t.Errorf("%d events, want %d", n, len(es))
	}
}

// While ClickHouse is away the storer holds two blocks and refuses more; once it is back all of what was taken is stored.
func TestAwayAndBack(t *testing.T) {
	p, dsn := through(t, testDSN(t))
	db := openMigrated(t, dsn)
	e := running(t, db, StorerConfig{BlockRows: 100, BlockBytes: 64 << 20, Interval: 10 * time.Millisecond})
	c := put(t, e, use("h1:k:b", 0))
	if !c.Healthy() {
		t.Error("not healthy after an insert")
	}
	p.away.Store(true)
	p.hangUp()
	next, err := int64(1), error(nil)
	for ; err == nil; next += 50 {
		err = c.Append(t.Context(), uses("h1:k:a", next, next+50), next+50)
	}
	next -= 50
	if !errors.Is(err, ErrBehind) {
		t.Fatalf("Append: %v", err)
	}
	if c.Healthy() {
		t.Error("healthy while inserts fail")
	}
	if next > 300 {
		t.Errorf("%d rows were taken with two blocks of 100", next)
	}
	if n := e.Stats().Waiting; n != int(next-1) {
		t.Errorf("%d rows wait, want %d", n, next-1)
	}
	if s := c.Stored(); s != 1 {
		t.Errorf("stored up to %d while ClickHouse was away", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain while ClickHouse is away: %v", err)
	}
	p.away.Store(false)
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := c.Stored(); s != next || !c.Healthy() {
		t.Errorf("stored up to %d, want %d; healthy %v", s, next, c.Healthy())
	}
	if n := one[uint64](t, db, "SELECT count() FROM events WHERE token = 'h1:k:a'"); n != uint64(next-1) {
		t.Errorf("%d events, want %d", n, next-1)
	}
	if n := e.Stats().Waiting; n != 0 {
		t.Errorf("%d rows wait after all was stored", n)
	}
}

// ClickHouse that takes an insert and never answers is not healthy.
func TestHanging(t *testing.T) {
	p, dsn := through(t, testDSN(t))
	db := openMigrated(t, dsn)
	e := running(t, db, StorerConfig{BlockRows: 10, BlockBytes: 64 << 20, Interval: time.Millisecond})
	e.hang = 20 * time.Millisecond
	c := put(t, e, use("h1:k:b", 0))
	p.deaf.Store(true)
	var err error
	for next := int64(1); err == nil; next += 10 {
		err = c.Append(t.Context(), uses("h1:k:a", next, next+10), next+10)
	}
	if !errors.Is(err, ErrBehind) || c.Healthy() {
		t.Errorf("Append: %v, healthy %v", err, c.Healthy())
	}
	p.deaf.Store(false)
	p.hangUp()
	if err := c.Drain(t.Context()); err != nil || !c.Healthy() {
		t.Errorf("Drain: %v, healthy %v", err, c.Healthy())
	}
}

// Slow but healthy means back-pressure: Append waits, and loses nothing.
func TestBackPressure(t *testing.T) {
	db := newDB(t)
	e := running(t, db, StorerConfig{BlockRows: 20, BlockBytes: 64 << 20, Interval: time.Hour})
	c := e.Cursor(3, 0)
	for o := int64(0); o < 400; o += 10 {
		if err := c.Append(t.Context(), uses("h1:k:a", o, o+10), o+10); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := one[uint64](t, db, "SELECT count() FROM events"); n != 400 {
		t.Errorf("%d events, want 400", n)
	}
	if s := e.Stats(); s.Rows != 400 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

// Rows of a lane that is gone are stored all the same, but tell its successor nothing.
func TestStaleCursor(t *testing.T) {
	db := newDB(t)
	e := running(t, db, StorerConfig{BlockRows: 1000, BlockBytes: 64 << 20, Interval: time.Hour})
	dead, alive := e.Cursor(3, 0), e.Cursor(3, 0)
	if err := dead.Append(t.Context(), uses("h1:k:a", 0, 50), 50); err != nil {
		t.Fatal(err)
	}
	if err := alive.Append(t.Context(), uses("h1:k:a", 0, 5), 5); err != nil {
		t.Fatal(err)
	}
	if err := alive.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dead.Stored() != 50 || alive.Stored() != 5 {
		t.Errorf("dead is at %d, alive at %d", dead.Stored(), alive.Stored())
	}
}

// A batch of dead letters alone has no rows, and its offset counts once all rows before it are stored.
func TestProgressWithoutRows(t *testing.T) {
	db := newDB(t)
	e := running(t, db, StorerConfig{BlockRows: 1000, BlockBytes: 64 << 20, Interval: time.Millisecond})
	c := e.Cursor(3, 7)
	if c.Stored() != 7 {
		t.Errorf("a new cursor is at %d", c.Stored())
	}
	if err := c.Append(t.Context(), nil, 12); err != nil {
		t.Fatal(err)
	}
	if err := c.Drain(t.Context()); err != nil || c.Stored() != 12 {
		t.Errorf("stored up to %d: %v", c.Stored(), err)
	}
}

func TestManyLanesShareBlocks(t *testing.T) {
	db := newDB(t)
	e := running(t, db, StorerConfig{BlockRows: 1000, BlockBytes: 64 << 20, Interval: 50 * time.Millisecond})
	var wg sync.WaitGroup
	for p := range int32(8) {
		wg.Go(func() {
			c := e.Cursor(p, 0)
			for o := int64(0); o < 500; o += 25 {
				es := uses(fmt.Sprintf("h1:k:%d", p), o, o+25)
				for i := range es {
					es[i].Partition = p
				}
				if err := c.Append(t.Context(), es, o+25); err != nil {
					t.Error(err)
				}
			}
			if err := c.Drain(t.Context()); err != nil || c.Stored() != 500 {
				t.Errorf("lane %d is at %d: %v", p, c.Stored(), err)
			}
		})
	}
	wg.Wait()
	if n := one[uint64](t, db, "SELECT uniqExact(partition, offset) FROM events"); n != 4000 {
		t.Errorf("%d events, want 4000", n)
	}
	if s := e.Stats(); s.Blocks > 40 {
		t.Errorf("%d blocks for 160 batches: not merged", s.Blocks)
	}
}

func TestStopped(t *testing.T) {
	db := newDB(t)
	e, err := NewEvents(db, EventsDefaults(), discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	e.Run(ctx)
	c := e.Cursor(3, 0)
	if err := c.Append(t.Context(), nil, 1); !errors.Is(err, ErrStopped) {
		t.Errorf("Append after Run has ended: %v", err)
	}
}

// An insert in flight is finished when the program stops.
func TestStopFinishesTheInsert(t *testing.T) {
	db := newDB(t)
	e, err := NewEvents(db, StorerConfig{BlockRows: 50_000, BlockBytes: 64 << 20, Interval: time.Hour}, discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	c := e.Cursor(3, 0)
	e.mu.Lock()
	news := e.news
	e.mu.Unlock()
	if err := c.Append(t.Context(), traffic(50_000, 100, 0), 50_000); err != nil {
		t.Fatal(err)
	}
	<-news // it is being sent
	stop()
	<-done
	if n := one[uint64](t, db, "SELECT count() FROM session_events"); n != 50_000 || c.Stored() != 50_000 {
		t.Errorf("%d rows, stored up to %d", n, c.Stored())
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	b, err := newEventBlock(new(known))
	if err != nil {
		t.Fatal(err)
	}
	es := traffic(1000, 500, 0)
	fill := func() {
		for range 10 {
			if err := b.add(es); err != nil {
				t.Fatal(err)
			}
		}
		b.reset()
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("%v allocations per 10,000 rows", n)
	}
}

// No timestamp holds up the rows after it: neither one that ClickHouse's types can't hold, nor a block of more weeks than the 100 partitions
// that an insert may usually write.
func TestStrangeTimestamps(t *testing.T) {
	for name, dsn := range transports(t) {
		t.Run(name, func(t *testing.T) {
			db := openMigrated(t, dsn)
			e := running(t, db, EventsDefaults())
			var es []schema.Event
			for _, ns := range []int64{math.MinInt64, -1_000_000, 0, 1, math.MaxInt64} {
				es = append(es, use("h1:k:a", int64(len(es))))
				es[len(es)-1].Time, es[len(es)-1].RecordTime, es[len(es)-1].UserAgent = ns, ns, "agent "+strconv.Itoa(len(es))
			}
			for w := range int64(300) {
				x := use("h1:k:a", 1000+w)
				x.RecordTime += w * int64(week)
				es = append(es, x)
			}
			put(t, e, es...)
			if s := e.Stats(); s.Failures > 0 || s.Rows != uint64(len(es)) || s.Waiting != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Large rows fill a block by their bytes.
func TestBlocksAreBoundedInBytes(t *testing.T) {
	db := newDB(t)
	e := running(t, db, StorerConfig{BlockRows: 100_000, BlockBytes: 100_000, Interval: time.Hour})
	c := e.Cursor(3, 0)
	for o := range int64(500) {
		x := use("h1:k:a", o)
		x.Path = strings.Repeat("p", 2048)
		if err := c.Append(t.Context(), []schema.Event{x}, o+1); err != nil {
			t.Fatal(err)
		}
		if n := e.Stats().Waiting; n > 80 {
			t.Fatalf("%d rows of over 2 KB wait in two blocks of 100 KB", n)
		}
	}
}

func TestStorerConfig(t *testing.T) {
	for _, tt := range []struct {
		cfg  StorerConfig
		want string
	}{
		{EventsDefaults(), ""},
		{StorerConfig{BlockBytes: 1 << 20, Interval: time.Second}, "rows of a block: 0 is less than 1"},
		{StorerConfig{BlockRows: 1, Interval: time.Second}, "bytes of a block: 0 is less than 1024"},
		{StorerConfig{BlockRows: 1, BlockBytes: 1 << 20}, "interval of inserts: 0s is not positive"},
	} {
		if got := errorText(tt.cfg.Validate()); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.cfg, got, tt.want)
		}
	}
}
