package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// modelTable is a ClickHouse that keeps every row it was ever sent until it collapses them, may be away, may fail reads alone, and
// answers when it likes.
type modelTable struct {
	mu       sync.Mutex
	r        *rand.Rand
	rows     []toy
	down     bool
	readFail bool
	last     bool     // of several rows with one identity it keeps the last instead of the first
	late     []func() // inserts of lanes that are gone, which may still arrive
}

func (t *modelTable) insert(rows []toy) { t.rows = append(t.rows, rows...) }

// first is the smallest offset of each identity.
func (t *modelTable) first() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := map[string]int64{}
	for _, r := range t.rows {
		id := r.key + " " + r.id
		if o, ok := m[id]; !ok || r.offset < o {
			m[id] = r.offset
		}
	}
	return m
}

// holds reports an identity that came first before an offset and is not stored so.
func (t *modelTable) holds(first map[string]int64, before int64) error {
	stored := t.first()
	for id, at := range first {
		if got, ok := stored[id]; at < before && (!ok || got != at) {
			return fmt.Errorf("committed %d, identity %s of %d is stored at %d (%v)", before, id, at, got, ok)
		}
	}
	return nil
}

// asOf are the rows of some keys before an offset, one per identity, in offset order.
func (t *modelTable) asOf(before int64, subjects []schema.Subject) []toy {
	first, rows := map[string]toy{}, t.rows
	if t.last {
		last := map[string]toy{}
		for _, r := range t.rows {
			if old, ok := last[r.key+" "+r.id]; !ok || r.offset > old.offset {
				last[r.key+" "+r.id] = r
			}
		}
		rows = slices.Collect(maps.Values(last))
	}
	for _, r := range rows {
		id := r.key + " " + r.id
		if old, ok := first[id]; r.offset < before && slices.Contains(subjects, schema.Subject{Name: r.key}) && (!ok || r.offset < old.offset) {
			first[id] = r
		}
	}
	rows = nil
	for _, r := range first {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b toy) int { return cmp.Compare(a.offset, b.offset) })
	return rows
}

// modelLog is one lane's hold on the table: what waits to be inserted, and how far the table has acknowledged.
type modelLog struct {
	t       *modelTable
	pending []modelBlock
	stored  int64
}

type modelBlock struct {
	rows []toy
	next int64
}

var errAway = errors.New("away")

func (c *modelLog) Append(_ context.Context, rows []toy, next int64) error {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if len(c.pending) >= 3 {
		if c.t.down {
			return ErrBehind
		}
		c.deliver(true)
	}
	c.pending = append(c.pending, modelBlock{slices.Clone(rows), next})
	return nil
}

// deliver inserts what waits. Some inserts are applied and their answer is lost: they are repeated later.
func (c *modelLog) deliver(all bool) {
	for len(c.pending) > 0 && !c.t.down {
		c.t.insert(c.pending[0].rows)
		if !all && c.t.r.IntN(4) == 0 {
			return
		}
		c.stored = c.pending[0].next
		c.pending = c.pending[1:]
	}
}

func (c *modelLog) Stored() int64 {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	return c.stored
}

func (c *modelLog) Drain(ctx context.Context) error {
	c.t.mu.Lock()
	down := c.t.down
	c.deliver(true)
	c.t.mu.Unlock()
	if down {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (c *modelLog) Healthy() bool {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	return !c.t.down
}

func (c *modelLog) Hash(s schema.Subject) uint64 { return (&toyLog{}).Hash(s) }

// answer waits for as long as the table takes to answer, then says whether it does.
func (c *modelLog) answer(ctx context.Context) error {
	c.t.mu.Lock()
	took := []time.Duration{0, 50 * time.Millisecond, 50 * time.Millisecond, time.Second, 7 * time.Second, 40 * time.Second}[c.t.r.IntN(6)]
	obedient := c.t.r.IntN(2) == 0
	c.t.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		if obedient {
			return ctx.Err()
		}
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if c.t.down || c.t.readFail {
		return errAway
	}
	return nil
}

func (c *modelLog) Seen(ctx context.Context, each func(uint64)) error {
	if err := c.answer(ctx); err != nil {
		return err
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	for _, r := range c.t.rows {
		each(c.Hash(schema.Subject{Name: r.key}))
	}
	return nil
}

func (c *modelLog) Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *toy)) error {
	c.t.mu.Lock()
	early := c.t.r.IntN(2) == 0
	rows := c.t.asOf(before, subjects)
	c.t.mu.Unlock()
	if err := c.answer(ctx); err != nil {
		return err
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if !early {
		rows = c.t.asOf(before, subjects)
	}
	for i := range rows {
		each(schema.Subject{Name: rows[i].key}, &rows[i])
	}
	return nil
}
