package lane

import (
	"context"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// lookUpAtMost is how many keys one look-up asks for: a thousand cost ClickHouse 50–360 ms out of 10 M rows (measured).
const lookUpAtMost = 1000

// waiting holds the events of keys whose history is being looked up. Only the look-up itself runs on another goroutine.
type waiting[E any] struct {
	keys    map[schema.Key]*wait[E]
	wake    chan struct{}
	answers chan answer[E]
	asking  bool
	cancel  context.CancelFunc
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
	keys []schema.Key
	err  error
}

func (w *waiting[E]) init() {
	w.keys = map[schema.Key]*wait[E]{}
	w.wake = make(chan struct{}, 1)
	w.answers = make(chan answer[E], 1)
}

func (w *waiting[E]) holds(k schema.Key) bool { return len(w.keys) > 0 && w.keys[k] != nil }

func (w *waiting[E]) len() int { return len(w.keys) }

func (w *waiting[E]) add(k schema.Key, s schema.Subject, e *E, offset int64) {
	x := w.keys[k]
	if x == nil {
		x = &wait[E]{subject: schema.Subject{Tenant: strings.Clone(s.Tenant), Name: strings.Clone(s.Name)}, since: time.Now(), first: offset}
		w.keys[k] = x
	}
	x.events = append(x.events, e)
}

// ask looks up what nobody asked for yet, one look-up at a time.
func (w *waiting[E]) ask(ctx context.Context, store Changelog[E], position func(*E) int64) {
	if w.asking || len(w.keys) == 0 {
		return
	}
	a := answer[E]{rows: map[schema.Subject][]*E{}}
	var subjects []schema.Subject
	first := map[schema.Subject]int64{}
	before := int64(0)
	for k, x := range w.keys {
		if !x.asked && len(subjects) < lookUpAtMost {
			x.asked = true
			a.keys = append(a.keys, k)
			subjects = append(subjects, x.subject)
			first[x.subject] = x.first
			before = max(before, x.first)
		}
	}
	if len(subjects) == 0 {
		return
	}
	w.asking = true
	ctx, w.cancel = context.WithCancel(ctx)
	go func() {
		a.err = store.Load(ctx, before, subjects, func(s schema.Subject, e *E) {
			// A key's history ends where its first waiting event begins, which may be stored already.
			if position(e) < first[s] {
				a.rows[s] = append(a.rows[s], e)
			}
		})
		w.answers <- a
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}()
}

// answered hands on every key whose history has come.
func (w *waiting[E]) answered(settle func(schema.Key, *wait[E], []*E)) {
	select {
	case a := <-w.answers:
		w.asking = false
		w.cancel()
		for _, k := range a.keys {
			x := w.keys[k]
			if x == nil {
				continue // expired meanwhile
			}
			if a.err != nil {
				x.asked = false
				continue
			}
			delete(w.keys, k)
			settle(k, x, a.rows[x.subject])
		}
	default:
	}
}

// expired hands on every key that has waited for longer than patience.
func (w *waiting[E]) expired(patience time.Duration, settle func(schema.Key, *wait[E])) {
	for k, x := range w.keys {
		if time.Since(x.since) > patience {
			delete(w.keys, k)
			settle(k, x)
		}
	}
}

// oldest is the offset of the first event that waits, or otherwise.
func (w *waiting[E]) oldest(otherwise int64) int64 {
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
