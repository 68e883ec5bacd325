package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/store/engine"
)

type demoCommand struct {
	Forever  bool   `help:"Go on until Ctrl-C, with an attack every half minute."`
	Sessions int    `default:"450" help:"Sessions live at once, of two thirds as many people."`
	Seed     uint64 `help:"Seed of the simulation (default: random)."`
}

const (
	demoTopic      = "session-events"
	demoPartitions = 4
	demoPace       = 3 * time.Second // mean time between two uses of a session
	// demoLength leaves the last attack, which begins 39 s after the start and replays 14 s later, time to be answered.
	demoLength   = 60 * time.Second
	demoPatience = 20 * time.Second // more, for what is not answered by then
)

// Run shows the daemon at work on simulated traffic: broker, engine, webhook receiver and Slack are on loopback and end with it.
func (c demoCommand) Run(ctx context.Context, p *process) (err error) {
	if c.Seed == 0 {
		var b [6]byte
		_, _ = rand.Read(b[:]) // never fails
		c.Seed = uint64(b[0])<<32 | uint64(b[1])<<24 | uint64(b[2])<<16 | uint64(b[3])<<8 | uint64(b[4])
	}
	screen := newScreen(p)
	world, err := newDemoWorld(ctx, screen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.stop(ctx)) }()
	cfg, _, err := Load("", world.environ())
	if err != nil {
		return fmt.Errorf("configure the demo: %w", err)
	}
	daemon := startDaemon(ctx, cfg, slog.New(slog.NewTextHandler(screen, &slog.HandlerOptions{Level: slog.LevelWarn})))
	board := newBoard(screen)
	if err := c.show(ctx, world, board, daemon, cfg); err != nil {
		return errors.Join(err, daemon.stop())
	}
	return errors.Join(daemon.stop(), board.summary(c.Forever))
}

// show lets the simulated world live until the demo is over and everything it sent is stored.
func (c demoCommand) show(ctx context.Context, world *demoWorld, board *board, daemon *demoDaemon, cfg *Config) error {
	if err := daemon.awaitReady(ctx, cfg.Admin.Listen); err != nil {
		return err
	}
	board.title(world, c)
	generator, err := simulate.New(simulate.Config{Seed: c.Seed, Sessions: c.Sessions, Pace: demoPace, Start: time.Now(), Attacks: demoAttacks()})
	if err != nil {
		return usageError{err}
	}
	living, silence := context.WithCancel(context.WithoutCancel(ctx))
	defer silence()
	produced := make(chan error, 1)
	go func() { produced <- world.produce(living, generator, c.Forever) }()
	go world.readFindings(living, cfg.Kafka.FindingsTopic)
	if err := board.watch(ctx, world.news, c.Forever, daemon.ended, produced); err != nil {
		return err
	}
	silence()
	if err := board.drain(world.news, produced); err != nil {
		return err
	}
	board.rows, err = world.rows(ctx, board.produced)
	return err
}

// demoDaemon is the daemon as `hijackd run` would run it, in this process.
type demoDaemon struct {
	cancel context.CancelFunc
	ended  chan error
}

func startDaemon(ctx context.Context, cfg *Config, log *slog.Logger) *demoDaemon {
	// Ctrl-C ends the demo, which then ends the daemon.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d := &demoDaemon{cancel, make(chan error, 1)}
	go func() { d.ended <- runDaemon(ctx, cfg, daemonOptions{Log: log}); close(d.ended) }()
	return d
}

// stop ends the daemon gracefully.
func (d *demoDaemon) stop() error {
	d.cancel()
	select {
	case err := <-d.ended:
		if err != nil && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("daemon: %w", err)
		}
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("the daemon did not stop within 30 s")
	}
}

func demoAttacks() []simulate.Attack {
	return []simulate.Attack{simulate.StolenCookie, simulate.ParallelProxy, simulate.ReplayEnded}
}

