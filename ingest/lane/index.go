package lane

import (
	"context"
	"log/slog"
	"time"
)

// index reads which keys have a history. Over a large table that takes longer than a takeover may: until it is there, every key that is
// not in memory is taken for one that has.
type index struct {
	read chan *filter
	stop context.CancelFunc
}

// readIndex begins to read, again and again until it succeeds. The channel it returns is closed after the first attempt.
func readIndex(ctx context.Context, seen func(context.Context, func(uint64)) error, rouse func(), log *slog.Logger) (*index, <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	i := &index{read: make(chan *filter, 1), stop: cancel}
	attempted := make(chan struct{})
	go func() {
		for try := 0; ; try++ {
			f := new(filter)
			err := seen(ctx, f.add)
			if err == nil {
				i.read <- f
				rouse()
			} else if try == 0 && ctx.Err() == nil {
				log.Warn("takeover without the history's index", slog.String("error", clean(err)))
			}
			if try == 0 {
				close(attempted)
			}
			if err == nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	}()
	return i, attempted
}
