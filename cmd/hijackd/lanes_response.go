package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
)

// responseLanes makes the lanes of the signals topic.
type responseLanes struct {
	publisher *publisher
	archive   actions.Archive
	outlets   *outlets
	cfg       actions.LaneConfig
	killed    func() bool // nil: there is no kill file
	metrics   *actions.Metrics
	log       *slog.Logger

	mu     sync.Mutex
	policy *actions.Policy
	open   map[*responseLane]bool
}

// setPolicy makes every lane decide by a new policy from its next batch on.
func (r *responseLanes) setPolicy(p *actions.Policy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy = p
	for l := range r.open {
		if l.Response != nil {
			l.SetPolicy(p)
		}
	}
}

func (r *responseLanes) lane() lane.Lane {
	l := &responseLane{all: r}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[l] = true
	return l
}

// responseLane is one start of a response lane. Which partition it has it learns when it is opened.
type responseLane struct {
	*actions.Response
	all *responseLanes
}

func (l *responseLane) Open(ctx context.Context, a schema.Assignment) (int64, error) {
	r := l.all
	client, t := r.publisher.client, r.publisher.topics
	r.mu.Lock()
	deps := actions.Deps{
		Log:       &responseLog{broker.Log{Client: client, Topic: t.response, Partition: a.Partition}},
		Publisher: r.publisher, Archive: r.archive,
		Horizon: func(ctx context.Context, offset int64, d time.Duration) (int64, error) {
			return client.Before(ctx, t.signals, a.Partition, offset, d)
		},
		Killed: r.killed, Logger: r.log, Metrics: r.metrics,
	}
	r.outlets.into(&deps)
	l.Response = actions.NewResponse(r.policy, r.cfg, deps)
	r.mu.Unlock()
	return l.Response.Open(ctx, a)
}

func (l *responseLane) Process(ctx context.Context, b lane.Batch) error {
	return l.Response.Process(ctx, b.Records)
}

func (l *responseLane) Close(ctx context.Context) {
	l.all.mu.Lock()
	delete(l.all.open, l)
	l.all.mu.Unlock()
	if l.Response != nil {
		l.Response.Close(ctx)
	}
}

// responseLog is a partition of the response topic as the response lane sees it.
type responseLog struct{ broker.Log }

func (l *responseLog) Append(ctx context.Context, entries []actions.Entry) error {
	ms := make([]broker.Message, len(entries))
	for i, e := range entries {
		ms[i] = broker.Message{Key: e.Key, Value: e.Value}
	}
	return l.Log.Append(ctx, ms)
}

func (l *responseLog) Read(ctx context.Context, from int64, each func(offset int64, at time.Time, key, value []byte) error) (int64, error) {
	return l.Log.Read(ctx, from, func(r *schema.Record) error { return each(r.Offset, time.Unix(0, r.Time).UTC(), r.Key, r.Value) })
}

// killFile reports whether the file exists. One that can't be looked at counts as there: whoever put it there wanted nothing to happen.
func killFile(path string) func() bool {
	if path == "" {
		return nil
	}
	return func() bool {
		_, err := os.Stat(path)
		return !errors.Is(err, fs.ErrNotExist)
	}
}
