package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/schema"
)

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
	Records     *prometheus.CounterVec // of Metrics: those that count what this kind of lane reads

	topic     string
	partition int32
	store     Changelog[E]
	rows      []E
	keys      []schema.Key
	pos       int64  // everything before it is folded or waits
	behind    bool   // rows since some offset are not handed over: what is stored stands still
	broken    bool   // something folded was not published: nothing more is durable
	known     filter // keys that have a history
	index     *index // nil once known is complete: before, every key may have a history
	waiting   waiting[E]
	relieved  time.Time // when the storer was last waited for to free memory
	sums      sums
	dead      []Outgoing
}

// chunk is how many events are folded between two publications.
const chunk = 256

// Open reads which keys have a history. If that can't be read soon the lane goes on, and looks up every key that is not in memory.
func (l *Detecting[E]) Open(ctx context.Context, a schema.Assignment) (int64, error) {
	l.topic, l.partition, l.pos = a.Topic, a.Partition, a.Committed
	l.sums.init(l.Fold)
	// What came before the commit is known; read again, it is folded as of then, so that the same comes of it.
	l.pos = l.sums.rewind(a.Committed, a.First)
	l.store = l.Changelog(a.Partition, l.pos)
	l.rows = make([]E, chunk)
	l.waiting.init()
	var attempted <-chan struct{}
	l.index, attempted = readIndex(ctx, l.store.Seen, l.waiting.rouse, l.Log)
	select {
	case <-attempted:
	case <-time.After(patience):
		l.Log.Info("takeover before the history's index is read")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	l.takeIndex()
	return l.pos, nil
}

// takeIndex adds the keys that the index has to those that came meanwhile.
func (l *Detecting[E]) takeIndex() {
	if l.index == nil {
		return
	}
	select {
	case f := <-l.index.read:
		l.known.merge(f)
		l.index.stop()
		l.index = nil
	default:
	}
}

// Process is the life of a batch of events: decode → load → fold and rules → publish → store.
//
// A crash before publish leaves nothing behind: the batch is read again. After it, the same outputs are published again under the same
// ids. After store, rows past the commit exist; loads as of the commit leave them out, and the same fold writes the same rows again. What
// a chunk leaves in the outbox is published with the last one, before there is a commit.
func (l *Detecting[E]) Process(ctx context.Context, b Batch) error {
	for recs := b.Records; len(recs) > 0; {
		if err := l.makeRoom(ctx); err != nil {
			return err
		}
		part := recs[:min(chunk, len(recs))]
		recs = recs[len(part):]
		rows := l.decode(part)
		if err := l.Publish(ctx, l.dead); err != nil {
			return fmt.Errorf("publish dead letters: %w", err)
		}
		l.dead = l.dead[:0]
		l.warm(rows)
		l.sums.change(part[0].Offset)
		for i := range rows {
			l.fold(&rows[i])
		}
		next := b.Next
		if len(recs) > 0 {
			next = recs[0].Offset
		}
		if err := l.publish(ctx, len(recs) == 0); err != nil {
			return err
		}
		if err := l.append(ctx, rows, next); err != nil {
			return err
		}
		l.pos = next
		if err := l.relieve(ctx); err != nil {
			return err
		}
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
	l.Records.WithLabelValues("accepted").Add(float64(n))
	l.Records.WithLabelValues("dead_letter").Add(float64(len(recs) - n))
	return l.rows[:n]
}

// warm has the state of a chunk's keys ready.
func (l *Detecting[E]) warm(rows []E) {
	w, ok := l.Fold.(warmer)
	if !ok {
		return
	}
	l.keys = l.keys[:0]
	for i := range rows {
		l.keys = append(l.keys, l.Fold.Key(&rows[i]))
	}
	w.Warm(l.keys)
}

// fold folds an event whose key is in memory or new; one whose key has a history that isn't, waits for it and holds up no other.
func (l *Detecting[E]) fold(e *E) {
	s := l.Fold.Subject(e)
	if s.Name == "" {
		l.Fold.Fold(e)
		return
	}
	k := l.Fold.Key(e)
	if l.waiting.holds(k) {
		l.waiting.add(k, s, l.Clone(e), l.position(e))
		return
	}
	if !l.Fold.Has(k) {
		h := l.store.Hash(s)
		if l.index != nil || l.known.has(h) {
			l.known.add(h)
			l.waiting.add(k, s, l.Clone(e), l.position(e))
			return
		}
		l.known.add(h)
		l.Fold.Load(k, nil, true)
	}
	l.Fold.Fold(e)
}

func (l *Detecting[E]) position(e *E) int64 { return l.Position(l.partition, e) }

func (l *Detecting[E]) publish(ctx context.Context, all bool) error {
	if err := l.Publish(ctx, l.Fold.Outbox(all)); err != nil {
		l.broken = true
		return fmt.Errorf("publish what was found: %w", err)
	}
	if all {
		l.sums.published()
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
	healthy := l.store.Healthy()
	if l.behind && healthy {
		return fmt.Errorf("%w: storing works again", ErrStartAgain)
	}
	l.takeIndex()
	l.Fold.Stored(l.store.Stored())
	answered := l.waiting.answered(func(k schema.Key, w *wait[E], history []*E) {
		l.settle(k, w, history, true)
	})
	if answered && l.waiting.degraded() {
		l.broken = true // what was settled just now is not published
		return fmt.Errorf("%w: history is back", ErrStartAgain)
	}
	l.waiting.expired(l.behind || !healthy, func(k schema.Key, w *wait[E], _ []*E) {
		l.Metrics.without.Inc()
		l.settle(k, w, nil, false)
	})
	l.Metrics.waiting.WithLabelValues(l.topic, fmt.Sprint(l.partition)).Set(float64(l.waiting.len()))
	l.sums.flushIfDue(l.stored())
	if err := l.publish(ctx, true); err != nil {
		return err
	}
	l.lookUp(ctx)
	return nil
}

func (l *Detecting[E]) settle(k schema.Key, w *wait[E], history []*E, complete bool) {
	l.Fold.Load(k, history, complete)
	l.sums.change(w.first)
	for _, e := range w.events {
		l.Fold.Fold(e)
	}
}

// lookUp asks for the history of the keys that wait. While rows that were read are not stored, an answer would lack them.
func (l *Detecting[E]) lookUp(ctx context.Context) {
	if l.behind {
		return
	}
	l.waiting.ask(ctx, l.store, l.position)
}

// Durable is what is stored, published and waits for nothing.
func (l *Detecting[E]) Durable() int64 {
	if l.store == nil || l.broken {
		return 0
	}
	return l.sums.durable(l.stored())
}

// stored is what is stored and waits for nothing.
func (l *Detecting[E]) stored() int64 { return min(l.store.Stored(), l.waiting.oldest(l.pos)) }
