package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// runCommand is `hijackd run`.
type runCommand struct {
	configured
}

// Run is the daemon until SIGTERM or SIGINT; SIGHUP reloads rules and policy.
func (c *runCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	log, err := newLogger(p.stderr, cfg.Log)
	if err != nil {
		return usageError{err}
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return runDaemon(ctx, cfg, daemonOptions{
		Log: log, Reload: hup,
		Read: func() (*Config, error) {
			cfg, _, err := Load(c.Config, p.environ)
			return cfg, err
		},
	})
}

// daemonOptions are what a caller of the daemon may bring.
type daemonOptions struct {
	Log *slog.Logger
	// Reload asks for the configuration to be read again with Read.
	Reload <-chan os.Signal
	Read   func() (*Config, error)
	// Ready is called once, with the address of the ClickHouse in use, when the daemon begins to take part in its group.
	Ready func(dsn string)
}

// fixedMemory is what the process may take beside limits.memory: the blocks that wait for ClickHouse, fetch buffers, indexes, GeoIP, and room
// for the collector, which without a bound would let the heap grow to twice what is in use.
const fixedMemory = 640 << 20

// liveSymbols bounds the table of cities, providers and browsers that all sessions share.
const liveSymbols = 1 << 18

// runDaemon is hijackd from start to graceful stop. What is started is stopped in reverse order, however it ends.
func runDaemon(ctx context.Context, cfg *Config, opts daemonOptions) (err error) {
	log := opts.Log
	var stops []func(context.Context) error
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		for _, stop := range slices.Backward(stops) {
			err = errors.Join(err, stop(stopping))
		}
	}()
	later := func(f func(context.Context) error) { stops = append(stops, f) }

	if os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(cfg.Memory + fixedMemory))
	}
	policy, running, err := judgement(cfg)
	if err != nil {
		return usageError{err}
	}
	pepper, err := pepperOrRandom(cfg, log)
	if err != nil {
		return usageError{err}
	}

	registry := prometheus.NewRegistry()
	ready := new(readiness)
	if err := serveAdmin(ctx, cfg.Admin.Listen, registry, ready, log, later); err != nil {
		return err
	}

	dsn, engineExited, err := openClickHouse(ctx, cfg, log, later)
	if err != nil {
		return err
	}
	where := cfg.store()
	where.DSN = dsn
	db, err := store.Open(where, enrich.ParseAgent)
	if err != nil {
		return usageError{err}
	}
	later(func(context.Context) error { return db.Close() })
	if err := migrateOrGoOn(ctx, db, log, later); err != nil {
		return err
	}

	client, err := broker.New(cfg.broker())
	if err != nil {
		return usageError{err}
	}
	later(func(context.Context) error { client.Close(); return nil })
	t, err := preflight(ctx, client, cfg, pepper, log)
	if err != nil {
		return err
	}

	databases := enrich.NewDatabases(cfg.enrich(), log)
	if err := databases.Load(); err != nil {
		return usageError{err}
	}
	events, err := store.NewEvents(db, store.EventsDefaults(), log)
	if err != nil {
		return err
	}
	sightings, err := store.NewSightings(db, store.SightingsDefaults(), log)
	if err != nil {
		return err
	}
	background(later, events.Run, sightings.Run, databases.Watch) //nolint:contextcheck // they end after the lanes that use them, not with ctx

	outlets, err := destinations(cfg)
	if err != nil {
		return usageError{err}
	}
	eventsSeen := newEventMetrics(registry, events, sightings)
	out := &publisher{client: client, topics: t}
	clicks := startSlack(outlets.slack, out, log, later) //nolint:contextcheck // it ends before what it uses, not with ctx
	if err := startAPI(ctx, cfg, apiParts{client: client, publisher: out, store: db, registry: registry, log: log, outlets: outlets, clicks: clicks}, later); err != nil {
		return err
	}
	settings := &settings{running: running}
	budget, symbols, keyer := detect.NewBudget(cfg.Memory), detect.NewSymbols(liveSymbols), schema.NewKeyer()
	options := func() detect.Options {
		return detect.Options{Rules: settings.rules(), Lateness: cfg.Lateness, Budget: budget, Keyer: keyer, Symbols: symbols, GeoIP: databases.Built()}
	}
	tokens := &tokenLanes{
		key: pepper, databases: databases, events: events, publisher: out, log: log, lanes: lane.NewMetrics(registry), metrics: eventsSeen, options: options,
	}
	subjects := &subjectLanes{sightings: sightings, publisher: out, log: log, lanes: tokens.lanes, options: options}
	responses := &responseLanes{
		publisher: out, archive: db, outlets: outlets, cfg: cfg.lane(), killed: killFile(cfg.Policy.KillFile), metrics: actions.NewMetrics(registry, time.Now), log: log,
		policy: policy, open: map[*responseLane]bool{},
	}
	lanes := map[string]func() lane.Lane{t.events: tokens.lane, t.sightings: subjects.lane, t.signals: responses.lane}
	if t.events != t.source {
		lanes[t.source] = (&routingLanes{key: pepper, publisher: out, lanes: tokens.lanes, metrics: eventsSeen}).lane
	}
	group := lane.New(lane.Config{Group: cfg.Kafka.Group, SessionTimeout: cfg.Kafka.SessionTimeout}, client, lanes, log, tokens.lanes)
	ready.group.Store(group)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rekeyed := time.NewTicker(10 * time.Second)
	defer rekeyed.Stop()
	go func() {
		for {
			select {
			case <-rekeyed.C:
				// Judging the user's topic beside a member that routes it would tear tokens apart.
				if n, err := client.Partitions(ctx, t.source+keyedSuffix); err == nil && n > 0 && t.events == t.source && cfg.Kafka.Rekey != "never" {
					cancel(errors.New("another member routes the event topic to a keyed one: start again to do so too"))
				}
			case <-ctx.Done():
				return
			case err := <-engineExited:
				cancel(fmt.Errorf("the embedded engine ended: %w", err))
			case <-opts.Reload:
				reload(opts.Read, settings, responses, group, log)
			}
		}
	}()
	log.Info("hijackd runs", slog.String("topic", t.events), slog.Int("partitions", t.eventPartitions), slog.String("placement", t.placed.Name),
		slog.String("mode", cfg.Policy.Mode))
	if opts.Ready != nil {
		opts.Ready(dsn)
	}
	err = group.Run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return err
}