// demoWorld is all that surrounds the daemon, as real servers on loopback.
type demoWorld struct {
	dir      string
	broker   *demoBroker
	engine   *engine.Engine
	receiver *receiver
	slack    *slacktest.Server
	admin    string
	news     chan news
}

func newDemoWorld(ctx context.Context, screen *screen) (_ *demoWorld, err error) {
	w := &demoWorld{news: make(chan news, 1024)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop(ctx))
		}
	}()
	if w.dir, err = os.MkdirTemp("", "hijackd-demo-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if err := writeGeoIP(w.dir); err != nil {
		return nil, err
	}
	screen.status("starting the ClickHouse engine …")
	if w.engine, err = engine.Start(ctx, engine.Options{DataDir: filepath.Join(w.dir, "clickhouse")}); err != nil {
		return nil, err
	}
	if w.broker, err = newDemoBroker(); err != nil {
		return nil, err
	}
	if w.receiver, err = newReceiver(ctx, w.tell); err != nil {
		return nil, err
	}
	w.slack = slacktest.New()
	w.slack.OnMessage = func(m slacktest.Message) { w.tell(messageOf(m)) }
	w.slack.OnUpdate = func(m slacktest.Message) { w.tell(messageOf(m)) }
	w.admin, err = freeAddress(ctx)
	return w, err
}

// tell hands news to the board; a slow terminal slows the teller and loses nothing.
func (w *demoWorld) tell(n news) { w.news <- n }

// environ is the whole configuration of the daemon.
func (w *demoWorld) environ() []string {
	pepper := make([]byte, 32)
	_, _ = rand.Read(pepper) // never fails
	return []string{
		"HIJACKD_KAFKA_BROKERS=" + w.broker.address(),
		"HIJACKD_KAFKA_TOPIC=" + demoTopic,
		"HIJACKD_CLICKHOUSE_DSN=" + w.engine.DSN(),
		"HIJACKD_GEOIP_CITY=" + filepath.Join(w.dir, "city.mmdb"),
		"HIJACKD_GEOIP_ASN=" + filepath.Join(w.dir, "asn.mmdb"),
		"HIJACKD_GEOIP_ANONYMOUS=" + filepath.Join(w.dir, "anonymous.mmdb"),
		"HIJACKD_FINGERPRINT_PEPPER=hex:" + hex.EncodeToString(pepper),
		"HIJACKD_POLICY_MODE=enforce",
		"HIJACKD_ACTIONS_REVOKE_URL=" + w.receiver.url(),
		"HIJACKD_ACTIONS_REVOKE_SECRET=" + w.receiver.secret,
		"HIJACKD_ACTIONS_REVOKE_ALLOW_PRIVATE=true",
		"HIJACKD_ACTIONS_SLACK_TOKEN=" + slacktest.Token,
		"HIJACKD_ACTIONS_SLACK_CHANNEL=" + slacktest.Channel,
		"HIJACKD_ACTIONS_SLACK_API_URL=" + w.slack.URL(),
		"HIJACKD_ADMIN_LISTEN=" + w.admin,
	}
}

// stop ends the servers, also when ctx has ended, and removes what they wrote.
func (w *demoWorld) stop(ctx context.Context) error {
	var errs []error
	if w.broker != nil {
		w.broker.close()
	}
	if w.receiver != nil {
		errs = append(errs, w.receiver.close())
	}
	if w.slack != nil {
		w.slack.Close()
	}
	if w.engine != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		errs = append(errs, w.engine.Stop(ctx))
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}

// freeAddress is a loopback address that nobody listens on at the moment.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// awaitReady waits until the daemon takes part in its group.
func (d *demoDaemon) awaitReady(ctx context.Context, admin string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("the daemon was not ready within a minute"))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-d.ended:
			return fmt.Errorf("the daemon ended before it was ready: %w", err)
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(req); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
}

// newWebhookSecret makes a secret of Standard Webhooks.
func newWebhookSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}
