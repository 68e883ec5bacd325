package actions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// ErrFenced says that another owner has opened a higher term: this one has no right to act any more.
var ErrFenced = errors.New("another owner has opened a higher term in the response log")

var (
	errOpeningLost = errors.New("the opening of the term can't be read back from the response log")
	errWriteLost   = errors.New("what was appended can't be read back from the response log")
)

// journal is the lane's reader and writer of the response log. It decides which records are valid; their meaning is the fold's.
type journal struct {
	log    Log
	logger *slog.Logger
	faults faults
	fold   *Fold
	decode func(value []byte) (*record, error)

	heard func(offset int64, at time.Time, r *record) // told of each valid record that is news

	orders     []*order // read at takeover, of commands from unfinished on: they are not committed
	unfinished int64

	next   int64  // everything before this offset has been read
	top    office // the highest that has opened
	raw    int64  // the group's generation at that opening
	me     office // zero until opened
	filed  int64
	voided int
}

// read folds what is new in the log and calls each for every entry that it changed.
func (j *journal) read(ctx context.Context, each func(*entry)) error {
	next, err := j.log.Read(ctx, j.next, func(offset int64, at time.Time, _, value []byte) error {
		if offset < j.next {
			return nil
		}
		r, err := j.decode(value)
		if err != nil { // whoever wrote it, it orders nothing
			j.logger.Error("unreadable response record skipped", slog.Int64("offset", offset), slog.Any("error", err))
			return nil
		}
		if e := j.admit(offset, at, r); e != nil && each != nil {
			each(e)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the response log: %w", err)
	}
	j.next = max(j.next, next)
	return nil
}

// admit folds one record unless it is void: of an older term than the highest that stands before it, or of another owner of that
// same term. A record of a higher one than any opening before it proves an opening that retention has deleted.
func (j *journal) admit(offset int64, at time.Time, r *record) *entry {
	switch {
	case j.top.Less(r.Office.Term):
		j.top, j.raw = r.Office, 0
	case r.Office != j.top && !j.faults.noVoid:
		j.voided++
		return nil
	}
	switch {
	case r.Opening != nil:
		j.raw = *r.Opening
	case r.Filed != nil:
		j.filed = max(j.filed, *r.Filed)
		j.news(true, offset, at, r)
	case r.Pool != nil:
		j.fold.pools.said(at, *r.Pool)
	case r.Incident != nil:
		j.fold.incidents.said(at, r.Incident)
	case r.Tally != nil:
		j.fold.digests.said(r.Tally)
	case r.Command != nil:
		news := j.fold.answeredFirst(at, r.Command)
		if news && j.me == (office{}) && r.Command.Offset >= j.unfinished {
			j.orders = append(j.orders, r.Command)
		}
		if news {
			j.fold.incidents.ordered(at, r.Command)
		}
		j.news(news, offset, at, r)
	case r.Allow != nil:
		j.news(j.fold.allows.say(at, *r.Allow), offset, at, r)
	case r.Switch != nil:
		j.news(j.fold.switches.say(offset, at, *r.Switch), offset, at, r)
	default:
		e := j.fold.apply(offset, at, r)
		j.news(e != nil, offset, at, r)
		return e
	}
	return nil
}

func (j *journal) news(is bool, offset int64, at time.Time, r *record) {
	if is && j.heard != nil {
		j.heard(offset, at, r)
	}
}

// write appends records under the lane's own term and reads them back. Only what has been read back may be acted on: it may be void.
// On an error the outcome is unknown and the lane must be discarded.
func (j *journal) write(ctx context.Context, rs []*record, each func(*entry)) error {
	if len(rs) == 0 {
		return nil
	}
	if err := j.append(ctx, rs); err != nil {
		return err
	}
	if j.faults.noReadBack {
		for _, r := range rs {
			if r.id() == "" {
				continue
			}
			if e := j.fold.apply(j.next, r.Since, r); e != nil && each != nil {
				each(e)
			}
		}
		return nil
	}
	if err := j.read(ctx, each); err != nil {
		return err
	}
	if err := j.check(); err != nil {
		return err
	}
	for _, r := range rs {
		if !j.fold.has(r) {
			return errWriteLost
		}
	}
	return nil
}

// has reports whether the log holds what a record says, or more.
func (f *Fold) has(r *record) bool {
	switch {
	case r.Pool != nil:
		return f.pools.has(*r.Pool)
	case r.Command != nil:
		_, known := f.orders[r.Command.Command.ID]
		return known
	case r.Allow != nil:
		return f.allows.has(r.Allow)
	case r.Switch != nil:
		return f.switches.has(r.Switch)
	case r.Incident != nil:
		return f.incidents.has(r.Incident)
	case r.id() != "":
		e := f.entries[r.id()]
		return e != nil && (compareStanding(e.round, e.state, r.round(), r.state()) >= 0 || f.faults.ignoreRounds)
	}
	return true
}

// One produce request holds at most so much, far below what a broker takes by default (1 MiB).
const (
	appendEntries = 256
	appendBytes   = 512 << 10
)

func (j *journal) append(ctx context.Context, rs []*record) error {
	var es []Entry
	size := 0
	flush := func() error {
		if len(es) == 0 {
			return nil
		}
		if err := j.log.Append(ctx, es); err != nil {
			return fmt.Errorf("append to the response log: %w", err)
		}
		es, size = nil, 0
		return nil
	}
	for _, r := range rs {
		r.Office = j.me
		e, err := r.entry()
		if err != nil {
			return err
		}
		if n := len(e.Key) + len(e.Value); len(es) == appendEntries || size+n > appendBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		es, size = append(es, e), size+len(e.Key)+len(e.Value)
	}
	return flush()
}

var errEnough = errors.New("enough has been read")

// recall brings actions that are not over back to memory from the log.
func (j *journal) recall(ctx context.Context, es []*entry) error {
	wanted := map[int64]*entry{}
	for _, e := range es {
		if e.isAction() && e.state != 0 && !e.finished() && e.action == nil {
			wanted[e.last] = e
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err := j.log.Read(ctx, slices.Min(slices.Collect(maps.Keys(wanted))), func(offset int64, _ time.Time, _, value []byte) error {
		e := wanted[offset]
		if e == nil {
			return nil
		}
		r, err := j.decode(value)
		if err != nil {
			return err
		}
		e.action = r.Action
		if delete(wanted, offset); len(wanted) == 0 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("read actions from the response log: %w", err)
	}
	for _, e := range wanted { // the topic's retention is shorter than a day
		j.logger.Error("an action is gone from the response log", slog.String("id", e.id))
		delete(j.fold.entries, e.id)
	}
	return nil
}

// check reports whether the lane still holds the highest term.
func (j *journal) check() error {
	if j.top != j.me && !j.faults.noVoid {
		return ErrFenced
	}
	return nil
}
