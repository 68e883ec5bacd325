package lane

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// slowLog answers after a while, or not at all.
type slowLog struct {
	*toyLog
	load, seen time.Duration
	failing    atomic.Bool
	loads      atomic.Int32
	drained    int
}

func (c *slowLog) Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *toy)) error {
	c.loads.Add(1)
	select {
	case <-time.After(c.load):
	case <-ctx.Done():
	}
	if c.failing.Load() {
		return errAway
	}
	return c.toyLog.Load(ctx, before, subjects, each)
}

func (c *slowLog) Seen(ctx context.Context, each func(uint64)) error {
	time.Sleep(c.seen)
	return c.toyLog.Seen(ctx, each)
}

func (c *slowLog) Drain(ctx context.Context) error {
	c.drained++
	return c.toyLog.Drain(ctx)
}

func newSlowLane(p *published, c *slowLog, stored ...string) *Detecting[toy] {
	tab := &table{rows: map[string]toy{}}
	for i, v := range stored {
		e := toy{offset: int64(i)}
		fmt.Sscanf(v, "%s %s", &e.key, &e.id)
		tab.rows[v] = e
	}
	l := newToyLane(tab, p.publish)
	l.Changelog = func(_ int32, from int64) Changelog[toy] {
		c.toyLog = &toyLog{t: tab, stored: from}
		return c
	}
	return l
}

func TestALateAnswerIsWaitedForWhileNothingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := newSlowLane(p, &slowLog{load: 20 * time.Second}, "a 1", "a 2")
		open(t, l, 2)
		must(t, l.Process(t.Context(), batch(2, "a 3")))
		for range 19 {
			time.Sleep(time.Second)
			must(t, l.Work(t.Context()))
		}
		p.want(t)
		time.Sleep(time.Second)
		settle(t, l)
		p.want(t, "found: found a")
		if l.Durable() != 3 {
			t.Errorf("durable %d, want 3", l.Durable())
		}
	})
}

func TestFailingLookUpsAreNotRepeatedInAHurryAndHoldTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		c := &slowLog{}
		c.failing.Store(true)
		l := newSlowLane(p, c, "a 1", "a 2", "b 1")
		open(t, l, 3)
		must(t, l.Process(t.Context(), batch(3, "a 3", "a 4", "a 5", "new 1")))
		for end := time.Now().Add(patience + time.Second); time.Now().Before(end); {
			must(t, l.pause(t.Context()))
			must(t, l.Work(t.Context()))
		}
		p.want(t, "found: found a without history")
		if n := c.loads.Load(); n > 40 {
			t.Errorf("%d look-ups in 6 s", n)
		}
		if l.Durable() != 3 {
			t.Errorf("durable %d: past a key that was judged without history", l.Durable())
		}
		must(t, l.Process(t.Context(), batch(7, "b 2", "b 3", "b 4"))) // known to be of no use
		time.Sleep(time.Second)
		settle(t, l)
		p.want(t, "found: found a without history", "found: found b without history")
		c.failing.Store(false)
		time.Sleep(time.Second)
		must(t, l.Work(t.Context()))
		synctest.Wait()
		if err := l.Work(t.Context()); !errors.Is(err, ErrStartAgain) {
			t.Errorf("history is back and the lane goes on: %v", err)
		}
	})
}

func TestALaneStartsBeforeItsIndexIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		c := &slowLog{seen: time.Minute}
		l := newSlowLane(p, c, "a 1", "a 2")
		open(t, l, 2)
		must(t, l.Process(t.Context(), batch(2, "a 3", "b 1", "b 2", "b 3")))
		settle(t, l)
		p.want(t, "found: found a", "found: found b")
		time.Sleep(time.Minute)
		settle(t, l)
		loads := c.loads.Load()
		l.Fold.(*toyFold).evict()
		must(t, l.Process(t.Context(), batch(6, "c 1", "c 2", "c 3")))
		p.want(t, "found: found a", "found: found b", "found: found c")
		if c.loads.Load() != loads {
			t.Error("a new key was looked up although the index is there")
		}
		must(t, l.Process(t.Context(), batch(9, "b 4"))) // came before the index was there
		settle(t, l)
		if c.loads.Load() == loads {
			t.Error("a key that came before the index was taken for new")
		}
	})
}

func TestNoMoreEventsWaitThanMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := newSlowLane(p, &slowLog{load: 10 * time.Second}, "a 0", "b 0")
		open(t, l, 2)
		most := 0
		l.Decode = func(r *schema.Record, e *toy) (string, []byte) {
			most = max(most, l.waiting.events)
			return decodeToy(r, e)
		}
		values := make([]string, 2*waitAtMost)
		for i := range values {
			values[i] = fmt.Sprintf("%c %d", "ab"[i%2], 1+i)
		}
		begun := time.Now()
		must(t, l.Process(t.Context(), batch(2, values...)))
		if most < waitAtMost/2 || most >= waitAtMost {
			t.Errorf("up to %d events waited, want at most %d", most, waitAtMost)
		}
		if took := time.Since(begun); took < 10*time.Second {
			t.Errorf("went on after %s, before the answer", took)
		}
		settle(t, l)
		p.want(t, "found: found a", "found: found b")
		if l.waiting.events != 0 || l.waiting.len() != 0 {
			t.Errorf("%d events of %d keys still wait", l.waiting.events, l.waiting.len())
		}
	})
}

// pressedFold has outgrown its memory until something more is stored.
type pressedFold struct {
	*toyFold
	pressed bool
}

func (f *pressedFold) Pressed() bool { return f.pressed }
func (f *pressedFold) Stored(int64)  { f.pressed = false }
func (f *pressedFold) Fold(e *toy) {
	f.pressed = f.pressed || e.id == "large"
	f.toyFold.Fold(e)
}

func TestAFoldUnderPressureWaitsForTheStorerUnlessItIsAway(t *testing.T) {
	p := &published{}
	c := &slowLog{}
	l := newSlowLane(p, c)
	l.Fold = &pressedFold{toyFold: newToyFold()}
	open(t, l, 0)
	must(t, l.Process(t.Context(), batch(0, "a 1", "a 2")))
	if c.drained != 0 {
		t.Error("waited for the storer without need")
	}
	must(t, l.Process(t.Context(), batch(2, "b large")))
	must(t, l.Process(t.Context(), batch(3, "b larger")))
	l.Fold.(*pressedFold).pressed = true
	must(t, l.Process(t.Context(), batch(4, "b largest")))
	if c.drained != 1 {
		t.Errorf("waited %d times for the storer within a moment, want once", c.drained)
	}
	c.t.set(true)
	must(t, l.Process(t.Context(), batch(5, "c large", "a 3")))
	if c.drained != 1 {
		t.Error("waited for a storer that is away")
	}
	p.want(t, "found: found a", "found: found b")
}

func TestAHandOverJudgesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := newSlowLane(p, &slowLog{load: 2 * time.Second}, "a 1", "a 2")
		open(t, l, 2)
		must(t, l.Process(t.Context(), batch(2, "a 3", "b 1")))
		l.Close(t.Context())
		p.want(t, "found: found a")
		if l.Durable() != 4 {
			t.Errorf("durable %d, want 4: the next owner repeats the rest", l.Durable())
		}
	})
}

func TestAHandOverThatCannotPublishCommitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := newSlowLane(p, &slowLog{load: time.Second}, "a 1", "a 2")
		open(t, l, 2)
		must(t, l.Process(t.Context(), batch(2, "a 3", "b 1")))
		l.Publish = func(ctx context.Context, out []Outgoing) error {
			if len(out) > 0 {
				return errors.New("timed out")
			}
			return nil
		}
		l.Close(t.Context())
		if l.Durable() > 2 {
			t.Errorf("durable %d: past a finding that was not published", l.Durable())
		}
	})
}
