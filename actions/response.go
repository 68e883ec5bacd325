package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// LaneConfig are the settings of a response lane that users do not see.
type LaneConfig struct {
	// Horizon is how far before the commit, in record time, signals are folded at takeover, without acting on them: as long as a
	// finding is kept, for it may add to the risk of later ones.
	Horizon time.Duration
	// Settle is how long an owner waits whose generation is below the highest in the log: a zombie learns meanwhile that its
	// generation has ended, the first owner of a group that began again goes on from the highest term.
	Settle time.Duration
	// Restate is how often the unfinished is said again, so that the log may forget old segments: well under its retention.
	Restate time.Duration
	// Forget is how long after its end an action's id is remembered: the retention of the response topic.
	Forget time.Duration
	// MaxRows bounds the findings and actions that wait in memory for ClickHouse or Kafka.
	MaxRows int
	// Calls bounds the webhook calls in flight.
	Calls int
	// StormPerMinute is how many incidents of a minute get a card and messages of their own; 0: all.
	StormPerMinute int
	// DigestAt is the time of day, UTC, since midnight, at which a digest of the last day is sent; negative: never.
	DigestAt time.Duration
}

// LaneDefaults returns the settings that hijackd runs with.
func LaneDefaults() LaneConfig {
	return LaneConfig{Horizon: recentFor, Settle: 10 * time.Second, Restate: 24 * time.Hour, Forget: 30 * 24 * time.Hour, MaxRows: 10_000, Calls: 32, StormPerMinute: stormDefault, DigestAt: 8 * time.Hour}
}

// ErrReread asks for a start at the commit: what exceeded the memory for undelivered rows is to be read again from Kafka.
var ErrReread = errors.New("archived what memory held: the rest is to be read again from the commit")

// Response is the response lane of one signals partition, for one term of office. Its methods but Wake and SetPolicy are called
// from one goroutine; after an error only Close may be called.
type Response struct {
	cfg    LaneConfig
	deps   Deps
	faults faults
	policy atomic.Pointer[Policy]

	journal   journal
	fold      *Fold
	revokers  []*queue // one for each destination, the primary one first
	alerters  []*queue
	board     board
	threads   map[string][]*task   // details, by the incident whose card they wait for
	order     []*task              // the actions to carry out, and some that are over, by authorisation
	waiting   map[string][]*task   // messages, by the action that they tell of
	messages  int                  // that wait to be sent
	pages     map[string]time.Time // kind: when it last paged
	committed int64
	read      int64     // signals before this offset have been folded
	processed time.Time // when the last batch was
	digested  time.Time // the digests due then have been made
	partition int32
	rows      []schema.Action // changed since the last tell
	lines     []line          // of the audit trail, since the last tell
	resumed   time.Time       // when the kill switch went off, zero where it never did
	waited    bool            // it was on at the last look
	restated  time.Time
	filedAt   time.Time
	broken    bool
	uncounted bool      // said that the number of active tokens is unknown
	rereadAt  time.Time // zero unless what was left out is to be read again
	gauges    gauges
	wake      chan struct{}
	ctx       context.Context
	cancel    context.CancelFunc
	running   sync.WaitGroup
	unset     func() // stops the timer

	mu                sync.Mutex
	reports           []report
	archive, announce *follower
	pos               int64
	skipped           int64 // the first signals offset whose rows were left out, or -1
	filed             int64

	// Replaced by tests that own the order of everything.
	spawn func(func())
	pause func(context.Context, time.Duration)
	after func(time.Duration, func()) (stop func())
}

