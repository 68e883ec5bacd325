package actions

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// script is a log made of records of one action and of openings.
type script struct {
	t *testing.T
	m *memory
}

func (s script) say(o office, r *record) {
	s.t.Helper()
	r.Office = o
	e, err := r.entry()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.m.Append(s.t.Context(), []Entry{e}); err != nil {
		s.t.Fatal(err)
	}
}

func (s script) opens(o office) { s.say(o, &record{Opening: &o.Generation}) }

func (s script) action(o office, id string, st schema.ActionState) {
	s.say(o, &record{Action: &schema.Action{ID: id, Action: schema.RevokeSession, State: st, Token: "t", Subject: "t"}})
}

// read reads the log from an offset on, as if retention had deleted what is before it.
func (s script) read(from int64) map[string]*entry {
	s.t.Helper()
	j := journal{log: s.m, logger: slog.New(slog.DiscardHandler), fold: limited(s.t, 1, 1), decode: readRecord, next: from}
	if err := j.read(s.t.Context(), nil); err != nil {
		s.t.Fatal(err)
	}
	return j.fold.entries
}

func (s script) states(from int64) map[string]string {
	s.t.Helper()
	states := map[string]string{}
	for id, e := range s.read(from) {
		states[id] = e.state.String()
	}
	return states
}

func at(gen, start int64, by uint64) office {
	return office{schema.Term{Generation: gen, Start: start}, by}
}

func TestRecordsBehindAHigherOpeningAreVoid(t *testing.T) {
	s := script{t, &memory{}}
	first, second := at(1, 1, 7), at(2, 1, 8)
	s.opens(first)
	s.action(first, "act_before", schema.ActionPending)
	s.opens(second)
	s.action(first, "act_before", schema.ActionDelivered)
	s.action(first, "act_behind", schema.ActionPending)
	s.action(second, "act_second", schema.ActionHeld)
	s.opens(first) // lands late
	s.action(first, "act_late", schema.ActionPending)
	got := s.states(0)
	if got["act_before"] != "pending" || got["act_second"] != "held" || len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestOfTwoOwnersOfOneTermTheFirstHasIt(t *testing.T) {
	s := script{t, &memory{}}
	first, second := at(3, 2, 7), at(3, 2, 8)
	s.opens(first)
	s.opens(second)
	s.action(second, "act_second", schema.ActionPending)
	s.action(first, "act_first", schema.ActionPending)
	if got := s.states(0); got["act_first"] != "pending" || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestOfAnActionsRecordsTheHighestCounts(t *testing.T) {
	s := script{t, &memory{}}
	o := at(1, 1, 7)
	s.opens(o)
	for _, st := range []schema.ActionState{schema.ActionHeld, schema.ActionReleased, schema.ActionDelivered, schema.ActionHeld, schema.ActionPending, schema.ActionFailed, schema.ActionDiscarded} {
		s.action(o, "act_1", st)
	}
	if got := s.states(0); got["act_1"] != "delivered" {
		t.Errorf("%v", got)
	}
}

// What retention deletes is the beginning of the log. Wherever it cuts, what is left says the same about what is not over, and what
// is over stays over, also where an old record was repeated late.
func TestRetentionMayCutAnywhereBehindTheLastRestatement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		d.Revoker = revoking(func(ctx context.Context, a *schema.Action) Result {
			if a.Token == "h1:k1:stuck" {
				<-ctx.Done() // not given up, since it never ends
				return Result{Class: Again}
			}
			return Result{Class: Done}
		})
		r := open(t, d, LaneDefaults())
		process(t, r, conclusive("h1:k1:stuck"), conclusive("h1:k1:done"))
		second := conclusive("h1:k1:stuck")
		second.Epoch, second.ID = 1, "fnd_second"
		process(t, r, second)
		run(t, r, time.Minute)
		late := slices.IndexFunc(m.log, func(e Entry) bool {
			return string(e.Key) == "action/"+schema.ActionID("", "h1:k1:done", "revoke_session", "0")
		})
		m.mu.Lock()
		m.log, m.times = append(m.log, m.log[late]), append(m.times, m.times[late]) // a produce that timed out lands once more
		m.mu.Unlock()
		cut := int64(len(m.log)) - 1
		run(t, r, 23*time.Hour)
		process(t, r, conclusive("h1:k1:later")) // between the cut and the restatement
		run(t, r, 59*time.Minute+30*time.Second)
		abandon(r)
		s := script{t, m}
		lives := []string{schema.ActionID("", "h1:k1:stuck", "revoke_session", "0"), schema.ActionID("", "h1:k1:stuck", "revoke_session", "1")}
		for from := range cut + 1 {
			got := s.states(from)
			for token, want := range map[string]string{"h1:k1:stuck": "pending", "h1:k1:done": "delivered", "h1:k1:later": "delivered"} {
				if id := schema.ActionID("", token, "revoke_session", "0"); got[id] != want {
					t.Fatalf("cut at %d: %s is %q, want %q", from, token, got[id], want)
				}
			}
			es := s.read(from)
			if a, b := es[lives[0]], es[lives[1]]; a.order >= b.order || a.since.After(b.since) {
				t.Fatalf("cut at %d: one token's actions change places: %d, %d", from, a.order, b.order)
			}
		}
		// The next owner goes on in the old order.
		cutLog := &memory{log: m.log[cut:], times: m.times[cut:]}
		d = cutLog.deps()
		next := open(t, d, LaneDefaults())
		run(t, next, time.Minute)
		if !slices.Equal(cutLog.calls, lives) {
			t.Errorf("calls %v, want %v", cutLog.calls, lives)
		}
		abandon(next)
	})
}

