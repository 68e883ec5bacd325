package lane

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// makeRoom waits until so few events wait for their histories that more may.
func (l *Detecting[E]) makeRoom(ctx context.Context) error {
	for l.waiting.full() {
		if err := l.Work(ctx); err != nil {
			return err
		}
		if !l.waiting.full() {
			return nil
		}
		if err := l.pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for an answer, but not for long.
func (l *Detecting[E]) pause(ctx context.Context) error {
	select {
	case <-l.waiting.wake:
	case <-time.After(retryAfter):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

const relieveEvery = 500 * time.Millisecond

// relieve waits for the storer when the state has outgrown its memory, so that some of it can be evicted. While ClickHouse is away it
// doesn't: detection goes on. Nor does it over and over where other lanes hold the memory: that would be an insert for every chunk.
func (l *Detecting[E]) relieve(ctx context.Context) error {
	if !l.Fold.Pressed() || l.behind || time.Since(l.relieved) < relieveEvery || !l.store.Healthy() {
		return nil
	}
	brief, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.store.Drain(brief); err != nil && brief.Err() == nil {
		return fmt.Errorf("store to free memory: %w", err)
	}
	l.Fold.Stored(l.store.Stored())
	l.relieved = time.Now()
	return ctx.Err()
}

// Close judges what waits for its history, as far as it comes, and stores what waits to be stored.
func (l *Detecting[E]) Close(ctx context.Context) {
	defer l.Fold.Close()
	if l.store == nil {
		return
	}
	defer l.stop()
	for l.waiting.len() > 0 && ctx.Err() == nil && !l.behind && l.store.Healthy() {
		err := l.Work(ctx)
		if err == nil && l.waiting.len() > 0 {
			err = l.pause(ctx)
		}
		if err != nil {
			l.Log.Info("lane closes before all is judged", slog.String("error", clean(err)))
			break
		}
	}
	if l.behind || ctx.Err() != nil {
		return
	}
	l.sums.flush()
	if err := l.publish(ctx, true); err != nil {
		l.Log.Info("lane closes before all is published", slog.String("error", clean(err)))
		return
	}
	if err := l.store.Drain(ctx); err != nil {
		l.Log.Info("lane closes before all is stored", slog.String("error", clean(err)))
	}
}

func (l *Detecting[E]) stop() {
	l.waiting.close()
	if l.index != nil {
		l.index.stop()
	}
}
