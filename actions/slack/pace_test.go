package slack

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/actions"
)

// sends one message through a pace; the answer is res.
func sends(ctx context.Context, p *pace, res actions.Result) (actions.Result, time.Time) {
	if res, ok := p.take(ctx); !ok {
		return res, time.Time{}
	}
	defer p.give()
	if res, ok := p.wait(ctx); !ok {
		return res, time.Time{}
	}
	at := time.Now()
	p.sent(res)
	return res, at
}

func TestOneMessageASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		began := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		busy := 0
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				res, when := sends(t.Context(), p, actions.Result{Class: actions.Done})
				mu.Lock()
				defer mu.Unlock()
				if res.Class == actions.Done {
					at = append(at, when.Sub(began))
				} else if res.RetryAfter > 0 {
					busy++
				}
			})
		}
		wg.Wait()
		if len(at) < maxWaiting || len(at)+busy != 50 {
			t.Fatalf("%d sent, %d told to come again", len(at), busy)
		}
		for i, d := range at {
			if d != time.Duration(i)*time.Second {
				t.Fatalf("message %d after %s", i, d)
			}
		}
	})
}

func TestNobodyWaitsWhileSlackAskedForQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		sends(t.Context(), p, actions.Result{Class: actions.Again, Detail: "429", RetryAfter: time.Hour})
		began := time.Now()
		if res, _ := sends(t.Context(), p, actions.Result{}); res.Class != actions.Again || res.RetryAfter != longest || time.Since(began) != 0 {
			t.Errorf("%+v after %s", res, time.Since(began))
		}
		time.Sleep(longest)
		if res, _ := sends(t.Context(), p, actions.Result{Class: actions.Done}); res.Class != actions.Done {
			t.Errorf("%+v", res)
		}
	})
}

func TestWhoWaitsCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Now)
		sends(t.Context(), p, actions.Result{Class: actions.Done})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		var wg sync.WaitGroup
		for range 5 { // one waits for the interval, the others for their turn
			wg.Go(func() {
				if res, _ := sends(ctx, p, actions.Result{Class: actions.Done}); res.Class != actions.Again || res.Detail != "stopped" {
					t.Errorf("%+v", res)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("after %s", took)
		}
		if res, _ := sends(t.Context(), p, actions.Result{Class: actions.Done}); res.Class != actions.Done {
			t.Errorf("%+v: the turn was lost", res)
		}
	})
}
