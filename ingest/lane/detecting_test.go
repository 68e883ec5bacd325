package lane

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func batch(from int64, values ...string) Batch {
	b := Batch{Next: from + int64(len(values))}
	for i, v := range values {
		b.Records = append(b.Records, schema.Record{Offset: from + int64(i), Value: []byte(v)})
	}
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, l *Detecting[toy], at int64) {
	t.Helper()
	from, err := l.Open(t.Context(), schema.Assignment{Committed: at})
	must(t, err)
	if from != at {
		t.Fatalf("reads from %d, want %d", from, at)
	}
}

// settle lets a look-up be answered and handled.
func settle(t *testing.T, l *Detecting[toy]) {
	t.Helper()
	synctest.Wait()
	must(t, l.Work(t.Context()))
}

func TestPoisonBecomesDeadLettersAndDisturbsNothing(t *testing.T) {
	p := &published{}
	l := newToyLane(&table{rows: map[string]toy{}}, p.publish)
	open(t, l, 0)
	must(t, l.Process(t.Context(), batch(0, "a 1", "poison", "a 2", "", "a 3")))
	p.want(t, "dead: letter", "dead: letter", "found: found a")
	if l.Durable() != 5 {
		t.Errorf("durable %d, want 5", l.Durable())
	}
}

func TestKeysWithHistoryWaitForItAndHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		tab := &table{rows: map[string]toy{"a 1": {"a", "1", 0}, "a 2": {"a", "2", 1}, "a 9": {"a", "9", 7}}} // 7: stored past the commit
		l := newToyLane(tab, p.publish)
		open(t, l, 5)
		must(t, l.Process(t.Context(), batch(5, "b 1", "a 3", "a 9", "b 2", "b 3")))
		p.want(t, "found: found b")
		if l.Durable() != 6 {
			t.Errorf("durable %d while the event at 6 waits", l.Durable())
		}
		settle(t, l)
		p.want(t, "found: found a", "found: found b")
		if l.Durable() != 10 {
			t.Errorf("durable %d, want 10", l.Durable())
		}
		l.Close(t.Context())
	})
}

func TestTheFilterLearnsAndEvictedKeysAreLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		l := newToyLane(&table{rows: map[string]toy{}}, p.publish)
		open(t, l, 0)
		must(t, l.Process(t.Context(), batch(0, "a 1", "a 2")))
		l.Fold.(*toyFold).evict()
		must(t, l.Process(t.Context(), batch(2, "a 3")))
		p.want(t)
		settle(t, l)
		p.want(t, "found: found a")
	})
}

func TestWithoutClickHouseDetectionGoesOnAndStartsAgainWhenItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		tab := &table{rows: map[string]toy{}}
		l := newToyLane(tab, p.publish)
		open(t, l, 0)
		must(t, l.Process(t.Context(), batch(0, "a 1")))
		tab.set(true)
		must(t, l.Process(t.Context(), batch(1, "a 2", "a 3", "b 1")))
		p.want(t, "found: found a")
		must(t, l.Work(t.Context()))
		if l.Durable() != 1 {
			t.Errorf("durable %d, want 1: nothing after it is stored", l.Durable())
		}
		tab.set(false)
		if err := l.Work(t.Context()); !errors.Is(err, ErrStartAgain) {
			t.Errorf("ClickHouse is back and the lane goes on: %v", err)
		}
	})
}

func TestATakeoverWithoutClickHouseJudgesWithoutHistoryAfterItsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{}
		tab := &table{rows: map[string]toy{}, down: true}
		l := newToyLane(tab, p.publish)
		open(t, l, 5)
		must(t, l.Process(t.Context(), batch(5, "a 1", "a 2", "a 3")))
		time.Sleep(patience - time.Second)
		must(t, l.Work(t.Context()))
		p.want(t)
		time.Sleep(2 * time.Second)
		must(t, l.Work(t.Context()))
		p.want(t, "found: found a without history")
		if l.Durable() != 5 {
			t.Errorf("durable %d, want 5", l.Durable())
		}
	})
}

func TestAnUnknownOutcomeIsAnError(t *testing.T) {
	p := &published{fail: errors.New("timed out")}
	l := newToyLane(&table{rows: map[string]toy{}}, p.publish)
	open(t, l, 0)
	if err := l.Process(t.Context(), batch(0, "a 1")); err == nil {
		t.Error("a failed publication is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.Close(ctx)
}
