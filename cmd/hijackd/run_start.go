package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
	"github.com/hijackd/hijackd/store/engine"
)

func newLogger(w io.Writer, cfg LogConfig) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	o := &slog.HandlerOptions{Level: level}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return slog.New(slog.NewJSONHandler(w, o)), nil
}

// openClickHouse returns where ClickHouse is: the user's server, or the embedded engine, which it starts. exited tells when that ends.
func openClickHouse(ctx context.Context, cfg *Config, log *slog.Logger, later func(func(context.Context) error)) (dsn string, exited <-chan error, err error) {
	if cfg.ClickHouse.DSN != "" {
		return cfg.ClickHouse.DSN, nil, nil
	}
	e, err := engine.Start(ctx, engine.Options{Log: log})
	if err != nil {
		return "", nil, err
	}
	later(e.Stop)
	log.Info("embedded engine runs", slog.String("version", e.Version()))
	return e.DSN(), e.Exited(), nil
}

// migrateOrGoOn brings the schema up to date. ClickHouse away is no reason not to start: detection and revocation don't need it, and
// lanes store once it is back and the schema with it.
func migrateOrGoOn(ctx context.Context, db *store.DB, log *slog.Logger, later func(func(context.Context) error)) error {
	first, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := db.Migrate(first)
	if _, refused := errors.AsType[*clickhouse.Exception](err); err == nil || refused {
		return err
	}
	log.Warn("clickhouse is away, hijackd starts without it", slog.Any("error", err))
	background(later, func(ctx context.Context) { //nolint:contextcheck // it ends before what it uses, not with ctx
		for err := err; err != nil; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(2 * time.Second):
			}
			if err = db.Migrate(ctx); err == nil {
				log.Info("clickhouse is there and its schema up to date")
			}
		}
	})
	return nil
}

// Retention of hijackd's own topics, in ms.
const week, month = "604800000", "2592000000"

// preflight makes sure that the brokers answer and that every topic is as it must be, before anything starts.
func preflight(ctx context.Context, client *broker.Client, cfg *Config, pepper *fingerprint.Key, log *slog.Logger) (*topics, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		return nil, err
	}
	k := cfg.Kafka
	t := &topics{events: k.Topic, sightings: k.Topic + ".sightings", signals: k.Topic + ".signals", response: k.Topic + ".response", dead: k.DeadLetterTopic,
		findings: k.FindingsTopic, revocations: k.RevocationsTopic}
	own := []broker.Topic{
		{Name: t.events},
		{Name: t.signals, Own: true, Config: map[string]string{"cleanup.policy": "delete", "retention.ms": week}},
		{Name: t.dead, Own: true},
		{Name: t.findings, Own: true},
		{Name: t.revocations, Own: true, Config: map[string]string{"cleanup.policy": "compact"}},
	}
	if err := client.Ensure(ctx, k.CreateTopics, own); err != nil {
		return nil, err
	}
	var err error
	for name, n := range map[string]*int{t.events: &t.eventPartitions, t.signals: &t.signalPartitions, t.findings: &t.findingPartitions,
		t.revocations: &t.revokedPartitions} {
		if *n, err = client.Partitions(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := t.ensureSightings(ctx, client, k.CreateTopics); err != nil {
		return nil, err
	}
	// A partition of the response topic belongs to the signals partition of the same number. It must outlive the signals, and
	// compaction would let a void or repeated record erase a valid one.
	err = client.Ensure(ctx, k.CreateTopics, []broker.Topic{{Name: t.response, Own: true, Partitions: t.signalPartitions,
		Config: map[string]string{"cleanup.policy": "delete", "retention.ms": month}}})
	if err != nil {
		return nil, err
	}
	t.source = t.events
	if err := t.rekey(ctx, client, k, pepper, log); err != nil {
		return nil, err
	}
	return t, nil
}

// ensureSightings makes the sightings topic with as many partitions as the event topic has. Later it keeps its own number: with another one
// subjects would change lanes.
func (t *topics) ensureSightings(ctx context.Context, client *broker.Client, create bool) (err error) {
	if t.sightingPartitions, err = client.Partitions(ctx, t.sightings); err != nil || t.sightingPartitions > 0 {
		return err
	}
	t.sightingPartitions = t.eventPartitions
	return client.Ensure(ctx, create, []broker.Topic{{Name: t.sightings, Own: true, Partitions: t.eventPartitions,
		Config: map[string]string{"cleanup.policy": "delete", "retention.ms": week}}})
}

// keyedSuffix makes the name of an event topic's keyed copy.
const keyedSuffix = ".keyed"

// rekey decides whether tokens are judged on the user's topic or on a keyed copy of it, which is there as soon as one member has found
// it needed, and stays: a topic that is well keyed today may hold events of yesterday that are not.
func (t *topics) rekey(ctx context.Context, client *broker.Client, k KafkaConfig, pepper *fingerprint.Key, log *slog.Logger) error {
	placed, keyed, err := client.Observe(ctx, t.source, t.eventPartitions, keyIsToken(pepper))
	if err != nil {
		return err
	}
	t.placed = placed
	copied := t.source + keyedSuffix
	n, err := client.Partitions(ctx, copied)
	if err != nil {
		return err
	}
	switch {
	case k.Rekey == "never":
		if !keyed {
			log.Warn("the event topic is not keyed by token, and kafka.rekey is never: events of one token are judged apart")
		}
		return nil
	case n == 0 && keyed && k.Rekey != "always":
		return nil
	}
	log.Info("events are routed to a topic keyed by token", slog.String("topic", copied))
	t.events, t.placed = copied, broker.Placements[0]
	return client.Ensure(ctx, k.CreateTopics, []broker.Topic{{Name: copied, Own: true, Partitions: t.eventPartitions,
		Config: map[string]string{"cleanup.policy": "delete", "retention.ms": week}}})
}

// keyIsToken tells whether a record's key is the token of its value. A record that isn't an event says nothing either way.
func keyIsToken(pepper *fingerprint.Key) func(key, value []byte) bool {
	d, hasher := decode.New(pepper.Hasher(), 0), pepper.Hasher()
	return func(key, value []byte) bool {
		var e schema.Event
		if d.Decode(&schema.Record{Value: value, Time: time.Now().UnixNano()}, &e) != nil || e.Token == "" {
			return true
		}
		return string(key) == e.Token || e.RawToken && hasher.Fingerprint(key) == e.Token
	}
}

// pepperOrRandom is the configured pepper. Without one, raw tokens still get fingerprints and are never written anywhere, but ones that
// no other process, and not this one after a restart, will recognise.
func pepperOrRandom(cfg *Config, log *slog.Logger) (*fingerprint.Key, error) {
	key, err := cfg.Fingerprint.key()
	if key != nil || err != nil {
		return key, err
	}
	log.Warn("fingerprint.pepper_file is not set: raw tokens are hashed with a random pepper that ends with this process")
	pepper := make([]byte, fingerprint.MinPepper)
	_, _ = rand.Read(pepper) // never fails
	return fingerprint.NewKey(cfg.Fingerprint.KID, pepper)
}
