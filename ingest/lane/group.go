package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

// Config is how a process takes part in its consumer group.
type Config struct {
	Group          string
	SessionTimeout time.Duration // 0 means 10 s; how long a killed member's lanes stay without an owner
	MaxFetchBytes  int32         // of one partition's answer, compressed; 0 means 1 MiB
	FetchWait      time.Duration // how long a fetch waits for a first record; 0 means 500 ms
}

// Group is a member of the consumer group.
type Group struct {
	cfg    Config
	client *broker.Client
	lanes  map[string]func() Lane // by topic
	log    *slog.Logger
	m      *Metrics
	joined atomic.Bool
	again  atomic.Int64 // how often StartAgain was called
}

// New makes a member that works each of the topics with lanes of its own kind. It does nothing until Run.
func New(cfg Config, client *broker.Client, lanes map[string]func() Lane, log *slog.Logger, m *Metrics) *Group {
	if cfg.SessionTimeout == 0 {
		cfg.SessionTimeout = 10 * time.Second
	}
	if cfg.MaxFetchBytes == 0 {
		cfg.MaxFetchBytes = 1 << 20
	}
	if cfg.FetchWait == 0 {
		cfg.FetchWait = 500 * time.Millisecond
	}
	return &Group{cfg: cfg, client: client, lanes: lanes, log: log, m: m}
}

// Joined reports whether the member is part of its group; one without partitions is.
func (g *Group) Joined() bool { return g.joined.Load() }

// StartAgain makes every lane finish what it has in hand and start anew, as after a change of rules.
func (g *Group) StartAgain() { g.again.Add(1) }

// Run takes part in the group until ctx ends, then hands its lanes over. The error is that of a group that cannot be made.
func (g *Group) Run(ctx context.Context) error {
	topics := make([]string, 0, len(g.lanes))
	for t := range g.lanes {
		topics = append(topics, t)
	}
	cg, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: g.cfg.Group, Brokers: g.client.Brokers(), Dialer: g.client.Dialer(), Topics: topics,
		GroupBalancers:    []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
		HeartbeatInterval: min(3*time.Second, g.cfg.SessionTimeout/3),
		SessionTimeout:    g.cfg.SessionTimeout, RebalanceTimeout: 2 * g.cfg.SessionTimeout,
		JoinGroupBackoff: 200 * time.Millisecond, Timeout: 5 * time.Second,
		WatchPartitionChanges: true, PartitionWatchInterval: 5 * time.Second,
		StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		return fmt.Errorf("join consumer group %s: %w", g.cfg.Group, err)
	}
	closed := make(chan error, 1)
	context.AfterFunc(ctx, func() { closed <- cg.Close() }) // waits until every lane has handed over
	for {
		// Next must always be called again: the group hangs while an error of its own waits to be taken.
		gen, err := cg.Next(context.WithoutCancel(ctx))
		switch {
		case errors.Is(err, kafka.ErrGroupClosed):
			return <-closed
		case err != nil:
			g.joined.Store(false)
			g.log.Info("group not joined yet", slog.String("error", clean(err)))
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		g.joined.Store(true)
		g.m.rebalances.Inc()
		n := 0
		for topic, parts := range gen.Assignments {
			n += len(parts)
			for _, p := range parts {
				partition := int32(p.ID) //nolint:gosec // int32 in Kafka
				gen.Start(func(ctx context.Context) { g.own(ctx, gen, topic, partition) })
			}
		}
		g.m.owned.Set(float64(n))
		g.log.Info("generation started", slog.Int("generation", int(gen.ID)), slog.Int("lanes", n))
	}
}

// own works one partition until the generation ends, in as many starts as it takes: returning earlier would end the generation.
func (g *Group) own(ctx context.Context, gen *kafka.Generation, topic string, partition int32) {
	log := g.log.With(slog.String("topic", topic), slog.Int("partition", int(partition)))
	defer g.m.forget(topic, fmt.Sprint(partition))
	for start := int64(0); ctx.Err() == nil; start++ {
		began := time.Now()
		r := &run{g: g, gen: gen, topic: topic, partition: partition, log: log}
		err := r.work(ctx, schema.Term{Generation: int64(gen.ID), Start: start})
		if err == nil {
			return
		}
		g.m.restarts.WithLabelValues(topic).Inc()
		if errors.Is(err, ErrStartAgain) {
			log.Info("lane starts again at its commit", slog.String("reason", clean(err)))
		} else {
			log.Warn("lane starts again at its commit", slog.String("error", clean(err)))
		}
		pause := 100 * time.Millisecond
		if time.Since(began) < 10*time.Second {
			pause = min(5*time.Second, pause<<min(start, 6))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// ErrStartAgain is what a lane returns that begins again for a good reason.
var ErrStartAgain = errors.New("start again")

func clean(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
