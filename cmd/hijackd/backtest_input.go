package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// file judges the lines of a file. Bad ones are named on standard error.
func (in *input) file(ctx context.Context, p *process, cfg *Config, path string) error {
	lines, err := p.openInput(path)
	if err != nil {
		return err
	}
	defer func() { _ = lines.Close() }()
	key, err := cfg.Fingerprint.key()
	if err != nil {
		return usageError{err}
	}
	d, err := newFileDecoder(key)
	if err != nil {
		return err
	}
	usable := 0
	err = eachLine(lines, func(number int, line []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var e schema.Event
		if reject := d.decode(number, line, &e); reject != nil {
			in.bad++
			_, err := fmt.Fprintf(p.stderr, "line %d: %s\n", number, explain(reject))
			return err
		}
		usable++
		in.judge(&e, true)
		return nil
	})
	if err != nil {
		return err
	}
	if usable == 0 {
		return usageError{errors.New("no line is an event")}
	}
	return nil
}

// stored judges what ClickHouse holds. Places and networks are those that the events were stored with.
func (in *input) stored(ctx context.Context, cfg *Config) (err error) {
	sc, stop, err := cfg.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	db, err := store.Open(sc, enrich.ParseAgent)
	if err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Rows are found by the time of their record, which may be later than the event's by any lateness.
	// One fold meets all partitions: offsets are those of the whole.
	offset := int64(0)
	return db.History(ctx, in.since, time.Time{}, func(e *schema.Event) error {
		offset++
		e.Partition, e.Offset = 0, offset
		in.judge(e, false)
		return nil
	})
}
