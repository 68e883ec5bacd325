package actions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// revoking is a revoker made of a function; alerting an alerter.
type (
	revoking func(ctx context.Context, a *schema.Action) Result
	alerting func(ctx context.Context, a *Alert) Result
)

func (f revoking) Revoke(ctx context.Context, a *schema.Action) Result { return f(ctx, a) }
func (f alerting) Alert(ctx context.Context, a *Alert) Result          { return f(ctx, a) }

// open starts a lane in a bubble and works it until the bubble ends, as a runner does.
func open(t *testing.T, deps Deps, cfg LaneConfig) *Response {
	t.Helper()
	r := NewResponse(enforcing(t), cfg, deps)
	if _, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}}); err != nil {
		t.Fatal(err)
	}
	return r
}

// run works a lane for so long.
func run(t *testing.T, r *Response, d time.Duration) {
	t.Helper()
	end := time.After(d)
	for {
		select {
		case <-r.Wake():
			if err := r.Work(t.Context()); err != nil {
				t.Fatal(err)
			}
		case <-end:
			return
		}
	}
}

func process(t *testing.T, r *Response, fs ...*schema.Finding) {
	t.Helper()
	var recs []schema.Record
	for i, f := range fs {
		recs = append(recs, signal(t, r.pos+int64(i), schema.Signal{Finding: f}))
	}
	if err := r.Process(t.Context(), recs); err != nil {
		t.Fatal(err)
	}
}

func abandon(r *Response) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	r.Close(gone)
}

func TestRetriesHardThenBacksOffThenGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		var calls []time.Duration
		var ids []string
		start := time.Now()
		d := m.deps()
		d.Jitter = func() float64 { return 1 } // the nominal delays
		d.Revoker = revoking(func(_ context.Context, a *schema.Action) Result {
			calls, ids = append(calls, time.Since(start)), append(ids, a.ID)
			return Result{Class: Again, Detail: "503"}
		})
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, 25*time.Hour)
		if want := []time.Duration{0, 250 * time.Millisecond, 750 * time.Millisecond, 1750 * time.Millisecond, 3750 * time.Millisecond, 5750 * time.Millisecond}; !slices.Equal(calls[:6], want) {
			t.Errorf("first calls after %v, want %v", calls[:6], want)
		}
		hard := slices.IndexFunc(calls, func(d time.Duration) bool { return d >= time.Minute })
		if hard < 30 || hard > 35 {
			t.Errorf("%d calls in the first minute", hard)
		}
		if got := []time.Duration{calls[hard+1] - calls[hard], calls[hard+2] - calls[hard+1], calls[hard+3] - calls[hard+2]}; !slices.Equal(got, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}) {
			t.Errorf("then delays of %v, want 5, 10, 20 s", got)
		}
		end := len(calls) - 1
		if got := calls[end] - calls[end-1]; got != 10*time.Minute {
			t.Errorf("at last a delay of %s, want 10 min", got)
		}
		if calls[end] < 24*time.Hour || calls[end] > 24*time.Hour+10*time.Minute {
			t.Errorf("given up after %s, want 24 h", calls[end])
		}
		if len(slices.Compact(ids)) != 1 {
			t.Error("more than one id")
		}
		last := m.actions[len(m.actions)-1]
		if last.State != schema.ActionFailed || last.Attempts != len(calls) || last.Outcome != "503" {
			t.Errorf("%+v", last)
		}
		var pages []string
		for _, a := range m.alerts {
			if a.Page != "" {
				pages = append(pages, a.ID)
			}
		}
		if want := []string{"page_pending_" + ids[0], "page_failed_" + ids[0]}; !slices.Equal(pages, want) {
			t.Errorf("pages %v, want %v", pages, want)
		}
		abandon(r)
	})
}

func TestJitterSpreadsRetries(t *testing.T) {
	for _, age := range []time.Duration{0, time.Hour} {
		for tries := 1; tries < 40; tries++ {
			low, high := backOff(age, tries, 0, 0), backOff(age, tries, 0, 1)
			if low <= 0 || low*2 != high {
				t.Errorf("age %s, try %d: from %s to %s", age, tries, low, high)
			}
		}
	}
	if got := backOff(0, 1, 90*time.Second, 0.5); got != 90*time.Second {
		t.Errorf("Retry-After of 90 s became %s", got)
	}
	if got := backOff(0, 1, 1000*time.Hour, 0.5); got != time.Hour {
		t.Errorf("Retry-After of 1000 h became %s", got)
	}
}

func TestPagesOncePerOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		d.Revoker = revoking(func(context.Context, *schema.Action) Result { return Result{Class: Again, Detail: "timeout"} })
		r := open(t, d, LaneDefaults())
		for i := range 5 {
			process(t, r, conclusive(fmt.Sprint("h1:k1:", i)))
		}
		pages := func() (n int) {
			for _, a := range m.alerts {
				if a.Page != "" {
					n++
				}
			}
			return n
		}
		run(t, r, 2*time.Minute-time.Second)
		if pages() != 0 {
			t.Error("paged before 2 min")
		}
		run(t, r, 2*time.Second)
		if pages() != 1 {
			t.Errorf("%d pages just after 2 min", pages())
		}
		run(t, r, time.Hour)
		if pages() != 1 {
			t.Errorf("%d pages after an hour", pages())
		}
		abandon(r)
	})
}

func TestSlowSlackDoesNotDelayRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		d.Alerter = alerting(func(ctx context.Context, _ *Alert) Result {
			<-ctx.Done()
			return Result{Class: Again}
		})
		r := open(t, d, LaneDefaults())
		for i := range 10 {
			process(t, r, conclusive(fmt.Sprint("h1:k1:", i)))
			run(t, r, 10*time.Second)
			if m.called() != i+1 {
				t.Fatalf("%d calls after finding %d", m.called(), i)
			}
		}
		abandon(r)
	})
}

func TestSlowTokenDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		var mu sync.Mutex
		var order []string
		d.Revoker = revoking(func(ctx context.Context, a *schema.Action) Result {
			if a.Token == "h1:k1:slow" && a.Epoch == "0" {
				time.Sleep(time.Minute)
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, a.Token+"/"+a.Epoch)
			return Result{Class: Done}
		})
		r := open(t, d, LaneDefaults())
		second := conclusive("h1:k1:slow")
		second.Epoch, second.ID = 1, "fnd_second"
		process(t, r, conclusive("h1:k1:slow"), second, conclusive("h1:k1:quick"))
		run(t, r, 2*time.Minute)
		if want := []string{"h1:k1:quick/0", "h1:k1:slow/0", "h1:k1:slow/1"}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		abandon(r)
	})
}

func TestReleasedActionsGoOutNoFasterThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		var at []time.Duration
		start := time.Now()
		d.Revoker = revoking(func(context.Context, *schema.Action) Result {
			at = append(at, time.Since(start))
			return Result{Class: Done}
		})
		c := Defaults()
		c.Mode, c.Limits.RevokesPerMinute = Enforce, 1
		p, err := NewPolicy(c, map[string]Mode{"parallel-use": Enforce})
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, d, LaneDefaults())
		r.SetPolicy(p)
		var ids []string
		for i := range 4 {
			token := fmt.Sprint("h1:k1:", i)
			process(t, r, conclusive(token))
			ids = append(ids, schema.ActionID("", token, "revoke_session", "0"))
		}
		run(t, r, time.Second)
		if len(at) != 1 {
			t.Fatalf("%d calls, want 1 and 3 held", len(at))
		}
		start = time.Now()
		if err := r.Process(t.Context(), []schema.Record{signal(t, 4, schema.Signal{Command: &schema.Command{ID: "cmd_1", Verb: schema.Release, Actions: ids, By: "ana", Why: "a drill"}})}); err != nil {
			t.Fatal(err)
		}
		run(t, r, time.Hour)
		if want := []time.Duration{0, 0, time.Minute, 2 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("calls after %v, want %v", at, want)
		}
		abandon(r)
	})
}

func TestClickHouseAwayDelaysTheCommitAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		var away atomic.Bool
		away.Store(true)
		d.Archive = failing{m, &away}
		cfg := LaneDefaults()
		cfg.MaxRows = 10
		r := open(t, d, cfg)
		for i := range 40 {
			process(t, r, conclusive(fmt.Sprint("h1:k1:", i)))
			run(t, r, 10*time.Second)
		}
		if len(m.calls) != 40 || len(m.announced) == 0 || len(m.findings) != 0 || r.Durable() != 0 {
			t.Errorf("%d calls, %d announced, %d stored, durable %d", len(m.calls), len(m.announced), len(m.findings), r.Durable())
		}
		r.mu.Lock()
		rows := r.archive.rows
		r.mu.Unlock()
		if rows > 2*cfg.MaxRows {
			t.Errorf("%d rows in memory", rows)
		}
		away.Store(false)
		var err error
		for err == nil {
			<-r.Wake()
			err = r.Work(t.Context())
			if r.rereadAt.IsZero() {
				continue
			}
			time.Sleep(3 * time.Second)
			err = r.Work(t.Context())
		}
		if !errors.Is(err, ErrReread) || r.Durable() == 0 {
			t.Fatalf("%v, durable %d; want to be started again behind what was stored", err, r.Durable())
		}
		abandon(r)
		again := NewResponse(enforcing(t), cfg, d)
		from, err := again.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 2}, Committed: r.Durable()})
		if err != nil {
			t.Fatal(err)
		}
		for i := int(from); i < 40; i++ {
			process(t, again, conclusive(fmt.Sprint("h1:k1:", i)))
			run(t, again, time.Second)
		}
		run(t, again, time.Minute)
		stored, acted := map[string]bool{}, map[string]bool{}
		for _, f := range m.findings {
			stored[f.ID] = true
		}
		for _, a := range m.actions {
			if a.State == schema.ActionDelivered {
				acted[a.ID] = true
			}
		}
		if len(stored) != 40 || len(acted) != 40 || len(m.calls) != 40 || again.Durable() != 40 {
			t.Errorf("%d findings and %d deliveries stored, %d calls, durable %d; want 40 of each", len(stored), len(acted), len(m.calls), again.Durable())
		}
		abandon(again)
	})
}

