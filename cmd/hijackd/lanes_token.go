package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// tokenLanes makes the lanes of the event topic.
type tokenLanes struct {
	key       *fingerprint.Key
	databases *enrich.Databases
	options   func() detect.Options
	events    *store.Events
	publisher *publisher
	log       *slog.Logger
	lanes     *lane.Metrics
	metrics   *eventMetrics
}

// lane makes the lane of one start: everything it holds is its own.
func (t *tokenLanes) lane() lane.Lane {
	in := &intake{enricher: enrich.New(t.databases), key: t.key, topic: t.publisher.topics.events, metrics: t.metrics}
	return &lane.Detecting[schema.Event]{
		Fold:   &tokenFold{intake: in, tokens: detect.NewTokens(t.options()), publisher: t.publisher, log: t.log},
		Decode: in.decode,
		Clone:  (*schema.Event).Clone,
		Changelog: func(partition int32, from int64) lane.Changelog[schema.Event] {
			in.assign(partition)
			return &changelog[schema.Event]{t.events.Cursor(partition, from)}
		},
		Position:    position,
		Publish:     t.publisher.publish,
		DeadLetters: t.publisher.topics.dead,
		Log:         t.log,
		Metrics:     t.lanes,
		Records:     t.lanes.Events,
	}
}

func position(partition int32, e *schema.Event) int64 {
	if e.Partition != partition {
		return -1
	}
	return e.Offset
}

// intake turns the records of one lane into events: decode, then geo and user agent.
type intake struct {
	key      *fingerprint.Key
	decoder  *decode.Decoder
	enricher *enrich.Enricher
	topic    string
	part     int32
	metrics  *eventMetrics
	counted  decode.Counts // what metrics have heard of
}

func (in *intake) assign(partition int32) {
	in.part, in.decoder = partition, decode.New(in.key.Hasher(), partition)
}

func (in *intake) decode(r *schema.Record, e *schema.Event) (string, []byte) {
	if reject := in.decoder.Decode(r, e); reject != nil {
		return reject.Reason.String(), decode.DeadLetter(nil, in.topic, in.part, r, reject)
	}
	in.enricher.Enrich(e)
	return "", nil
}

// tokenFold is the token fold as a lane sees it: what it finds goes to the signals topic, what it sees to the sightings topic, its notes
// back onto the event topic.
type tokenFold struct {
	intake    *intake
	tokens    *detect.Tokens
	publisher *publisher
	log       *slog.Logger
	out       detect.Output
	// blind says that a token was judged without its history, so that apps are counted wrongly from then on. What was counted before is
	// told, in kept, and no more: the lane starts again when there is history.
	blind bool
	kept  []lane.Outgoing
	again int64 // events before this offset are read again
	old   detect.Output
}

func (f *tokenFold) Subject(e *schema.Event) schema.Subject { return f.tokens.Subject(e) }
func (f *tokenFold) Key(e *schema.Event) schema.Key         { return f.tokens.Key(e) }
func (f *tokenFold) Has(k schema.Key) bool                  { return f.tokens.Has(k) }
func (f *tokenFold) Warm(ks []schema.Key)                   { f.tokens.Warm(ks) }
func (f *tokenFold) Stored(before int64)                    { f.tokens.Stored(before) }
func (f *tokenFold) Pressed() bool                          { return f.tokens.Pressed() }
func (f *tokenFold) Close()                                 { f.tokens.Close() }
func (f *tokenFold) Load(k schema.Key, history []*schema.Event, complete bool) {
	if !complete && !f.blind {
		f.Flush()
		f.kept, f.blind = f.publisher.outgoing(&f.out, true, f.log), true
	}
	f.tokens.Load(k, history, complete)
}

// Fold leaves out what events cause that are read again, save the counts.
func (f *tokenFold) Fold(e *schema.Event) {
	if e.Offset >= f.again {
		f.tokens.Fold(e, &f.out)
		return
	}
	f.tokens.Fold(e, &f.old)
	for _, g := range f.old.Sightings {
		if g.Kind == schema.SightingCounts {
			f.out.Sightings = append(f.out.Sightings, g)
		}
	}
	f.old.Reset()
}

// Outbox publishes sightings by the thousand, where more are to come: each of their partitions costs a request.
func (f *tokenFold) Outbox(all bool) []lane.Outgoing {
	f.intake.metrics.add(&f.intake.counted, f.intake.decoder.Counts())
	if f.blind {
		f.out.Sightings = slices.DeleteFunc(f.out.Sightings, func(g schema.Sighting) bool { return g.Kind == schema.SightingCounts })
	}
	out := f.publisher.outgoing(&f.out, all || len(f.out.Sightings) >= 1000, f.log)
	if f.kept != nil {
		out, f.kept = append(f.kept, out...), nil
	}
	return out
}

// Rewind is the start of the stretch of offsets in which apps are counted together.
func (f *tokenFold) Rewind(offset int64) int64 { return f.tokens.Rewind(offset) }

// Again says up to where events are read again.
func (f *tokenFold) Again(before int64) { f.again = before }

// Flush has the counts of apps go out as they are.
func (f *tokenFold) Flush() { f.tokens.FlushCounts(&f.out) }

// changelog is a store cursor as a lane sees it.
type changelog[E any] struct{ *store.Cursor[E] }

func (c *changelog[E]) Append(ctx context.Context, rows []E, next int64) error {
	err := c.Cursor.Append(ctx, rows, next)
	if errors.Is(err, store.ErrBehind) {
		return lane.ErrBehind
	}
	return err
}

func (c *changelog[E]) Hash(s schema.Subject) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(s.Tenant)
	_, _ = d.WriteString("\x00")
	_, _ = d.WriteString(s.Name)
	return d.Sum64()
}
