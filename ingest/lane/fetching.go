package lane

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/ingest/broker"
)

const maxFetchPause = 2 * time.Second

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

func startFetching(ctx context.Context, g *Group, log *slog.Logger, topic string, partition int32, from int64) *fetching {
	ctx, cancel := context.WithCancel(ctx)
	f := &fetching{full: make(chan *fetched), free: make(chan *fetched, 2), stop: cancel}
	f.free <- new(fetched)
	f.free <- new(fetched)
	go f.loop(ctx, g, log, g.client.Fetcher(topic, partition, from, g.cfg.MaxFetchBytes, g.cfg.FetchWait))
	return f
}

func (f *fetching) loop(ctx context.Context, g *Group, log *slog.Logger, from *broker.Fetcher) {
	for {
		var b *fetched
		select {
		case b = <-f.free:
		case <-ctx.Done():
			return
		}
		at := from.Next()
		b.err = from.Fetch(ctx, &b.Batch)
		for pause := 50 * time.Millisecond; b.err != nil && passing(b.err); pause = min(2*pause, maxFetchPause) {
			g.m.fetchErrors.Inc()
			if 2*pause >= maxFetchPause && pause < maxFetchPause {
				log.Warn("fetching keeps failing, goes on trying", slog.String("error", clean(b.err)))
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			b.err = from.Fetch(ctx, &b.Batch)
		}
		if b.err == nil && b.Next == at && len(b.Records) == 0 {
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
