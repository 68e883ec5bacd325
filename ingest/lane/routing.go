package lane

import (
	"context"
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

// Routing is the lane of a topic whose events of one token are not in one partition: it writes each event again, to the partition of
// its token on a topic of hijackd's own, where token lanes read it. It keeps no state; what it writes twice after a crash is known by
// its identity.
type Routing struct {
	// Assigned tells Route its partition, once.
	Assigned func(partition int32)
	// Route says where a record goes. A record that can't be an event becomes a dead letter: its reason and its JSON form.
	Route       func(r *schema.Record) (out Outgoing, reason string, letter []byte)
	Publish     Publish
	DeadLetters string // topic
	Metrics     *Metrics

	pos int64
}

// Open begins at the commit.
func (l *Routing) Open(_ context.Context, a schema.Assignment) (int64, error) {
	l.pos = a.Committed
	l.Assigned(a.Partition)
	return l.pos, nil
}

// Process routes a batch. A crash before the publication loses nothing, the batch is read again; after it, events are there twice.
func (l *Routing) Process(ctx context.Context, b Batch) error {
	out := make([]Outgoing, 0, len(b.Records))
	for i := range b.Records {
		o, reason, letter := l.Route(&b.Records[i])
		if reason != "" {
			l.Metrics.deadLetters.WithLabelValues(reason).Inc()
			o = Outgoing{Topic: l.DeadLetters, Value: letter}
		}
		out = append(out, o)
	}
	if err := l.Publish(ctx, out); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	l.Metrics.Events.WithLabelValues("routed").Add(float64(len(out)))
	l.pos = b.Next
	return nil
}

// Wake never yields: a routing lane waits for nothing.
func (l *Routing) Wake() <-chan struct{} { return nil }

// Work has nothing to do.
func (l *Routing) Work(context.Context) error { return nil }

// Durable is what is published.
func (l *Routing) Durable() int64 { return l.pos }

// Close has nothing to finish.
func (l *Routing) Close(context.Context) {}