// failing is an archive that is away while away is set.
type failing struct {
	*memory
	away *atomic.Bool
}

func (f failing) InsertFindings(ctx context.Context, fs []schema.Finding) error {
	if f.away.Load() {
		return errors.New("connection refused")
	}
	return f.memory.InsertFindings(ctx, fs)
}

func (f failing) InsertActions(ctx context.Context, as []schema.Action) error {
	if f.away.Load() {
		return errors.New("connection refused")
	}
	return f.memory.InsertActions(ctx, as)
}

func (f failing) InsertAudit(ctx context.Context, lines []schema.Audit) error {
	if f.away.Load() {
		return errors.New("connection refused")
	}
	return f.memory.InsertAudit(ctx, lines)
}

// Once the receiver said yes it is not called again for a Kafka that is away: only session.revoked is published again.
func TestPublishingIsRetriedWithoutAnotherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		p := &flaky{memory: m}
		p.away.Store(true)
		d.Publisher = p
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, time.Minute)
		if m.called() != 1 || len(m.actions) != 1 || m.actions[0].State != schema.ActionPending {
			t.Errorf("%d calls, %+v", m.called(), m.actions)
		}
		p.away.Store(false)
		run(t, r, time.Minute)
		last := m.actions[len(m.actions)-1]
		if m.called() != 1 || len(m.revoked) != 1 || last.State != schema.ActionDelivered || last.Outcome != "204" {
			t.Errorf("%d calls, %d published, %+v", m.called(), len(m.revoked), last)
		}
		abandon(r)
	})
}

// flaky is a publisher that is away while away is set.
type flaky struct {
	*memory
	away atomic.Bool
}

func (f *flaky) Revoked(ctx context.Context, a *schema.Action) error {
	if f.away.Load() {
		return errors.New("broker away")
	}
	return f.memory.Revoked(ctx, a)
}

func TestCloseRecordsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		d.Revoker = revoking(func(context.Context, *schema.Action) Result {
			time.Sleep(2 * time.Second)
			return Result{Class: Done, Detail: "204"}
		})
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:a"))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r.Close(ctx)
		id := schema.ActionID("", "h1:k1:a", "revoke_session", "0")
		if e := r.fold.entries[id]; e.state != schema.ActionDelivered || r.Durable() != 1 {
			t.Errorf("%+v, durable %d", e, r.Durable())
		}
	})
}

func TestZombieLearnsFromTheLogAndActsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		old := open(t, m.deps(), LaneDefaults())
		next := NewResponse(enforcing(t), LaneDefaults(), m.deps())
		if _, err := next.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		err := old.Process(t.Context(), []schema.Record{signal(t, 0, schema.Signal{Finding: conclusive("h1:k1:a")})})
		if !errors.Is(err, ErrFenced) {
			t.Errorf("%v, want ErrFenced", err)
		}
		synctest.Wait()
		if len(m.calls) != 0 {
			t.Error("a zombie called")
		}
		abandon(old)
		// Its generation is over, which it does not know yet: a new start of it waits before it goes beyond the highest term.
		again := NewResponse(enforcing(t), LaneDefaults(), m.deps())
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		if _, err := again.Open(ctx, schema.Assignment{Term: schema.Term{Generation: 1, Start: 2}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want to be told in the meantime", err)
		}
		abandon(again)
		abandon(next)
	})
}

// No text of an error of the outside that may hold a secret, no token, user or session gets into the log.
func TestNoTokenInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		var out bytes.Buffer
		d := m.deps()
		d.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		d.Revoker = revoking(func(_ context.Context, a *schema.Action) Result {
			if strings.HasSuffix(a.Token, "1") {
				return Result{Class: Refused, Detail: "410"}
			}
			return Result{Class: Again, Detail: "timeout"}
		})
		r := open(t, d, LaneDefaults())
		for i := range 2 {
			f := conclusive(fmt.Sprint("h1:k1:canary", i))
			f.User, f.Session, f.Summary = "canary-user", "canary-session", "canary-summary"
			process(t, r, f)
		}
		rec := schema.Record{Offset: 2, Value: []byte(`{"canary`)}
		if err := r.Process(t.Context(), []schema.Record{rec, {Offset: 3, Broken: "bad CRC"}, {Offset: 4, Value: []byte(`{"finding":{"id":["canary"]}}`)}}); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		m.log, m.times = append(m.log, Entry{Value: []byte(`{"canary": canary`)}), append(m.times, time.Now())
		m.mu.Unlock()
		run(t, r, 25*time.Hour)
		abandon(r)
		if out.Len() == 0 || strings.Contains(out.String(), "canary") {
			t.Error(out.String())
		}
		if r.Durable() != 5 {
			t.Errorf("poison holds the lane at %d", r.Durable())
		}
	})
}
