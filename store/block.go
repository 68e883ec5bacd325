package store

import (
	"context"
	"time"
)

// block holds the rows of one insert.
type block[E any] interface {
	// add copies rows.
	add(es []E) error
	// write sends what was added, and may be repeated at will.
	write(ctx context.Context, db *DB) error
	// reset empties the block for its next use.
	reset()
	rows() int
	// bytes is what the rows weigh in memory.
	bytes() int
}

// batch is what one insert writes: the rows of many lanes, and how far each lane is once it is written.
type batch[E any] struct {
	block[E]
	marks map[*Cursor[E]]int64
	since time.Time // of the first thing in it
}

func (b *batch[E]) empty() bool { return len(b.marks) == 0 }

// done tells the lanes and empties the block.
func (b *batch[E]) done() {
	for c, next := range b.marks {
		c.stored.Store(next)
	}
	clear(b.marks)
	b.reset()
}