// A read that ends before what was just written would leave it undone until the next one: the lane starts again instead.
func TestWhatIsNotReadBackIsNotTakenForWritten(t *testing.T) {
	m := &memory{}
	d := m.deps()
	stale := &staleLog{memory: m}
	d.Log = stale
	r := open(t, d, LaneDefaults())
	stale.end = int64(len(m.log))
	err := r.Process(t.Context(), []schema.Record{signal(t, 0, schema.Signal{Finding: conclusive("h1:k1:a")})})
	if !errors.Is(err, errWriteLost) || m.called() != 0 {
		t.Errorf("%v, %d calls", err, m.called())
	}
	abandon(r)
}

// staleLog reads no further than end, where that is set.
type staleLog struct {
	*memory
	end int64
}

func (s *staleLog) Read(ctx context.Context, from int64, each func(int64, time.Time, []byte, []byte) error) (int64, error) {
	next, err := s.memory.Read(ctx, from, func(offset int64, at time.Time, key, value []byte) error {
		if s.end > 0 && offset >= s.end {
			return nil
		}
		return each(offset, at, key, value)
	})
	if s.end > 0 {
		next = min(next, s.end)
	}
	return next, err
}

// A consumer group that expired begins again with generation 1; its terms go on from the highest in the log.
func TestGenerationsThatBeginAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script{t, &memory{}}
		o := at(41, 3, 7)
		s.opens(o)
		s.action(o, "act_1", schema.ActionPending)
		r := NewResponse(enforcing(t), LaneDefaults(), s.m.deps())
		start := time.Now()
		if _, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		if got := r.journal.me.Term; got != (schema.Term{Generation: 41, Start: 4}) || time.Since(start) != 10*time.Second {
			t.Errorf("term %+v after %s", got, time.Since(start))
		}
		run(t, r, time.Minute)
		if !slices.Equal(s.m.calls, []string{"act_1"}) {
			t.Errorf("calls %v", s.m.calls)
		}
		abandon(r)
		again := NewResponse(enforcing(t), LaneDefaults(), s.m.deps())
		start = time.Now()
		if _, err := again.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: 1}}); err != nil {
			t.Fatal(err)
		}
		if got := again.journal.me.Term; got != (schema.Term{Generation: 41, Start: 5}) || time.Since(start) != 0 {
			t.Errorf("term %+v after %s", got, time.Since(start))
		}
		abandon(again)
	})
}

// What stands before the commit was decided by an owner before.
func TestSignalsBeforeTheCommitAreFoldedWithoutActing(t *testing.T) {
	m := &memory{}
	d := m.deps()
	d.Horizon = func(_ context.Context, offset int64, _ time.Duration) (int64, error) { return offset - 2, nil }
	r := NewResponse(enforcing(t), LaneDefaults(), d)
	from, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}, Committed: 10})
	if err != nil || from != 8 {
		t.Fatal(from, err)
	}
	f := conclusive("h1:k1:a")
	if err := r.Process(t.Context(), []schema.Record{signal(t, 8, schema.Signal{Finding: f}), signal(t, 10, schema.Signal{Finding: f})}); err != nil {
		t.Fatal(err)
	}
	if n := len(r.fold.entries); n != 0 {
		t.Errorf("%d entries of what was decided before the commit", n)
	}
	abandon(r)
}
