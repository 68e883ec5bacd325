package lane

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// post is a partition and the lanes that hold it, one after another, with everything that may happen to them.
type post struct {
	r       *rand.Rand
	m       *mutation
	metrics *Metrics
	table   *modelTable
	records func() []schema.Record // the partition as it is by now
	fold    func() Fold[toy]
	publish Publish
	check   func(to int64) error // of what a commit takes for granted
	calm    *bool                // no faults any more

	held      hold
	committed int64
	frozen    []*hold // lanes that don't know yet that they are gone
}

// hold is one lane's hold on the partition.
type hold struct {
	lane  *Detecting[toy]
	store *modelLog
	read  int64
}

// start begins a lane at the commit.
func (p *post) start(ctx context.Context) error {
	for {
		h := hold{}
		h.lane = &Detecting[toy]{
			Fold: p.fold(), Decode: decodeModel, Publish: p.publish, DeadLetters: "dead",
			Clone:    func(e *toy) *toy { c := *e; return &c },
			Position: func(_ int32, e *toy) int64 { return e.offset },
			Changelog: func(_ int32, from int64) Changelog[toy] {
				h.store = &modelLog{t: p.table, stored: from}
				if p.m.log != nil {
					return p.m.log(h.store, p.committed)
				}
				return h.store
			},
			Log: slog.New(slog.DiscardHandler), Metrics: p.metrics, Records: p.metrics.Events,
		}
		from, err := h.lane.Open(ctx, schema.Assignment{Committed: p.committed})
		h.read = from
		p.held = h
		if err == nil {
			return nil
		}
		p.discard()
	}
}

// discard is a crash: what waits to be inserted may still arrive, much later.
func (p *post) discard() { p.bury(&p.held) }

func (p *post) bury(h *hold) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	h.lane.Close(gone)
	p.abandon(h)
}

func (p *post) abandon(h *hold) {
	for _, b := range h.store.pending {
		if p.r.IntN(2) == 0 {
			p.table.late = append(p.table.late, func() { p.table.insert(b.rows) })
		}
	}
}

// failed does what becomes of a lane after an error.
func (p *post) failed(ctx context.Context, err error) error {
	if err == nil || p.m.keepState && !errors.Is(err, ErrStartAgain) {
		return nil
	}
	p.discard()
	return p.start(ctx)
}

func (p *post) commit() error {
	to := p.held.lane.Durable()
	if p.m.durable != nil {
		to = p.m.durable(p.held.lane, p.held.read)
	}
	if p.m.eager {
		to = p.held.read
	}
	if to <= p.committed {
		return nil
	}
	p.committed = to
	return p.check(to)
}

// batch reads on.
func (p *post) batch(h *hold) Batch {
	b := Batch{Next: h.read}
	size := int64(p.r.IntN(20))
	if p.r.IntN(20) == 0 {
		size = 300 // more than one chunk
	}
	for log := p.records(); size > 0 && b.Next < int64(len(log)); size-- {
		b.Records = append(b.Records, log[b.Next])
		b.Next++
	}
	h.read = b.Next
	return b
}

func (p *post) step(ctx context.Context) error {
	if p.m.tinker != nil {
		p.m.tinker(p.held.lane)
	}
	switch n := p.r.IntN(100); {
	case n < 35:
		b := p.batch(&p.held)
		if p.m.eager {
			if err := p.commit(); err != nil {
				return err
			}
		}
		return p.failed(ctx, p.held.lane.Process(ctx, b))
	case n < 60:
		synctest.Wait()
		return p.failed(ctx, p.held.lane.Work(ctx))
	case n < 70:
		p.table.mu.Lock()
		p.held.store.deliver(false)
		p.table.mu.Unlock()
	case n < 80:
		time.Sleep([]time.Duration{60 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 6 * time.Second}[p.r.IntN(4)])
	case n < 90:
		return p.commit()
	case *p.calm:
	case n < 92:
		p.discard()
		return p.start(ctx)
	case n < 93: // a hand-over in good order, as far as it comes
		brief, cancel := context.WithTimeout(ctx, 3*time.Second)
		p.held.lane.Close(brief)
		cancel()
		if err := p.commit(); err != nil {
			return err
		}
		p.abandon(&p.held)
		return p.start(ctx)
	case n < 95:
		p.table.mu.Lock()
		p.table.down = p.r.IntN(2) == 0
		p.table.readFail = p.r.IntN(4) == 0
		p.table.mu.Unlock()
	case n < 97:
		p.table.mu.Lock()
		if i := len(p.table.late); i > 0 {
			p.table.late[i-1]()
			p.table.late = p.table.late[:i-1]
		}
		p.table.mu.Unlock()
	case n < 98:
		h := p.held
		p.frozen = append(p.frozen, &h)
		return p.start(ctx)
	default:
		p.thaw(ctx)
	}
	return nil
}

// thaw has a lane that was frozen go on for a moment, beside its successor. Its commits would be refused.
func (p *post) thaw(ctx context.Context) {
	if len(p.frozen) == 0 {
		return
	}
	h := p.frozen[0]
	if h.lane.Process(ctx, p.batch(h)) == nil && p.r.IntN(2) == 0 {
		synctest.Wait()
		_ = h.lane.Work(ctx)
	}
	p.table.mu.Lock()
	h.store.deliver(false)
	p.table.mu.Unlock()
	p.frozen = p.frozen[1:]
	p.bury(h)
}

// settle ends all faults.
func (p *post) settle() {
	p.table.mu.Lock()
	p.table.down, p.table.readFail = false, false
	p.table.mu.Unlock()
	for _, h := range p.frozen {
		p.bury(h)
	}
	p.frozen = nil
}
