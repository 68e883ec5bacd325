package slack

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hijackd/hijackd/actions"
)

const (
	// interval is Slack's own pace: about one message per second and channel (docs.slack.dev, apis/web-api/rate-limits); updates count too.
	interval = time.Second
	// maxWaiting bounds how many callers wait for their turn.
	maxWaiting = 32
	// longest is the most that Slack's Retry-After is believed.
	longest = 10 * time.Minute
)

// pace lets one message out at a time, an interval apart, and none while Slack asked to be left alone.
type pace struct {
	now      func() time.Time
	interval time.Duration
	turn     chan struct{} // holds one token
	waiting  atomic.Int32

	mu       sync.Mutex
	last     time.Time // when the last message was sent
	quietFor time.Time // until when nothing is sent
}

func newPace(now func() time.Time) *pace {
	p := &pace{now: now, interval: interval, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// take waits for a turn. Without one the result says why; it is zero with one, which must be given back.
func (p *pace) take(ctx context.Context) (res actions.Result, ok bool) {
	if n := p.waiting.Add(1); n > maxWaiting {
		p.waiting.Add(-1)
		return actions.Result{Class: actions.Again, Detail: "too many messages wait", RetryAfter: time.Duration(n) * p.interval}, false
	}
	defer p.waiting.Add(-1)
	if quiet := p.quiet(); quiet > 0 {
		return actions.Result{Class: actions.Again, Detail: "429", RetryAfter: quiet}, false
	}
	select {
	case <-p.turn:
	case <-ctx.Done():
		return actions.Result{Class: actions.Again, Detail: "stopped"}, false
	}
	return actions.Result{}, true
}

func (p *pace) give() { p.turn <- struct{}{} }

// wait passes the time until the next message may go out; whoever calls it has the turn.
func (p *pace) wait(ctx context.Context) (actions.Result, bool) {
	if quiet := p.quiet(); quiet > 0 {
		return actions.Result{Class: actions.Again, Detail: "429", RetryAfter: quiet}, false
	}
	p.mu.Lock()
	d := p.last.Add(p.interval).Sub(p.now())
	p.mu.Unlock()
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return actions.Result{Class: actions.Again, Detail: "stopped"}, false
		}
	}
	return actions.Result{}, true
}

// sent notes that a message was tried and what Slack said.
func (p *pace) sent(res actions.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = p.now()
	if res.RetryAfter > 0 {
		p.quietFor = p.last.Add(min(res.RetryAfter, longest))
	}
}

func (p *pace) quiet() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.quietFor.Sub(p.now()))
}
