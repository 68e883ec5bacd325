package lane

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/schema"
)

// mutation is a lane or its surroundings with one part of the protocol missing.
type mutation struct {
	name        string
	log         func(c Changelog[toy], committed int64) Changelog[toy]
	durable     func(l *Detecting[toy], read int64) int64
	keepState   bool // goes on after an error as if nothing had happened
	ignoreError bool // of publications
	eager       bool // commits what was read before it is processed
	tinker      func(l *Detecting[toy])
}

// model is one partition, one lane at a time on it, and everything that may happen to them. An oracle knows what there is to find.
type model struct {
	*post
	log       []schema.Record
	found     map[string]int64 // what the oracle finds, and the offset of the event that completes it
	poison    map[string]int64
	first     map[string]int64 // each identity's smallest offset
	published map[string]bool
}

func newModel(seed uint64, m *mutation, metrics *Metrics) *model {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &model{found: map[string]int64{}, poison: map[string]int64{}, first: map[string]int64{}, published: map[string]bool{}}
	w.post = &post{r: r, m: m, metrics: metrics, table: &modelTable{r: rand.New(rand.NewPCG(seed, 8))}, calm: new(bool),
		records: func() []schema.Record { return w.log }, fold: func() Fold[toy] { return newModelFold(1 + r.IntN(8)) }, publish: w.publish, check: w.check}
	oracle := newModelFold(1 << 20)
	keys, ids := 2+r.IntN(8), 4+r.IntN(20)
	for n := range 50 + r.IntN(450) {
		offset := int64(n)
		v := fmt.Sprintf("k%d i%d", r.IntN(keys), r.IntN(ids)) // the same ids come again
		if r.IntN(40) == 0 {
			v = fmt.Sprintf("poison%d", n)
			w.poison["dead: "+v] = offset
		} else {
			key, id, _ := strings.Cut(v, " ")
			e := toy{key, id, offset}
			if _, ok := w.first[v]; !ok {
				w.first[v] = offset
			}
			if k := oracle.Key(&e); !oracle.Has(k) {
				oracle.Load(k, nil, true)
			}
			oracle.Fold(&e)
			for _, o := range oracle.Outbox(true) {
				w.found["found: "+string(o.Value)] = offset
			}
		}
		w.log = append(w.log, schema.Record{Offset: offset, Value: []byte(v)})
	}
	return w
}

func (w *model) publish(_ context.Context, out []Outgoing) error {
	outcome := w.r.IntN(30)
	if len(out) == 0 {
		return nil
	}
	for i, o := range out {
		if !*w.calm && (outcome == 0 || outcome == 1 && i > len(out)/2) {
			break
		}
		w.published[o.Topic+": "+string(o.Value)] = true
	}
	if !*w.calm && outcome < 3 && !w.m.ignoreError { // 0: not applied, 1: a part of it, 2: applied
		return errors.New("timed out")
	}
	return nil
}

func decodeModel(r *schema.Record, e *toy) (string, []byte) {
	if reason, _ := decodeToy(r, e); reason != "" {
		return reason, append([]byte(nil), r.Value...)
	}
	return "", nil
}

// check looks for what a crash from now on would need.
func (w *model) check(to int64) error {
	if to > int64(len(w.log)) {
		return fmt.Errorf("commit at %d of %d", to, len(w.log))
	}
	if err := w.table.holds(w.first, to); err != nil {
		return err
	}
	for _, wanted := range []map[string]int64{w.found, w.poison} {
		for f, by := range wanted {
			if by < to && !w.published[f] {
				return fmt.Errorf("committed %d and never published %q of %d", to, f, by)
			}
		}
	}
	return nil
}

// run is one story, with its end: everything found, nothing found that isn't there, everything committed.
func (w *model) run(ctx context.Context) error {
	if err := w.start(ctx); err != nil {
		return err
	}
	for range 150 {
		if err := w.step(ctx); err != nil {
			return err
		}
	}
	w.settle()
	*w.calm = true
	for n := 0; w.committed < int64(len(w.log)); n++ {
		if n > 10_000 {
			return fmt.Errorf("calm, and no progress beyond %d of %d", w.committed, len(w.log))
		}
		if err := w.step(ctx); err != nil {
			return err
		}
	}
	w.discard()
	for f := range w.published {
		_, found := w.found[f]
		_, poison := w.poison[f]
		if !found && !poison && !strings.HasSuffix(f, withoutHistory) {
			return fmt.Errorf("published %q, which isn't there", f)
		}
	}
	return nil
}

// violations runs stories until so many have failed.
func violations(t *testing.T, m *mutation, stories, enough uint64) (failed []string, ran uint64) {
	metrics := NewMetrics(prometheus.NewRegistry())
	for ; ran < stories && uint64(len(failed)) < enough; ran++ {
		synctest.Test(t, func(t *testing.T) {
			if err := newModel(ran, m, metrics).run(t.Context()); err != nil {
				failed = append(failed, fmt.Sprintf("seed %d: %v", ran, err))
			}
		})
	}
	return failed, ran
}

func TestALaneFindsEverythingWhateverFails(t *testing.T) {
	failed, _ := violations(t, &mutation{}, 1000, 3)
	for _, f := range failed {
		t.Error(f)
	}
}
