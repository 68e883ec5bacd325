package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

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
	// Fold adds one event; what it causes waits in the outbox.
	Fold(e *E)
	// Stored says that everything before the offset is stored: keys last touched before it may be evicted.
	Stored(before int64)
	// Outbox hands out what the folded events caused, ready to publish, and empties itself.
	Outbox() []Outgoing
	// Close gives up the state.
	Close()
}

// Outgoing is a record to publish to one partition of one topic.
type Outgoing struct {
	Topic      string
	Partition  int32
	Key, Value []byte
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

// Detecting is the lane of everything that detects.
type Detecting[E any] struct {
	// Every start of a lane gets its own.
	Fold      Fold[E]
	Decode    Decode[E]
	Clone     func(*E) *E
	Changelog func(partition int32, from int64) Changelog[E]
	// Position is an event's offset in this lane's partition, -1 for one that another partition holds.
	Position func(partition int32, e *E) int64

	Publish     Publish
	DeadLetters string // topic
	Log         *slog.Logger
	Metrics     *Metrics

	partition int32
	store     Changelog[E]
	rows      []E
	pos       int64   // everything before it is folded or waits
	behind    bool    // rows since some offset are not handed over: what is stored stands still
	degraded  bool    // some key was judged without history
	known     *filter // nil while unknown: then every key may have a history
	waiting   waiting[E]
	dead      []Outgoing
}

const (
	chunk = 256 // events between two publications
	// patience is how long a key waits for its history before it is judged without.
	patience = 5 * time.Second
)

// Open reads which keys have a history. If that can't be read, the lane goes on: keys that are not in memory then wait for patience.
func (l *Detecting[E]) Open(ctx context.Context, a schema.Assignment) (int64, error) {
	l.partition, l.pos = a.Partition, a.Committed
	l.store = l.Changelog(a.Partition, a.Committed)
	l.rows = make([]E, chunk)
	l.waiting.init()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	known := new(filter)
	if err := l.store.Seen(ctx, known.add); err != nil {
		l.Log.Warn("takeover without the history's index", slog.String("error", clean(err)))
		l.degraded = true
		return l.pos, nil
	}
	l.known = known
	return l.pos, nil
}

// Process is the life of a batch of events: decode → load → fold and rules → publish → store.
//
// A crash before publish leaves nothing behind: the batch is read again. After it, the same outputs are published again under the same
// ids. After store, rows past the commit exist; loads as of the commit leave them out, and the same fold writes the same rows again.
func (l *Detecting[E]) Process(ctx context.Context, b Batch) error {
	for recs := b.Records; len(recs) > 0; {
		part := recs[:min(chunk, len(recs))]
		recs = recs[len(part):]
		rows := l.decode(part)
		if err := l.Publish(ctx, l.dead); err != nil {
			return fmt.Errorf("publish dead letters: %w", err)
		}
		l.dead = l.dead[:0]
		for i := range rows {
			l.fold(&rows[i])
		}
		if err := l.publish(ctx); err != nil {
			return err
		}
		next := b.Next
		if len(recs) > 0 {
			next = recs[0].Offset
		}
		if err := l.append(ctx, rows, next); err != nil {
			return err
		}
		l.pos = next
	}
	if len(b.Records) == 0 {
		if err := l.append(ctx, nil, b.Next); err != nil {
			return err
		}
		l.pos = b.Next
	}
	l.Fold.Stored(l.store.Stored())
	l.lookUp(ctx)
	return nil
}

func (l *Detecting[E]) decode(recs []schema.Record) []E {
	n := 0
	for i := range recs {
		reason, letter := l.Decode(&recs[i], &l.rows[n])
		if reason == "" {
			n++
			continue
		}
		l.Metrics.deadLetters.WithLabelValues(reason).Inc()
		l.dead = append(l.dead, Outgoing{Topic: l.DeadLetters, Value: letter})
	}
	l.Metrics.events.WithLabelValues("accepted").Add(float64(n))
	l.Metrics.events.WithLabelValues("dead_letter").Add(float64(len(recs) - n))
	return l.rows[:n]
}

// fold folds an event whose key is in memory or new; one whose key has a history that isn't, waits for it and holds up no other.
func (l *Detecting[E]) fold(e *E) {
	s := l.Fold.Subject(e)
	if s.Name == "" {
		return // it is about nothing that this lane keeps state of
	}
	k := l.Fold.Key(e)
	if l.waiting.holds(k) {
		l.waiting.add(k, s, l.Clone(e), l.position(e))
		return
	}
	if !l.Fold.Has(k) {
		h := l.store.Hash(s)
		if l.known == nil || l.known.has(h) {
			l.waiting.add(k, s, l.Clone(e), l.position(e))
			return
		}
		l.known.add(h)
		l.Fold.Load(k, nil, true)
	}
	l.Fold.Fold(e)
}

func (l *Detecting[E]) position(e *E) int64 { return l.Position(l.partition, e) }

func (l *Detecting[E]) publish(ctx context.Context) error {
	if err := l.Publish(ctx, l.Fold.Outbox()); err != nil {
		return fmt.Errorf("publish what was found: %w", err)
	}
	return nil
}

// append hands rows to the storer, or runs ahead of it: detection doesn't wait for ClickHouse, the commit does.
func (l *Detecting[E]) append(ctx context.Context, rows []E, next int64) error {
	if l.behind {
		return nil
	}
	err := l.store.Append(ctx, rows, next)
	if errors.Is(err, ErrBehind) {
		l.behind = true
		l.Log.Warn("storing is behind, detection goes on", slog.Int64("stored", l.store.Stored()))
		return nil
	}
	if err != nil {
		return fmt.Errorf("hand over for storing: %w", err)
	}
	return nil
}

// Wake yields when a look-up has been answered.
func (l *Detecting[E]) Wake() <-chan struct{} { return l.waiting.wake }

// Work folds the events whose history has come, or has been waited for long enough, and starts the lane again at its commit when
// ClickHouse is back after an absence in which something was left out.
func (l *Detecting[E]) Work(ctx context.Context) error {
	if (l.behind || l.degraded) && l.store.Healthy() {
		return fmt.Errorf("%w: history is back", ErrStartAgain)
	}
	l.Fold.Stored(l.store.Stored())
	l.waiting.answered(func(k schema.Key, w *wait[E], history []*E) {
		l.settle(k, w, history, true)
	})
	l.waiting.expired(patience, func(k schema.Key, w *wait[E]) {
		l.degraded = true
		l.Metrics.without.Inc()
		l.settle(k, w, nil, false)
	})
	l.Metrics.waiting.WithLabelValues(fmt.Sprint(l.partition)).Set(float64(l.waiting.len()))
	if err := l.publish(ctx); err != nil {
		return err
	}
	l.lookUp(ctx)
	return nil
}

func (l *Detecting[E]) settle(k schema.Key, w *wait[E], history []*E, complete bool) {
	l.Fold.Load(k, history, complete)
	for _, e := range w.events {
		l.Fold.Fold(e)
	}
}

// lookUp asks for the history of the keys that wait. While rows that were read are not stored, an answer would lack them.
func (l *Detecting[E]) lookUp(ctx context.Context) {
	if l.behind || l.known == nil {
		return
	}
	l.waiting.ask(ctx, l.store, l.position)
}

// Durable is what is stored, published and waits for nothing.
func (l *Detecting[E]) Durable() int64 {
	if l.store == nil {
		return 0
	}
	return min(l.store.Stored(), l.waiting.oldest(l.pos))
}

// Close stores what waits to be stored.
func (l *Detecting[E]) Close(ctx context.Context) {
	l.waiting.close()
	l.Fold.Close()
	if l.store == nil || l.behind || ctx.Err() != nil {
		return
	}
	if err := l.store.Drain(ctx); err != nil {
		l.Log.Info("lane closes before all is stored", slog.String("error", clean(err)))
	}
}