// background runs loops until everything that uses them has stopped.
func background(later func(func(context.Context) error), loops ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, f := range loops {
		wg.Go(func() { f(ctx) })
	}
	later(func(context.Context) error {
		cancel()
		wg.Wait()
		return nil
	})
}

// judgement is the policy and the rules of a configuration.
func judgement(cfg *Config) (*actions.Policy, []detect.Running, error) {
	running, modes, err := cfg.rules()
	if err != nil {
		return nil, nil, err
	}
	policy, err := actions.NewPolicy(cfg.policy(), modes)
	return policy, running, err
}

// settings are what SIGHUP may change while lanes run.
type settings struct {
	mu      sync.Mutex
	running []detect.Running
}

func (s *settings) rules() []detect.Running {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// reload puts a changed configuration's rules and policy into force; a bad one is refused and the old one stays. Lanes start again at
// their commit, so that all state was made by the rules in force.
func reload(read func() (*Config, error), s *settings, responses *responseLanes, group *lane.Group, log *slog.Logger) {
	cfg, err := read()
	var policy *actions.Policy
	var running []detect.Running
	if err == nil {
		policy, running, err = judgement(cfg)
	}
	if err != nil {
		log.Error("the changed configuration is refused, the old one stays", slog.Any("error", err))
		return
	}
	s.mu.Lock()
	s.running = running
	s.mu.Unlock()
	responses.setPolicy(policy)
	group.StartAgain()
	log.Info("rules and policy reloaded")
}
