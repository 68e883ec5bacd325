package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

type backtestCommand struct {
	configured
	From   string    `required:"" placeholder:"EVENTS.ndjson|clickhouse" help:"File of events, one JSON object a line (- for standard input), or clickhouse for the stored ones."`
	Since  time.Time `placeholder:"TIME" help:"First event time to judge, RFC 3339."`
	Until  time.Time `placeholder:"TIME" help:"Event time to stop before, RFC 3339."`
	Format string    `enum:"jsonl,text" default:"jsonl" help:"jsonl: one finding a line; text: a report."`
}

// Run judges events as the daemon would have, and acts on nothing.
func (c backtestCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if !c.Since.IsZero() && !c.Until.IsZero() && !c.Since.Before(c.Until) {
		return usageError{errors.New("--since is not before --until")}
	}
	b, err := newBacktest(cfg)
	if err != nil {
		return usageError{err}
	}
	if c.From == "clickhouse" {
		err = b.stored(ctx, cfg, c.since(), c.until())
	} else {
		err = b.file(ctx, p, cfg, c.From, c.since(), c.until())
	}
	if err != nil {
		return err
	}
	b.report(p.stderr)
	findings := b.decided()
	if c.Format == "text" {
		return b.text(p.stdout, findings)
	}
	return writeFindings(p.stdout, findings)
}

func (c backtestCommand) since() time.Time { return c.Since }

func (c backtestCommand) until() time.Time {
	if c.Until.IsZero() {
		return time.Unix(0, math.MaxInt64)
	}
	return c.Until
}

// backtest is one token lane without Kafka and without a store: the daemon's fold, rules and policy over events in a given order.
type backtest struct {
	tokens   *detect.Tokens
	policy   *actions.Policy
	lateness int64
	out      detect.Output
	found    map[string]schema.Finding

	events, bad, late    int
	earliest, latest, at int64 // event times; at is the greatest so far
}

// maxSymbols bounds the distinct texts of a backtest: about 100 MB of them at most.
const maxSymbols = 1 << 20

func newBacktest(cfg *Config) (*backtest, error) {
	running, modes, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	policy, err := actions.NewPolicy(cfg.policy(), modes)
	if err != nil {
		return nil, err
	}
	return &backtest{
		tokens: detect.NewTokens(detect.Options{
			Rules: running, Lateness: cfg.Lateness, Budget: detect.NewBudget(math.MaxInt64), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(maxSymbols),
		}),
		policy: policy, lateness: int64(cfg.Lateness), found: map[string]schema.Finding{}, earliest: math.MaxInt64,
	}, nil
}

// file judges the lines of a file. Bad ones are named on standard error.
func (b *backtest) file(ctx context.Context, p *process, cfg *Config, path string, since, until time.Time) error {
	in, err := p.openInput(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	key, err := cfg.Fingerprint.key()
	if err != nil {
		return usageError{err}
	}
	d, err := newFileDecoder(key)
	if err != nil {
		return err
	}
	databases := enrich.NewDatabases(cfg.enrich(), slog.New(slog.DiscardHandler))
	if err := databases.Load(); err != nil {
		return usageError{err}
	}
	enricher := enrich.New(databases)
	usable := 0
	err = eachLine(in, func(number int, line []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var e schema.Event
		if reject := d.decode(number, line, &e); reject != nil {
			b.bad++
			_, err := fmt.Fprintf(p.stderr, "line %d: %s\n", number, explain(reject))
			return err
		}
		usable++
		if at := time.Unix(0, e.Time); at.Before(since) || !at.Before(until) {
			return nil
		}
		enricher.Enrich(&e)
		b.judge(&e)
		return nil
	})
	if err != nil {
		return err
	}
	if usable == 0 {
		return usageError{errors.New("no line is an event")}
	}
	return nil
}

// stored judges what ClickHouse holds.
func (b *backtest) stored(ctx context.Context, cfg *Config, since, until time.Time) (err error) {
	sc, stop, err := cfg.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	db, err := store.Open(sc, enrich.ParseAgent)
	if err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Rows are found by the time of their record, which may be later than the event's by any lateness.
	return db.History(ctx, since, time.Unix(0, math.MaxInt64), func(e *schema.Event) error {
		if at := time.Unix(0, e.Time); !at.Before(since) && at.Before(until) {
			b.judge(e)
		}
		return nil
	})
}

// judge folds one event and the notes that it causes.
func (b *backtest) judge(e *schema.Event) {
	if !e.Type.IsNote() {
		b.events++
	}
	b.earliest, b.latest = min(b.earliest, e.Time), max(b.latest, e.Time)
	if b.at = max(b.at, e.Time); e.Time < b.at-b.lateness {
		b.late++
	}
	detect.RunOne(b.tokens, e, &b.out, func(f *schema.Finding) { detect.Merge(b.found, *f) })
}

// decided gives each finding its decision, by (time, id).
func (b *backtest) decided() []schema.Finding {
	findings := detect.Sorted(b.found)
	for i := range findings {
		f := &findings[i]
		f.Decision, f.Would, f.Suppressed = b.policy.Decide(f)
	}
	return findings
}

// report says on standard error what the findings leave out.
func (b *backtest) report(w io.Writer) {
	if b.late > 0 {
		_, _ = fmt.Fprintf(w, "judged on arrival, being more than %s late: %s\n", shortDuration(time.Duration(b.lateness)), counted(b.late, "event"))
	}
	if b.bad > 0 {
		_, _ = fmt.Fprintf(w, "%s left out\n", counted(b.bad, "bad line"))
	}
}

func writeFindings(w io.Writer, findings []schema.Finding) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i := range findings {
		if err := enc.Encode(&findings[i]); err != nil {
			return fmt.Errorf("write finding %s: %w", findings[i].ID, err)
		}
	}
	return out.Flush()
}
