package lane

import (
	"math"
	"time"
)

const (
	// sumsAtMost is how old, in a lane that is never idle, a change may become before the sums go out with it.
	sumsAtMost = 10 * time.Second
	// sumsAtLeast is the pause after sums went out because a commit waited for them.
	sumsAtLeast = time.Second
)

// sums keeps a lane's commits from passing what its fold has summed up and not published yet: a lane that begins at the commit must read
// every event again that such a sum lacks.
type sums struct {
	fold    rewinder // nil for a fold without sums
	changed int64    // no event from here on is in a published sum for certain; MaxInt64 if all are
	flushed bool     // the outbox holds the sums as they are now
	last    time.Time
	busy    bool // something was read since the last look
}

func (s *sums) init(fold any) {
	s.fold, _ = fold.(rewinder)
	s.changed, s.last = math.MaxInt64, time.Now()
}

// rewind is where a lane has to begin to read that has committed an offset, of a log that begins with the first one.
func (s *sums) rewind(committed, first int64) int64 {
	if s.fold == nil {
		return committed
	}
	s.fold.Again(committed)
	return min(max(s.fold.Rewind(committed), first), committed)
}

// change says that events from an offset on are about to be folded.
func (s *sums) change(offset int64) {
	s.changed, s.flushed, s.busy = min(s.changed, offset), false, true
}

// flushIfDue has the sums go out with what is published next: in a lane that is idle, or where a commit waits for them.
func (s *sums) flushIfDue(durable int64) {
	busy := s.busy
	s.busy = false
	if s.fold == nil || s.changed == math.MaxInt64 {
		return
	}
	if age := time.Since(s.last); busy && age < sumsAtMost && (age < sumsAtLeast || s.durable(durable) == durable) {
		return
	}
	s.flush()
}

func (s *sums) flush() {
	if s.fold == nil {
		return
	}
	s.fold.Flush()
	s.flushed, s.last = true, time.Now()
}

// published says that what was in the outbox is published.
func (s *sums) published() {
	if s.flushed {
		s.changed = math.MaxInt64
	}
}

// durable is an offset up to which nothing would be lost by a crash, at most the given one.
func (s *sums) durable(offset int64) int64 {
	if s.fold == nil || s.fold.Rewind(offset) <= s.changed {
		return offset
	}
	return s.fold.Rewind(s.changed)
}
