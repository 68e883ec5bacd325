package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

// errRefused ends an order of which nothing was obeyed.
var errRefused = errors.New("the order was refused")

// commandAnswer is a command's record in the response log, as far as people want to know it.
type commandAnswer struct {
	Command struct {
		ID string `json:"id"`
	} `json:"command"`
	Answers []struct {
		About   string `json:"about"`
		Refused string `json:"refused"`
	} `json:"answers"`
}

// lanePart is a part of an order in one lane.
type lanePart struct {
	lane int32
	id   string
}

// give publishes an order, says so, and waits a moment for what becomes of it.
func (o *orders) give(ctx context.Context, p *process, c schema.Command, what string, wait time.Duration) error {
	from := map[int32]int64{}
	if wait > 0 {
		for _, lane := range o.lanes(&c) {
			_, end, err := o.client.Bounds(ctx, o.response, lane)
			if err != nil {
				return fmt.Errorf("nothing was ordered: %w", err)
			}
			from[lane] = end
		}
	}
	if err := o.send(ctx, c); err != nil {
		return err
	}
	if err := p.ordered(&c, what); err != nil || wait <= 0 {
		return err
	}
	open := map[lanePart]bool{}
	for _, part := range split(c) {
		for lane := range from {
			open[lanePart{lane, part.ID}] = true
		}
	}
	obeyed, refused, err := o.await(ctx, p, from, open, wait)
	switch {
	case err != nil:
		p.warn("the order was given; what becomes of it can't be read: %v", err)
	case len(open) > 0:
		p.warn("no answer within %s: hijackd is not running, or busy. The order stands, and the audit trail will say what becomes of it", wait)
	case obeyed == 0 && refused > 0:
		return errRefused
	case obeyed > 0:
		_, err := fmt.Fprintln(p.stdout, "obeyed")
		return err
	}
	return nil
}

// await reads the answers until none is open, and tells of the refusals. It removes from open what was answered.
func (o *orders) await(ctx context.Context, p *process, from map[int32]int64, open map[lanePart]bool, wait time.Duration) (obeyed, refused int, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		for lane, at := range from {
			log := broker.Log{Client: o.client, Topic: o.response, Partition: lane}
			next, err := log.Read(ctx, at, func(r *schema.Record) error {
				var l struct {
					Command *commandAnswer `json:"command"`
				}
				if r.Broken != "" || json.Unmarshal(r.Value, &l) != nil || l.Command == nil || !open[lanePart{lane, l.Command.Command.ID}] {
					return nil
				}
				delete(open, lanePart{lane, l.Command.Command.ID})
				for _, a := range l.Command.Answers {
					if a.Refused == "" {
						obeyed++
						continue
					}
					refused++
					p.refusal(a.About, a.Refused)
				}
				return nil
			})
			if ctx.Err() != nil {
				return obeyed, refused, nil
			}
			if err != nil {
				return obeyed, refused, err
			}
			from[lane] = next
		}
		if len(open) == 0 {
			return obeyed, refused, nil
		}
		select {
		case <-ctx.Done():
			return obeyed, refused, nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *process) refusal(about, why string) {
	_, _ = fmt.Fprintf(p.stdout, "refused: %s: %s\n", schema.CleanText(cmp.Or(about, "the order"), maxBy), schema.CleanText(why, maxWhy))
}
