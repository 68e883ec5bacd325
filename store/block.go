package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// block is what one insert writes: the rows of many lanes, the user agents that they need, and how far each lane is once it is written.
type block struct {
	events *table
	agents []agent
	marks  map[*Cursor]int64
	since  time.Time // of the first thing in it
}

func newBlock() (*block, error) {
	t, err := newTable()
	if err != nil {
		return nil, err
	}
	return &block{events: t, marks: make(map[*Cursor]int64)}, nil
}

func (b *block) add(es []schema.Event, k *known) error {
	for i := range es {
		if err := b.events.append(&es[i], k.number(&es[i], &b.agents)); err != nil {
			return err
		}
	}
	return nil
}

func (b *block) empty() bool { return len(b.marks) == 0 }

// write sends the user agents, then the events: no event is ever there without its user agent. Both may be repeated at will.
func (b *block) write(ctx context.Context, db *DB) error {
	if len(b.agents) > 0 {
		if err := insertAgents(ctx, db, b.agents); err != nil {
			return fmt.Errorf("insert user agents: %w", err)
		}
	}
	if b.events.n == 0 {
		return nil
	}
	if err := b.events.insert(ctx, db); err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	return nil
}

// done tells the lanes and empties the block for its next use.
func (b *block) done() {
	for c, next := range b.marks {
		c.stored.Store(next)
	}
	clear(b.marks)
	b.events.reset()
	clear(b.agents)
	b.agents = b.agents[:0]
}
