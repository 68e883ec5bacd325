package lane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/schema"
)

// mutation is a lane or its surroundings with one part of the protocol missing.
type mutation struct {
	name        string
	log         func(Changelog[toy]) Changelog[toy]
	durable     func(l *Detecting[toy], read int64) int64
	keepState   bool // goes on after an error as if nothing had happened
	ignoreError bool // of publications
	eager       bool // commits what was read before it is processed
	tinker      func(l *Detecting[toy])
}

// model is one partition, one lane at a time on it, and everything that may happen to them. An oracle knows what there is to find.
type model struct {
	r         *rand.Rand
	m         *mutation
	metrics   *Metrics
	log       []schema.Record
	found     map[string]int64 // what the oracle finds, and the offset of the event that completes it
	poison    map[string]int64
	first     map[string]int64 // each identity's smallest offset
	table     *modelTable
	published map[string]bool
	calm      bool // no faults any more

	lane      *Detecting[toy]
	store     *modelLog
	read      int64
	committed int64
}

func newModel(seed uint64, m *mutation, metrics *Metrics) *model {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &model{r: r, m: m, metrics: metrics, found: map[string]int64{}, poison: map[string]int64{}, first: map[string]int64{},
		table: &modelTable{r: rand.New(rand.NewPCG(seed, 8)), rows: nil}, published: map[string]bool{}}
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
		if !w.calm && (outcome == 0 || outcome == 1 && i > len(out)/2) {
			break
		}
		w.published[o.Topic+": "+string(o.Value)] = true
	}
	if !w.calm && outcome < 3 && !w.m.ignoreError { // 0: not applied, 1: a part of it, 2: applied
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

// start begins a lane at the commit.
func (w *model) start(ctx context.Context) error {
	for {
		w.lane = &Detecting[toy]{
			Fold: newModelFold(1 + w.r.IntN(8)), Decode: decodeModel, Publish: w.publish, DeadLetters: "dead",
			Clone:    func(e *toy) *toy { c := *e; return &c },
			Position: func(_ int32, e *toy) int64 { return e.offset },
			Changelog: func(_ int32, from int64) Changelog[toy] {
				w.store = &modelLog{t: w.table, stored: from}
				if w.m.log != nil {
					return w.m.log(w.store)
				}
				return w.store
			},
			Log: slog.New(slog.DiscardHandler), Metrics: w.metrics, Records: w.metrics.Events,
		}
		from, err := w.lane.Open(ctx, schema.Assignment{Committed: w.committed})
		if err == nil {
			w.read = from
			return nil
		}
		w.discard()
	}
}

// discard is a crash: what waits to be inserted may still arrive, much later.
func (w *model) discard() {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	w.lane.Close(gone)
	w.abandon()
}

func (w *model) abandon() {
	for _, b := range w.store.pending {
		if w.r.IntN(2) == 0 {
			w.table.late = append(w.table.late, func() { w.table.insert(b.rows) })
		}
	}
}

// failed does what becomes of a lane after an error.
func (w *model) failed(ctx context.Context, err error) error {
	if err == nil || w.m.keepState && !errors.Is(err, ErrStartAgain) {
		return nil
	}
	w.discard()
	return w.start(ctx)
}

// commit checks what a crash from now on would need.
func (w *model) commit() error {
	to := w.lane.Durable()
	if w.m.durable != nil {
		to = w.m.durable(w.lane, w.read)
	}
	if w.m.eager {
		to = w.read
	}
	if to <= w.committed {
		return nil
	}
	w.committed = to
	if to > int64(len(w.log)) {
		return fmt.Errorf("commit at %d of %d", to, len(w.log))
	}
	stored := w.table.first()
	for id, first := range w.first {
		if got, ok := stored[id]; first < to && (!ok || got != first) {
			return fmt.Errorf("committed %d, identity %s of %d is stored at %d (%v)", to, id, first, got, ok)
		}
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

func (w *model) step(ctx context.Context) error {
	if w.m.tinker != nil {
		w.m.tinker(w.lane)
	}
	switch n := w.r.IntN(100); {
	case n < 35:
		b := Batch{Next: w.read}
		size := int64(w.r.IntN(20))
		if w.r.IntN(20) == 0 {
			size = 300 // more than one chunk
		}
		for ; size > 0 && b.Next < int64(len(w.log)); size-- {
			b.Records = append(b.Records, w.log[b.Next])
			b.Next++
		}
		w.read = b.Next
		if w.m.eager {
			if err := w.commit(); err != nil {
				return err
			}
		}
		return w.failed(ctx, w.lane.Process(ctx, b))
	case n < 60:
		synctest.Wait()
		return w.failed(ctx, w.lane.Work(ctx))
	case n < 70:
		w.table.mu.Lock()
		w.store.deliver(false)
		w.table.mu.Unlock()
	case n < 80:
		time.Sleep([]time.Duration{60 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 6 * time.Second}[w.r.IntN(4)])
	case n < 90:
		return w.commit()
	case w.calm:
	case n < 92:
		w.discard()
		return w.start(ctx)
	case n < 93: // a hand-over in good order, as far as it comes
		brief, cancel := context.WithTimeout(ctx, 3*time.Second)
		w.lane.Close(brief)
		cancel()
		if err := w.commit(); err != nil {
			return err
		}
		w.abandon()
		return w.start(ctx)
	case n < 95:
		w.table.mu.Lock()
		w.table.down = w.r.IntN(2) == 0
		w.table.readFail = w.r.IntN(4) == 0
		w.table.mu.Unlock()
	case n < 98:
		w.table.mu.Lock()
		if i := len(w.table.late); i > 0 {
			w.table.late[i-1]()
			w.table.late = w.table.late[:i-1]
		}
		w.table.mu.Unlock()
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
	w.table.mu.Lock()
	w.table.down, w.table.readFail = false, false
	w.table.mu.Unlock()
	w.calm = true
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
