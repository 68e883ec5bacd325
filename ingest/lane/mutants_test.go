package lane

import (
	"context"
	"math"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

// asOfNever answers look-ups with rows from beyond the events that wait.
type asOfNever struct{ Changelog[toy] }

func (c asOfNever) Load(ctx context.Context, _ int64, subjects []schema.Subject, each func(schema.Subject, *toy)) error {
	return c.Changelog.Load(ctx, math.MaxInt64, subjects, func(s schema.Subject, e *toy) {
		each(s, &toy{e.key, e.id, -1})
	})
}

// forgetful answers look-ups without the first row of each key.
type forgetful struct{ Changelog[toy] }

func (c forgetful) Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *toy)) error {
	had := map[schema.Subject]bool{}
	return c.Changelog.Load(ctx, before, subjects, func(s schema.Subject, e *toy) {
		if had[s] {
			each(s, e)
		}
		had[s] = true
	})
}

// frozen hashes keys that were not there at the takeover to something else each time: the filter never learns them.
type frozen struct {
	Changelog[toy]
	n    *uint64
	seen map[uint64]bool
}

func (c frozen) Seen(ctx context.Context, each func(uint64)) error {
	return c.Changelog.Seen(ctx, func(h uint64) {
		c.seen[h] = true
		each(h)
	})
}

func (c frozen) Hash(s schema.Subject) uint64 {
	if h := c.Changelog.Hash(s); c.seen[h] {
		return h
	}
	*c.n++
	return *c.n * 0x9E3779B97F4A7C15
}

// boastful says that rows are stored which were only handed over.
type boastful struct {
	Changelog[toy]
	handed *int64
}

func (c boastful) Append(ctx context.Context, rows []toy, next int64) error {
	err := c.Changelog.Append(ctx, rows, next)
	if err == nil {
		*c.handed = next
	}
	return err
}

func (c boastful) Stored() int64 { return *c.handed }

// sloppy swallows what it has no room for.
type sloppy struct{ Changelog[toy] }

func (c sloppy) Append(ctx context.Context, rows []toy, next int64) error {
	_ = c.Changelog.Append(ctx, rows, next)
	return nil
}

// The story must fail on every lane that lacks a part of the protocol, or it proves nothing about the one that has them all.
func TestTheModelCatchesEveryMutant(t *testing.T) {
	for _, m := range []mutation{
		{name: "commits before it publishes", eager: true},
		{name: "loads what was stored past the commit", log: func(c Changelog[toy], _ int64) Changelog[toy] { return asOfNever{c} }},
		{name: "loads a history with a gap", log: func(c Changelog[toy], _ int64) Changelog[toy] { return forgetful{c} }},
		{name: "a filter that doesn't learn", log: func(c Changelog[toy], _ int64) Changelog[toy] { return frozen{c, new(uint64), map[uint64]bool{}} }},
		{name: "keeps its state after an error", keepState: true},
		{name: "ignores publish errors", ignoreError: true},
		{name: "commits what is not acknowledged", log: func(c Changelog[toy], _ int64) Changelog[toy] {
			n := c.Stored()
			return boastful{c, &n}
		}},
		{name: "commits past keys that wait", durable: func(l *Detecting[toy], _ int64) int64 { return l.store.Stored() }},
		{name: "commits past keys judged without history", tinker: func(l *Detecting[toy]) { l.waiting.without = math.MaxInt64 }},
		{name: "never starts again", tinker: func(l *Detecting[toy]) { l.waiting.probe, l.waiting.without = nil, math.MaxInt64 }},
		{name: "doesn't notice that it is behind", tinker: func(l *Detecting[toy]) { l.behind = false }},
		{name: "takes all keys for new", tinker: func(l *Detecting[toy]) { l.known, l.index = filter{}, nil }},
		{name: "swallows what is not taken", log: func(c Changelog[toy], _ int64) Changelog[toy] { return sloppy{c} }},
	} {
		t.Run(m.name, func(t *testing.T) {
			failed, ran := violations(t, &m, 300, 1)
			if len(failed) == 0 {
				t.Fatalf("%d stories and none noticed", ran)
			}
			t.Logf("after %d: %s", ran, failed[0])
		})
	}
}
