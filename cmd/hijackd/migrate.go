package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/store"
	"github.com/hijackd/hijackd/store/engine"
)

type migrateCommand struct {
	configured
	Do string `arg:"" name:"up|status|print" optional:"" enum:"up,status,print" default:"up" help:"up: apply what is missing; status: list what is applied; print: write the SQL and connect to nothing."`
}

func (c migrateCommand) Run(ctx context.Context, p *process) (err error) {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if c.Do == "print" {
		return store.Print(p.stdout, cfg.store())
	}
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
	if c.Do == "up" {
		if err := db.Migrate(ctx); err != nil {
			return err
		}
	}
	return printSteps(ctx, p.stdout, db)
}

func printSteps(ctx context.Context, w io.Writer, db *store.DB) error {
	steps, err := db.Status(ctx)
	if err != nil {
		return err
	}
	for _, s := range steps {
		state := "missing"
		if s.Applied {
			state = "applied"
		}
		if _, err := fmt.Fprintf(w, "%04d %-40s %s\n", s.Version, s.Name, state); err != nil {
			return err
		}
	}
	return nil
}

// openStore is where ClickHouse is for one command; the embedded engine is started for it and stopped by stop.
func (c *Config) openStore(ctx context.Context) (sc store.Config, stop func() error, err error) {
	sc = c.store()
	if sc.DSN != "" {
		return sc, func() error { return nil }, nil
	}
	e, err := engine.Start(ctx, engine.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return sc, nil, err
	}
	sc.DSN = e.DSN()
	return sc, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return e.Stop(ctx)
	}, nil
}