// NewResponse returns a lane that does nothing until Open.
func NewResponse(p *Policy, cfg LaneConfig, deps Deps) *Response {
	deps = deps.withDefaults()
	r := &Response{
		cfg: cfg, deps: deps, fold: NewFold(p), waiting: map[string][]*task{}, threads: map[string][]*task{}, pages: map[string]time.Time{},
		wake: make(chan struct{}, 1), skipped: -1, pause: pause,
		after: func(d time.Duration, f func()) func() { t := time.AfterFunc(d, f); return func() { t.Stop() } },
	}
	r.fold.incidents.perMinute, r.fold.digests.at = cfg.StormPerMinute, cfg.DigestAt
	r.makeQueues()
	r.spawn = func(f func()) { r.running.Go(f) }
	r.policy.Store(p)
	r.journal.decode = readRecord
	r.archive = &follower{name: "archive", effect: r.file}
	r.announce = &follower{name: "announce", effect: func(ctx context.Context, c *chunk) error {
		return r.deps.Publisher.Announce(ctx, c.findings)
	}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// SetPolicy replaces the policy from the next batch on. It may be called from any goroutine.
func (r *Response) SetPolicy(p *Policy) { r.policy.Store(p) }

func (r *Response) file(ctx context.Context, c *chunk) error {
	if len(c.findings) > 0 {
		if err := r.deps.Archive.InsertFindings(ctx, c.findings); err != nil {
			return fmt.Errorf("insert findings: %w", err)
		}
	}
	if len(c.actions) > 0 {
		if err := r.deps.Archive.InsertActions(ctx, c.actions); err != nil {
			return fmt.Errorf("insert actions: %w", err)
		}
	}
	if len(c.audit) > 0 {
		if err := r.deps.Archive.InsertAudit(ctx, c.audit); err != nil {
			return fmt.Errorf("insert audit lines: %w", err)
		}
	}
	return nil
}

// Process folds and decides one batch of signals. A crash before the write costs nothing, the batch is read again; after it the
// next owner finds the actions in the log and carries them out.
func (r *Response) Process(ctx context.Context, recs []schema.Record) error {
	return r.guard(r.process(ctx, recs))
}

func (r *Response) process(ctx context.Context, recs []schema.Record) error {
	if p := r.policy.Load(); p != r.fold.policy {
		r.fold.setPolicy(p)
	}
	r.room(ctx)
	var out []*record
	told := &chunk{from: -1}
	for i := range recs {
		rec := &recs[i]
		at := time.Unix(0, rec.Time).UTC()
		r.fold.offset, r.read = rec.Offset, rec.Offset+1
		s, err := readSignal(rec)
		switch {
		case err != nil:
			r.deps.Metrics.unreadable.Inc()
			r.deps.Logger.Error("unreadable signal skipped", slog.Int64("offset", rec.Offset), slog.Any("error", err))
		case s.Command != nil && s.Command.Verb == schema.Census:
			c := s.Command
			r.fold.Census(c.Tenant, c.App, c.At, c.Count)
		case rec.Offset < r.committed:
			if s.Finding != nil {
				r.fold.Remember(at, s.Finding)
			}
		case s.Finding != nil:
			o := r.fold.Finding(at, s.Finding)
			r.decided(told, rec.Offset, o)
			out = append(out, r.intend(at, o)...)
		case s.Command.Verb == schema.Pool:
			o := r.fold.Pool(at, s.Command)
			r.decided(told, rec.Offset, o)
			out = append(out, r.intend(at, o)...)
		default:
			if err := r.write(ctx, out); err != nil { // people order what is durable
				return err
			}
			o, err := r.obey(ctx, rec.Offset, at, s.Command)
			if err != nil {
				return err
			}
			r.decided(told, rec.Offset, o)
			told.begin(rec.Offset)
			out = r.intend(at, o)
		}
	}
	r.processed = r.deps.Now()
	out = append(out, r.storms(r.processed)...)
	out = append(r.fold.digests.unsaved(r.fold.newest, r.read), out...)
	if r.faults.dispatchBeforeDurable {
		for _, rec := range out {
			if a := rec.Action; a != nil && a.State == schema.ActionPending {
				r.spawn(func() { r.deps.Revoker.Revoke(r.ctx, a) })
			}
		}
	}
	if err := r.write(ctx, out); err != nil {
		return err
	}
	r.mu.Lock()
	if n := len(recs); n > 0 {
		r.pos = max(r.pos, recs[n-1].Offset+1)
	}
	r.mu.Unlock()
	if told.from < 0 {
		told.from = r.pos
	}
	r.tellRows(told, false)
	return r.advance(ctx)
}

// decided adds findings to what is told of a batch.
func (r *Response) decided(told *chunk, offset int64, o Outcome) {
	fs := o.Findings
	if len(fs) > 0 {
		told.begin(offset)
	}
	told.findings = append(told.findings, fs...)
	told.audit = append(told.audit, o.audit...)
	for i := range fs {
		r.deps.Metrics.findings.WithLabelValues(fs[i].Rule, string(fs[i].Severity), string(fs[i].Decision)).Inc()
	}
}

// intend turns what a signal causes into records.
func (r *Response) intend(at time.Time, o Outcome) (rs []*record) {
	if o.learned != nil {
		rs = append(rs, &record{Pool: o.learned})
	}
	for _, a := range o.Actions {
		if _, known := r.fold.active(a.Tenant, at); !known && !r.uncounted {
			r.uncounted = true
			r.deps.Logger.Warn("policy.limits.percent_of_active does not bind: no app has told how many tokens are active")
		}
		rs = append(rs, &record{Action: a, Since: at})
		if a.State == schema.ActionHeld {
			rs = append(rs, r.page("held", a.ID, "Revocations exceed the limits of policy.limits and are held until somebody releases or discards them.")...)
		}
	}
	for _, a := range o.Alerts {
		switch {
		case r.deps.Alerter == nil:
			r.fold.forget(a)
		case r.messages >= alertsMost:
			r.fold.forget(a)
			rs = append(rs, r.page("flood", a.ID, "More findings than messages can be sent: the rest is in the findings table only.")...)
		default:
			rs = append(rs, &record{Alert: a, State: schema.ActionPending, Since: at})
		}
	}
	return rs
}

// alertsMost is how many messages may wait before findings stop getting a message each: Slack takes about one a second.
const alertsMost = 1000

// tellRows tells a batch's findings together with the actions that changed.
func (r *Response) tellRows(c *chunk, unbounded bool) {
	c.actions, r.rows = r.rows, nil
	for i := range r.lines {
		c.audit = append(c.audit, r.lines[i].Audit)
	}
	r.lines = nil
	if r.skipped < 0 {
		c.filed = r.journal.next
	}
	r.tell(c, unbounded)
}

func readSignal(rec *schema.Record) (*schema.Signal, error) {
	if rec.Broken != "" {
		return nil, fmt.Errorf("broken record: %s", rec.Broken)
	}
	var s schema.Signal
	if err := json.Unmarshal(rec.Value, &s); err != nil {
		return nil, errors.New("not the JSON of a signal") // the decoder's own text may quote the record
	}
	if (s.Finding == nil) == (s.Command == nil) {
		return nil, errors.New("neither a finding nor a command")
	}
	if s.Finding != nil && s.Finding.ID == "" {
		return nil, errors.New("a finding without an id")
	}
	return &s, nil
}

// guard remembers that the lane's state is not to be trusted any more.
func (r *Response) guard(err error) error {
	if err != nil {
		r.broken = true
	}
	return err
}

// Wake returns the channel that asks for a call of Work.
func (r *Response) Wake() <-chan struct{} { return r.wake }

func (r *Response) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close waits for the calls in flight and records their outcomes, bounded by ctx. After an error it abandons them: the next owner
// repeats them under the same ids.
func (r *Response) Close(ctx context.Context) {
	if r.unset != nil {
		r.unset()
	}
	for !r.broken && ctx.Err() == nil {
		if err := r.guard(r.record(ctx)); err != nil {
			r.deps.Logger.Warn("response lane closes with calls in flight", slog.Any("error", err))
		}
		if !r.busy() {
			break
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
		}
	}
	r.cancel()
	r.running.Wait()
	r.deps.Metrics.lane(&r.gauges, false)
}

// calls counts the calls in flight.
func (r *Response) calls() (n int) {
	for _, qs := range [][]*queue{r.revokers, r.alerters} {
		for _, q := range qs {
			n += q.calls
		}
	}
	return n + r.board.calls
}

// busy reports whether a call is in flight, or a follower has work and gets it done.
func (r *Response) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.calls()
	for _, f := range []*follower{r.archive, r.announce} {
		if !f.failing {
			n += len(f.queue)
		}
	}
	return n > 0 || len(r.reports) > 0
}
