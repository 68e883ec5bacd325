package lane

import (
	"context"
	"errors"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/ingest/broker"
)

// fetching keeps one batch ahead of a lane: while one is worked on, the next one is fetched into the other buffer.
type fetching struct {
	full chan *fetched
	free chan *fetched
	stop context.CancelFunc
}

type fetched struct {
	broker.Batch
	err error
}

func startFetching(ctx context.Context, g *Group, topic string, partition int32, from int64) *fetching {
	ctx, cancel := context.WithCancel(ctx)
	f := &fetching{full: make(chan *fetched), free: make(chan *fetched, 2), stop: cancel}
	f.free <- new(fetched)
	f.free <- new(fetched)
	go f.loop(ctx, g, g.client.Fetcher(topic, partition, from, g.cfg.MaxFetchBytes, g.cfg.FetchWait))
	return f
}

func (f *fetching) loop(ctx context.Context, g *Group, from *broker.Fetcher) {
	for {
		var b *fetched
		select {
		case b = <-f.free:
		case <-ctx.Done():
			return
		}
		b.err = from.Fetch(ctx, &b.Batch)
		for pause := 50 * time.Millisecond; b.err != nil && passing(b.err); pause = min(2*pause, 2*time.Second) {
			g.m.fetchErrors.Inc()
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			b.err = from.Fetch(ctx, &b.Batch)
		}
		if b.err == nil && b.HighWatermark == b.Next && len(b.Records) == 0 {
			f.free <- b
			continue
		}
		select {
		case f.full <- b:
		case <-ctx.Done():
			return
		}
		if b.err != nil {
			return
		}
	}
}

// passing reports whether a failed fetch is worth repeating from the same place: everything but an offset that isn't there.
func passing(err error) bool { return !errors.Is(err, kafka.OffsetOutOfRange) }
