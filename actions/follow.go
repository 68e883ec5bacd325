package actions

import (
	"context"
	"log/slog"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// chunk is what one or several batches of signals left to be told. It may lag behind; the commit lags with it.
type chunk struct {
	from     int64 // the first signals offset whose findings are in it
	findings []schema.Finding
	actions  []schema.Action
	audit    []schema.Audit
	filed    int64 // with it all that the log said of actions and orders before this offset are archived; 0: says nothing
}

// begin takes note of a signal that the chunk tells of.
func (c *chunk) begin(offset int64) {
	if c.from < 0 {
		c.from = offset
	}
}

func (c *chunk) rows() int { return len(c.findings) + len(c.actions) + len(c.audit) }

// follower brings chunks to a place that may be away, in order, each until it is acknowledged. Its fields are under Response.mu.
type follower struct {
	name    string
	effect  func(context.Context, *chunk) error
	queue   []*chunk // the first may be in flight
	rows    int
	running bool
	failing bool
}

const (
	chunkRows   = 1000
	followFirst = 100 * time.Millisecond
	followMost  = 5 * time.Second
)

// push queues a chunk, merged into the last one that is certainly not in flight.
func (f *follower) push(c *chunk) {
	f.rows += c.rows()
	if n := len(f.queue); n > 1 && f.queue[n-1].rows()+c.rows() <= chunkRows {
		last := f.queue[n-1]
		last.findings = append(last.findings, c.findings...)
		last.actions = append(last.actions, c.actions...)
		last.audit = append(last.audit, c.audit...)
		last.filed = max(last.filed, c.filed)
		return
	}
	own := *c
	f.queue = append(f.queue, &own)
}

// follow empties a follower's queue.
func (r *Response) follow(ctx context.Context, f *follower) {
	for delay := followFirst; ; {
		r.mu.Lock()
		if len(f.queue) == 0 {
			f.running = false
			r.mu.Unlock()
			return
		}
		c := f.queue[0]
		r.mu.Unlock()
		err := f.effect(ctx, c)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !f.failing {
				r.deps.Logger.Warn("decided findings wait to be told", slog.String("to", f.name), slog.Any("error", err))
			}
			r.mu.Lock()
			f.failing = true
			r.mu.Unlock()
			r.deps.Metrics.failures.WithLabelValues(f.name).Inc()
			r.pause(ctx, delay/2+time.Duration(float64(delay/2)*r.deps.Jitter()))
			delay = min(2*delay, followMost)
			continue
		}
		delay = followFirst
		r.mu.Lock()
		f.failing = false
		f.queue = f.queue[1:]
		f.rows -= c.rows()
		if f == r.archive {
			r.filed = max(r.filed, c.filed)
		}
		r.mu.Unlock()
		r.poke()
	}
}

// room waits a moment where a follower is full but at work: reading on would only leave rows out that must be read again.
func (r *Response) room(ctx context.Context) {
	for range 20 {
		r.mu.Lock()
		full := r.skipped < 0
		for _, f := range []*follower{r.archive, r.announce} {
			full = full && !f.failing
		}
		full = full && max(r.archive.rows, r.announce.rows) >= r.cfg.MaxRows
		r.mu.Unlock()
		if !full || ctx.Err() != nil {
			return
		}
		r.pause(ctx, 10*time.Millisecond)
	}
}

// tell hands decided findings and changed actions to the followers. What exceeds the bound is left out, not lost: the commit stays
// before it, and when the followers have caught up the lane asks to be started again at its commit.
func (r *Response) tell(c *chunk, unbounded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.rows() == 0 {
		return
	}
	if !unbounded && (r.skipped >= 0 || max(r.archive.rows, r.announce.rows) >= r.cfg.MaxRows) {
		if r.skipped < 0 {
			r.skipped = c.from
		}
		return
	}
	r.archive.push(c)
	if len(c.findings) > 0 {
		r.announce.push(&chunk{from: c.from, findings: c.findings})
	}
	for _, f := range []*follower{r.archive, r.announce} {
		if len(f.queue) > 0 && !f.running {
			f.running = true
			r.spawn(func() { r.follow(r.ctx, f) })
		}
	}
}

// Durable returns the signals offset before which everything is decided, durable in the response log, announced and archived.
func (r *Response) Durable() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.pos
	for _, f := range []*follower{r.archive, r.announce} {
		for _, c := range f.queue {
			if len(c.findings)+len(c.audit) > 0 {
				d = min(d, c.from)
				break
			}
		}
	}
	if r.skipped >= 0 {
		d = min(d, r.skipped)
	}
	return d
}
