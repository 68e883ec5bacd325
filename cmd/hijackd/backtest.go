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
)

type backtestCommand struct {
	configured
	From    string    `required:"" placeholder:"EVENTS.ndjson|clickhouse" help:"File of events, one JSON object a line (- for standard input), or clickhouse for the stored ones."`
	Since   time.Time `placeholder:"TIME" help:"First event time to judge, RFC 3339."`
	Until   time.Time `placeholder:"TIME" help:"Event time to stop before, RFC 3339."`
	Format  string    `enum:"jsonl,text" default:"jsonl" help:"jsonl: one finding, or one difference, a line; text: a report."`
	Compare string    `placeholder:"FILE" help:"Another configuration: shows what appears and disappears with it."`
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
	trials := []*trial{}
	add := func(name string, cfg *Config) error {
		t, err := newTrial(name, cfg)
		if err != nil {
			return usageError{err}
		}
		trials = append(trials, t)
		return nil
	}
	if err := add(c.Config, cfg); err != nil {
		return err
	}
	if c.Compare != "" {
		other, err := configured{c.Compare}.load(p)
		if err != nil {
			return err
		}
		if err := add(c.Compare, other); err != nil {
			return err
		}
	}
	in := newInput(trials, c.Since, c.Until)
	if c.From == "clickhouse" {
		err = in.stored(ctx, cfg)
	} else {
		err = in.file(ctx, p, cfg, c.From)
	}
	if err != nil {
		return err
	}
	in.report(p.stderr)
	verdicts := make([]*verdict, len(trials))
	for i, t := range trials {
		verdicts[i] = t.verdict()
	}
	switch {
	case len(verdicts) == 2 && c.Format == "text":
		return writeDifferences(p.stdout, in, verdicts[0], verdicts[1])
	case len(verdicts) == 2:
		return writeLines(p.stdout, differences(verdicts[0], verdicts[1]))
	case c.Format == "text":
		return verdicts[0].text(p.stdout, in)
	}
	return writeLines(p.stdout, verdicts[0].findings)
}

// trial is one configuration that judges the events.
type trial struct {
	name     string
	folds    *detect.Folds
	policy   *actions.Policy // as configured
	enforced *actions.Policy // with policy.mode at enforce
	modes    map[string]actions.Mode
	ceiling  actions.Mode
	lateness time.Duration
	enricher *enrich.Enricher
}

func newTrial(name string, cfg *Config) (*trial, error) {
	running, modes, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	policy, err := actions.NewPolicy(cfg.policy(), modes)
	if err != nil {
		return nil, err
	}
	raised := cfg.policy()
	raised.Mode = actions.Enforce
	enforced, err := actions.NewPolicy(raised, modes)
	if err != nil {
		return nil, err
	}
	databases := enrich.NewDatabases(cfg.enrich(), slog.New(slog.DiscardHandler))
	if err := databases.Load(); err != nil {
		return nil, err
	}
	folds := detect.NewFolds(running, cfg.Lateness)
	folds.ShowGeoIP(databases.Built())
	return &trial{
		name: name, folds: folds, policy: policy, enforced: enforced,
		modes: modes, ceiling: actions.Mode(cfg.Policy.Mode), lateness: cfg.Lateness, enricher: enrich.New(databases),
	}, nil
}

// verdict is what a configuration made of the events.
type verdict struct {
	*trial
	findings []schema.Finding // with what is decided as configured, and what would be with every mode at enforce
	enforced []schema.Finding // the same, decided with policy.mode at enforce and each rule in its own mode
}

func (t *trial) verdict() *verdict {
	t.folds.Flush()
	found, commands := t.folds.Findings(), t.folds.Commands()
	return &verdict{t, actions.DecideAll(t.policy, found, commands), actions.DecideAll(t.enforced, found, commands)}
}

// input is the events that are judged, and what is counted of them.
type input struct {
	trials       []*trial
	since, until time.Time
	lateness     int64

	events, bad, late    int
	earliest, latest, at int64 // event times; at is the greatest so far
	users                map[string]struct{}
}

func newInput(trials []*trial, since, until time.Time) *input {
	if until.IsZero() {
		until = time.Unix(0, math.MaxInt64)
	}
	return &input{trials: trials, since: since, until: until, lateness: int64(trials[0].lateness), earliest: math.MaxInt64, users: map[string]struct{}{}}
}

// judge has each configuration judge one event. Fresh ones are still to be enriched by it.
func (in *input) judge(e *schema.Event, fresh bool) {
	if at := time.Unix(0, e.Time); at.Before(in.since) || !at.Before(in.until) || e.Type.IsNote() {
		return
	}
	in.events++
	in.earliest, in.latest = min(in.earliest, e.Time), max(in.latest, e.Time)
	if in.at = max(in.at, e.Time); e.Time < in.at-in.lateness {
		in.late++
	}
	if _, known := in.users[e.User]; !known && e.User != "" {
		in.users[string([]byte(e.User))] = struct{}{}
	}
	for _, t := range in.trials {
		c := *e
		if fresh {
			t.enricher.Enrich(&c)
		}
		t.folds.Fold(&c)
	}
}

// report says on standard error what the findings leave out.
func (in *input) report(w io.Writer) {
	if in.late > 0 {
		_, _ = fmt.Fprintf(w, "judged on arrival, being more than %s late: %s\n", shortDuration(time.Duration(in.lateness)), counted(in.late, "event"))
	}
	if in.bad > 0 {
		_, _ = fmt.Fprintf(w, "%s left out\n", counted(in.bad, "bad line"))
	}
}

// writeLines writes values as JSON, one a line.
func writeLines[T any](w io.Writer, values []T) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i := range values {
		if err := enc.Encode(&values[i]); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return out.Flush()
}
