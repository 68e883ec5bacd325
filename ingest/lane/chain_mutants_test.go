package lane

import (
	"context"
	"math"
	"testing"

	"github.com/hijackd/hijackd/schema"
)

// hoarder keeps what it tells until it has much, also from the publication that a commit follows.
type hoarder struct{ *chainTokens }

func (f hoarder) Outbox(bool) []Outgoing { return f.chainTokens.Outbox(false) }

// forward never reads again what it summed up before its commit.
type forward struct{ *chainTokens }

func (f forward) Rewind(offset int64) int64 { return offset }

// discreet says nothing at all of what it reads again.
type discreet struct{ *chainTokens }

func (f discreet) Fold(e *toy) {
	before := len(f.kept)
	f.chainTokens.Fold(e)
	if e.offset < f.again {
		f.kept = f.kept[:before]
	}
}

// deaf holds its tongue beyond the commit, up to the end of the stretch.
type deaf struct{ *chainTokens }

func (f deaf) Again(before int64) { f.chainTokens.Again(f.Rewind(before + stretch - 1)) }

// silent keeps its sums until they are due by themselves.
type silent struct{ *chainTokens }

func (f silent) Flush() {}

// confident tells also what it counts of keys without their history.
type confident struct{ *chainTokens }

func (f confident) Load(k schema.Key, history []*toy, complete bool) {
	f.modelFold.Load(k, history, complete)
}

// picky leaves out what is about no key.
type picky struct{ *chainTokens }

func (f picky) Fold(e *toy) {
	if e.key != "" {
		f.chainTokens.Fold(e)
	}
}

// asOfCommit answers look-ups as of the commit, also those of a lane that reads again what lies before.
type asOfCommit struct {
	Changelog[toy]
	committed int64
}

func (c asOfCommit) Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *toy)) error {
	return c.Changelog.Load(ctx, max(before, c.committed), subjects, func(s schema.Subject, e *toy) { each(s, &toy{e.key, e.id, -1}) })
}

// The story of both stages must fail on every chain that lacks a part of the protocol.
func TestTheChainCatchesEveryMutant(t *testing.T) {
	later := func(c Changelog[toy], _ int64) Changelog[toy] { return asOfNever{c} }
	for _, m := range []chainMutation{
		{name: "commits before sightings are published", fold: func(f *chainTokens) Fold[toy] { return hoarder{f} }},
		{name: "commits what is read before it is told", tokens: mutation{eager: true}},
		{name: "ignores that sightings were not published", tokens: mutation{ignoreError: true}},
		{name: "goes on with its state after an error", tokens: mutation{keepState: true}},
		{name: "loads tokens as of later", tokens: mutation{log: later}},
		{name: "reads a stretch again with tokens as of the commit", tokens: mutation{log: func(c Changelog[toy], committed int64) Changelog[toy] {
			return asOfCommit{c, committed}
		}}},
		{name: "doesn't rewind", fold: func(f *chainTokens) Fold[toy] { return forward{f} }},
		{name: "tells no sums of what it reads again", fold: func(f *chainTokens) Fold[toy] { return discreet{f} }},
		{name: "takes what is read for the first time for read again", fold: func(f *chainTokens) Fold[toy] { return deaf{f} }},
		{name: "never flushes", fold: func(f *chainTokens) Fold[toy] { return silent{f} }},
		{name: "commits past sums that are not told", tokens: mutation{tinker: func(l *Detecting[toy]) { l.sums.changed = math.MaxInt64 }}},
		{name: "counts without history", fold: func(f *chainTokens) Fold[toy] { return confident{f} }},
		{name: "skips what names no key", fold: func(f *chainTokens) Fold[toy] { return picky{f} }},
		{name: "loads subjects as of later", subjects: mutation{log: later}},
		{name: "keeps the last row of what came twice", lastRowWins: true},
		{name: "commits sightings before they are folded", subjects: mutation{eager: true}},
		{name: "takes all subjects for new", subjects: mutation{tinker: func(l *Detecting[toy]) { l.known, l.index = filter{}, nil }}},
		{name: "ignores that findings were not published", subjects: mutation{ignoreError: true}},
	} {
		t.Run(m.name, func(t *testing.T) {
			failed, ran := chainViolations(t, &m, 300, 1)
			if len(failed) == 0 {
				t.Fatalf("%d stories and none noticed", ran)
			}
			t.Logf("after %d: %.200s", ran, failed[0])
		})
	}
}
