package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Events stores events, the changelog of token lanes.
type Events = Storer[schema.Event]

// EventsDefaults returns inserts of 100,000 rows, 64 MiB (about 90,000 usual rows) or a second, whichever comes first: small inserts cost
// ClickHouse more than twice as much per row.
func EventsDefaults() StorerConfig {
	return StorerConfig{BlockRows: 100_000, BlockBytes: 64 << 20, Interval: time.Second}
}

// NewEvents returns a storer over db; Run makes it work.
func NewEvents(db *DB, cfg StorerConfig, log *slog.Logger) (*Events, error) {
	known := new(known)
	return newStorer(db, kind[schema.Event]{
		name:  "events",
		block: func() (block[schema.Event], error) { return newEventBlock(known) },
		load:  loadEvents,
		seen:  tokensSeen,
	}, cfg, log)
}

// eventBlock is events and the user agents that they need.
type eventBlock struct {
	events *eventTable
	agents []agent
	known  *known // user agents handed over, of all blocks; a storer fills one block at a time
}

func newEventBlock(k *known) (*eventBlock, error) {
	t, err := newEventTable()
	if err != nil {
		return nil, err
	}
	return &eventBlock{events: t, known: k}, nil
}

func (b *eventBlock) add(es []schema.Event) error {
	for i := range es {
		if err := b.events.append(&es[i], b.known.number(&es[i], &b.agents)); err != nil {
			return err
		}
	}
	return nil
}

func (b *eventBlock) rows() int  { return b.events.n }
func (b *eventBlock) bytes() int { return b.events.size }

// write sends the user agents, then the events: no event is ever there without its user agent.
func (b *eventBlock) write(ctx context.Context, db *DB) error {
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

func (b *eventBlock) reset() {
	b.events.reset()
	clear(b.agents)
	b.agents = b.agents[:0]
}
