package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

const commitEvery = time.Second

// run is one start of one lane.
type run struct {
	g         *Group
	gen       *kafka.Generation
	topic     string
	partition int32
	lane      Lane
	log       *slog.Logger

	committed int64
	lastTry   time.Time
	refused   time.Time // since when commits fail, zero if they don't
}

// work is the life of a lane: poll → process → commit, until the generation ends (nil) or something fails.
func (r *run) work(ctx context.Context, term schema.Term) error {
	// The batch in hand is finished after the generation has ended, within a third of the session: longer, and the group would go on
	// without us while we still publish.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	flush := r.g.cfg.SessionTimeout / 3
	defer context.AfterFunc(ctx, func() { time.AfterFunc(flush, cancel) })()

	committed, err := r.g.client.Committed(inner, r.g.cfg.Group, r.topic, r.partition)
	if err != nil {
		return err
	}
	first, _, err := r.g.client.Bounds(inner, r.topic, r.partition)
	if err != nil {
		return err
	}
	if committed < 0 {
		committed = first
	}
	r.committed, r.lane = committed, r.g.lanes[r.topic]()
	from, err := r.lane.Open(inner, schema.Assignment{Topic: r.topic, Partition: r.partition, Term: term, Committed: r.committed, First: first})
	if err != nil {
		r.discard() //nolint:contextcheck // what is discarded is not waited for
		return err
	}
	f := startFetching(inner, r.g, r.log, r.topic, r.partition, from)
	defer f.stop()
	tick := time.NewTicker(commitEvery / 4)
	defer tick.Stop()
	again := r.g.again.Load()
	for {
		if r.g.again.Load() != again {
			r.handOver(inner)
			return fmt.Errorf("%w: asked to", ErrStartAgain)
		}
		select {
		case <-ctx.Done():
			r.handOver(inner)
			return nil
		case b := <-f.full:
			err = r.process(inner, f, b)
		case <-r.lane.Wake():
			err = r.lane.Work(inner)
		case <-tick.C:
			err = r.lane.Work(inner)
		}
		if err == nil {
			err = r.commit(false)
		}
		if err != nil {
			r.discard() //nolint:contextcheck // what is discarded is not waited for
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func (r *run) process(ctx context.Context, f *fetching, b *fetched) error {
	if b.err != nil {
		return r.lost(ctx, b.err)
	}
	err := r.lane.Process(ctx, Batch{Records: b.Records, Next: b.Next})
	part := fmt.Sprint(r.partition)
	r.g.m.lag.WithLabelValues(r.topic, part).Set(float64(b.HighWatermark - b.Next))
	r.g.m.progress.WithLabelValues(r.topic, part).SetToCurrentTime()
	f.free <- b
	return err
}

// lost turns an offset that the log doesn't hold into the loss that it is: the lane says so, loudly, and goes on at what is left.
func (r *run) lost(ctx context.Context, err error) error {
	if !errors.Is(err, broker.ErrOffsetOutOfRange) {
		return err
	}
	first, next, berr := r.g.client.Bounds(ctx, r.topic, r.partition)
	if berr != nil {
		return errors.Join(err, berr)
	}
	r.g.m.dataLoss.WithLabelValues(r.topic).Inc()
	r.log.Error("data loss: the log no longer holds the committed offset", slog.Int64("committed", r.committed),
		slog.Int64("first", first), slog.Int64("next", next))
	if err := r.gen.CommitOffsets(map[string]map[int]int64{r.topic: {int(r.partition): first}}); err != nil {
		return fmt.Errorf("commit after data loss: %w", err)
	}
	return fmt.Errorf("%w after data loss", ErrStartAgain)
}

// commit tells the group what is durable, at most once a second: its generation fences out a zombie's. One that fails otherwise, as while
// the coordinator moves, is repeated: what the lane knows is as good as before.
func (r *run) commit(now bool) error {
	to := r.lane.Durable()
	if to <= r.committed || !now && time.Since(r.lastTry) < commitEvery {
		return nil
	}
	r.lastTry = time.Now()
	err := r.gen.CommitOffsets(map[string]map[int]int64{r.topic: {int(r.partition): to}})
	if err == nil {
		r.committed, r.refused = to, time.Time{}
		return nil
	}
	err = fmt.Errorf("commit %s[%d] at %d: %w", r.topic, r.partition, to, err)
	if now || errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) {
		return err
	}
	if r.refused.IsZero() {
		r.refused = r.lastTry
		r.log.Info("commit failed, will be repeated", slog.String("error", clean(err)))
	}
	if time.Since(r.refused) > r.g.cfg.SessionTimeout {
		return err
	}
	return nil
}

// handOver ends a lane in good order: what is in flight becomes durable and is committed, so that the next owner repeats nothing.
func (r *run) handOver(ctx context.Context) {
	r.lane.Close(ctx)
	if err := r.commit(true); err != nil {
		r.log.Info("hand-over without a commit", slog.String("error", clean(err)))
	}
}

func (r *run) discard() {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	r.lane.Close(gone)
}
