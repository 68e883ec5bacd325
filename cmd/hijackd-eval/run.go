package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// world hands out labelled events in order of arrival.
type world interface {
	Next(*simulate.Event) bool
}

// judged runs one world through all folds.
func judged(ctx context.Context, seed uint64, w world) (*outcome, error) {
	policy, err := enforcing()
	if err != nil {
		return nil, err
	}
	o := &outcome{seed: seed, truth: newTruth(), emitted: map[string]emission{}, policy: policy}
	var now int64
	folds := detect.NewFolds(rules.Default().Running(), 0)
	folds.Found = func(f *schema.Finding) {
		if _, known := o.emitted[f.ID]; !known && f.Confidence > 0 && alarming(f) {
			o.emitted[f.ID] = emission{now, o.truth.events}
		}
	}
	var e simulate.Event
	for w.Next(&e) {
		if o.truth.events%4096 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		o.truth.see(&e)
		now, e.Offset = e.Time, int64(o.truth.events)
		folds.Fold(&e.Event)
	}
	folds.Flush()
	o.findings, o.commands = folds.Findings(), folds.Commands()
	o.tokens = folds.Tokens.Len()
	return o, nil
}

// enforcing is the policy with its ceiling at enforce and each rule in its default mode.
func enforcing() (*actions.Policy, error) {
	cfg := actions.Defaults()
	cfg.Mode = actions.Enforce
	modes := map[string]actions.Mode{}
	for _, r := range rules.All {
		modes[r.Name] = actions.Mode(r.DefaultMode)
	}
	return actions.NewPolicy(cfg, modes)
}

func ruleNames() (names []string) {
	for _, r := range rules.All {
		names = append(names, r.Name)
	}
	return names
}

// evaluate judges a world per seed, some at once, and adds the scores in the order of seeds.
func evaluate(ctx context.Context, log io.Writer, size size, workers int) (*score, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	scores := make([]*score, size.Seeds)
	var wg sync.WaitGroup
	seeds := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range seeds {
				began := time.Now()
				s, err := one(ctx, size, uint64(i+1)) // #nosec G115 -- from 0 on
				if err != nil {
					cancel(err)
					continue
				}
				scores[i] = s
				_, _ = fmt.Fprintf(log, "seed %d: %d sessions, %d events, %d false alerts, %d false revocations (%s)\n",
					i+1, s.sessions, s.events, s.alerts, s.revocations, time.Since(began).Round(time.Second))
			}
		})
	}
	for i := range scores {
		seeds <- i
	}
	close(seeds)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	total := newScore()
	for _, s := range scores {
		total.add(s)
	}
	return total, nil
}

func one(ctx context.Context, size size, seed uint64) (*score, error) {
	w, err := size.world(seed)
	if err != nil {
		return nil, err
	}
	o, err := judged(ctx, seed, w)
	if err != nil {
		return nil, err
	}
	return o.score(ruleNames()), nil
}
