package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

type killCommand struct {
	On     killOnCommand     `cmd:"" help:"Hold all effects of the whole fleet until kill off. Detection goes on; nothing is lost."`
	Off    killOffCommand    `cmd:"" help:"Let effects go on."`
	Status killStatusCommand `cmd:"" default:"withargs" help:"Say what was ordered last."`
}

type killOnCommand struct{ order }

func (c killOnCommand) Run(ctx context.Context, p *process) error {
	return c.turn(ctx, p, schema.Kill, "hold all effects")
}

type killOffCommand struct{ order }

func (c killOffCommand) Run(ctx context.Context, p *process) error {
	return c.turn(ctx, p, schema.Unkill, "let effects go on")
}

func (o order) turn(ctx context.Context, p *process, verb schema.Verb, what string) error {
	cfg, err := o.load(p)
	if err != nil {
		return err
	}
	c, err := o.command(p, verb, "")
	if err != nil {
		return err
	}
	to, err := openOrders(ctx, cfg)
	if err != nil {
		return err
	}
	defer to.close()
	if err := to.send(ctx, c); err != nil {
		return err
	}
	return p.ordered(&c, what)
}

type killStatusCommand struct{ configured }

func (c killStatusCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	last, err := lastSwitch(ctx, p, cfg)
	if err != nil {
		return err
	}
	switch {
	case last == nil:
		_, err = fmt.Fprintln(p.stdout, "off: never ordered")
	case last.What == string(schema.Kill):
		_, err = fmt.Fprintf(p.stdout, "on: all effects are held since %s, by %s: %s\n", when(last.Time), schema.CleanText(last.By, maxBy), schema.CleanText(last.Why, maxWhy))
	default:
		_, err = fmt.Fprintf(p.stdout, "off since %s, by %s: %s\n", when(last.Time), schema.CleanText(last.By, maxBy), schema.CleanText(last.Why, maxWhy))
	}
	return err
}

// lastSwitch is the last kill or unkill: the audit trail remembers longer than the signals topic, which is asked first since it is never behind.
func lastSwitch(ctx context.Context, p *process, cfg *Config) (*schema.Audit, error) {
	o, err := openOrders(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer o.close()
	last, err := o.lastSwitch(ctx)
	if err != nil || last != nil {
		return last, err
	}
	db, err := openServer(ctx, cfg)
	if err != nil {
		if !errors.Is(err, errEmbedded) {
			p.warn("orders older than the signals topic are not known: %v", err)
		}
		return nil, nil
	}
	defer func() { _ = db.Close() }() // it was only read
	lines, err := db.Audit(ctx, store.AuditFilter{Whats: []string{string(schema.Kill), string(schema.Unkill)}}, 1)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	return &lines[0], nil
}

// lastSwitch reads the signals of one lane: the switch is ordered in all of them.
func (o *orders) lastSwitch(ctx context.Context) (last *schema.Audit, err error) {
	log := broker.Log{Client: o.client, Topic: o.signals, Partition: 0}
	_, err = log.Read(ctx, 0, func(r *schema.Record) error {
		var s struct {
			Command *schema.Command `json:"command"`
		}
		if r.Broken != "" || json.Unmarshal(r.Value, &s) != nil || s.Command == nil {
			return nil
		}
		if c := s.Command; c.Verb == schema.Kill || c.Verb == schema.Unkill {
			last = &schema.Audit{Time: time.Unix(0, r.Time).UTC(), What: string(c.Verb), By: c.By, Why: c.Why}
		}
		return nil
	})
	return last, err
}
