package lane

import (
	"context"
	"errors"

	"github.com/hijackd/hijackd/schema"
)

// Fold is what a detecting lane keeps in memory: the state of its keys, and the rules over it. It does no I/O and reads no clock.
type Fold[E any] interface {
	Subject(e *E) schema.Subject
	Key(e *E) schema.Key
	// Has reports whether the key's state is in memory.
	Has(k schema.Key) bool
	// Load begins a key with its stored rows in offset order; with complete false they could not be read, and what is found says so.
	Load(k schema.Key, history []*E, complete bool)
	// Fold adds one event; what it causes waits in the outbox. An event without a subject needs no Load.
	Fold(e *E)
	// Stored says that everything before the offset is stored: keys last touched before it may be evicted.
	Stored(before int64)
	// Outbox hands out what the folded events caused, ready to publish, and empties itself. With all false it may keep what is better
	// published together with more, and is in no hurry.
	Outbox(all bool) []Outgoing
	// Pressed reports whether the state outgrew its memory, since nothing of it may be evicted before more is stored.
	Pressed() bool
	// Close gives up the state.
	Close()
}

// warmer is a Fold that can have the state of many keys fetched from memory at once, ahead of their folding.
type warmer interface {
	Warm(ks []schema.Key)
}

// rewinder is a Fold whose outputs sum up stretches of the log: a lane that begins at an offset has to read from Rewind(offset) on, which is
// not after it, so that the sums come out as if it had never stopped.
type rewinder interface {
	Rewind(offset int64) int64
	// Again says that the events before an offset are read again: what they caused is published, and only sums are wanted of them.
	Again(before int64)
	// Flush puts the sums that have changed into the outbox.
	Flush()
}

// Outgoing is a record to publish to one partition of one topic.
type Outgoing struct {
	Topic      string
	Partition  int32
	Key, Value []byte
	Time       int64 // of the record, Unix nanoseconds; 0 means now
}

// Changelog is where a lane's rows are stored and read back from.
type Changelog[E any] interface {
	// Append hands rows over for storing, with the offset after them. ErrBehind says that they were not taken, since storing fails.
	Append(ctx context.Context, rows []E, next int64) error
	// Stored is the offset before which everything is stored.
	Stored() int64
	// Drain stores what waits.
	Drain(ctx context.Context) error
	// Load reads the rows of some keys before an offset, one per identity, each key's in offset order.
	Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *E)) error
	// Seen lists the hashes of all keys that have rows.
	Seen(ctx context.Context, each func(hash uint64)) error
	// Hash is the hash that Seen lists, of one key.
	Hash(s schema.Subject) uint64
	// Healthy reports whether storing and reading work at present.
	Healthy() bool
}

// ErrBehind is Changelog's word that rows were not taken: the lane runs ahead of what is stored, and Kafka keeps the rest.
var ErrBehind = errors.New("storing is behind")

// Decode turns a record into an event. A record that can't be one becomes a dead letter: its reason and its JSON form.
type Decode[E any] func(r *schema.Record, e *E) (reason string, letter []byte)

// Publish appends records to partitions; an error is an unknown outcome.
type Publish func(ctx context.Context, out []Outgoing) error
