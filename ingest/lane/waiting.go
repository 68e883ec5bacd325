package lane

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	// lookUpAtMost is how many keys one look-up asks for. Keys lie everywhere in the table, so that a thousand of them read about as much
	// of it as all: few large look-ups are cheaper than many small ones (measured).
	lookUpAtMost = 8192
	// patience is how long a key waits for its history while reading or storing fails, before it is judged without.
	patience = 5 * time.Second
	// slow is how long it waits while neither fails: a table that answers late is no reason to judge without it.
	slow = 6 * patience
	// retryAfter is the pause after a look-up that failed.
	retryAfter = 200 * time.Millisecond
	// waitAtMost is how many events may wait, about a kilobyte each: beyond it the lane takes no more until some were judged.
	waitAtMost = 8192
)

// waiting holds the events of keys whose history is being looked up. Only the look-up itself runs on another goroutine.
type waiting[E any] struct {
	keys    map[schema.Key]*wait[E]
	events  int
	wake    chan struct{}
	answers chan answer[E]
	asking  bool
	cancel  context.CancelFunc
	failed  bool      // the last look-up failed
	good    time.Time // when one last succeeded
	retry   time.Time // no look-up before
	trouble time.Time // since when reading or storing fails, zero if neither does
	without int64     // offset of the first event that was judged without its history
	probe   *schema.Subject
}

type wait[E any] struct {
	subject schema.Subject
	since   time.Time
	first   int64 // offset of the first event that waits: the history is wanted as of here
	events  []*E
	asked   bool
}

type answer[E any] struct {
	rows map[schema.Subject][]*E
	keys map[schema.Key]*wait[E]
	err  error
}

func (w *waiting[E]) init() {
	w.keys = map[schema.Key]*wait[E]{}
	w.wake = make(chan struct{}, 1)
	w.answers = make(chan answer[E], 1)
	w.without = math.MaxInt64
}

func (w *waiting[E]) holds(k schema.Key) bool { return len(w.keys) > 0 && w.keys[k] != nil }

func (w *waiting[E]) len() int { return len(w.keys) }

// full reports whether so much waits that the lane had better take no more.
func (w *waiting[E]) full() bool { return w.events >= waitAtMost }

// degraded reports whether some key was judged without its history.
func (w *waiting[E]) degraded() bool { return w.probe != nil }

func (w *waiting[E]) add(k schema.Key, s schema.Subject, e *E, offset int64) {
	x := w.keys[k]
	if x == nil {
		x = &wait[E]{subject: schema.Subject{Tenant: strings.Clone(s.Tenant), Name: strings.Clone(s.Name)}, since: time.Now(), first: offset}
		w.keys[k] = x
	}
	x.events = append(x.events, e)
	w.events++
}

// ask looks up what nobody asked for yet, one look-up at a time. Where a key was judged without its history, it goes on asking, to
// learn when there is history again.
func (w *waiting[E]) ask(ctx context.Context, store Changelog[E], position func(*E) int64) {
	if w.asking || len(w.keys) == 0 && w.probe == nil || time.Now().Before(w.retry) {
		return
	}
	a := answer[E]{rows: map[schema.Subject][]*E{}, keys: map[schema.Key]*wait[E]{}}
	var subjects []schema.Subject
	first := map[schema.Subject]int64{}
	before := int64(0)
	for k, x := range w.keys {
		if !x.asked && len(subjects) < lookUpAtMost {
			x.asked = true
			a.keys[k] = x
			subjects = append(subjects, x.subject)
			first[x.subject] = x.first
			before = max(before, x.first)
		}
	}
	if len(subjects) == 0 {
		if w.probe == nil {
			return
		}
		subjects = append(subjects, *w.probe)
	}
	w.asking = true
	ctx, w.cancel = context.WithCancel(ctx) //nolint:gosec // called when the answer is in, and by close
	go func() {
		a.err = store.Load(ctx, before, subjects, func(s schema.Subject, e *E) {
			// A key's history ends where its first waiting event begins, which may be stored already.
			if position(e) < first[s] {
				a.rows[s] = append(a.rows[s], e)
			}
		})
		w.answers <- a
		w.rouse()
	}()
}

func (w *waiting[E]) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// answered hands on every key whose history has come, and reports whether a look-up succeeded.
func (w *waiting[E]) answered(settle func(schema.Key, *wait[E], []*E)) bool {
	select {
	case a := <-w.answers:
		w.asking = false
		w.cancel()
		if w.failed = a.err != nil; w.failed {
			w.retry = time.Now().Add(retryAfter)
			for _, x := range a.keys {
				x.asked = false
			}
			return false
		}
		w.good = time.Now()
		for k, x := range a.keys {
			if w.keys[k] == x { // or else it expired meanwhile, and what waits now wants a later history
				w.settle(k, x, a.rows[x.subject], settle)
			}
		}
		return true
	default:
		return false
	}
}

func (w *waiting[E]) settle(k schema.Key, x *wait[E], history []*E, settle func(schema.Key, *wait[E], []*E)) {
	delete(w.keys, k)
	w.events -= len(x.events)
	settle(k, x, history)
}

// expired hands on every key that has waited long enough, and every one at once when failing has lasted for longer than patience.
func (w *waiting[E]) expired(failing bool, settle func(schema.Key, *wait[E], []*E)) {
	now := time.Now()
	switch failing = failing || w.failed; {
	case !failing:
		w.trouble = time.Time{}
	case w.trouble.IsZero():
		w.trouble = now
	}
	for k, x := range w.keys {
		since := x.since
		if w.good.After(since) {
			since = w.good
		}
		if now.Sub(since) > slow || failing && (now.Sub(x.since) > patience || now.Sub(w.trouble) > patience) {
			w.without = min(w.without, x.first)
			if w.probe == nil {
				w.probe = &x.subject
			}
			w.settle(k, x, nil, settle)
		}
	}
}

// oldest is the offset of the first event that waits or was judged without its history, or otherwise.
func (w *waiting[E]) oldest(otherwise int64) int64 {
	otherwise = min(otherwise, w.without)
	for _, x := range w.keys {
		otherwise = min(otherwise, x.first)
	}
	return otherwise
}

func (w *waiting[E]) close() {
	if w.cancel != nil {
		w.cancel()
	}
}
