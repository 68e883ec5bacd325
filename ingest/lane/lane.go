package lane

import (
	"context"

	"github.com/hijackd/hijackd/schema"
)

// Lane is the work on one partition. All methods but Wake are called on one goroutine.
type Lane interface {
	// Open rebuilds the state and returns the offset to read from, which may lie before a.Committed.
	Open(ctx context.Context, a schema.Assignment) (from int64, err error)
	// Process handles one fetched batch. After an error the lane is discarded and a new one starts at the commit.
	Process(ctx context.Context, b Batch) error
	// Wake yields when Work has something to do: an answer, a delivery, a timer.
	Wake() <-chan struct{}
	// Work handles what Wake announced.
	Work(ctx context.Context) error
	// Durable is the offset before which nothing would be lost by a crash.
	Durable() int64
	// Close finishes what is in flight, for as long as ctx allows; with an expired ctx it drops everything.
	Close(ctx context.Context)
}

// Batch is what one fetch brought. Its records are valid until Process returns.
type Batch struct {
	Records []schema.Record
	Next    int64 // the offset after the last record
}
