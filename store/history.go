package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// History calls each for every stored event with a record time in [since, until), by record time and, where that is the same, partition and
// offset, one event per identity: what lanes of all partitions met together. A zero since or until is no bound. It stops at the first
// error of each. The server sorts on disk what is more than a gigabyte.
func (db *DB) History(ctx context.Context, since, until time.Time, each func(*schema.Event) error) error {
	rows, err := db.conn.Query(ctx, fmt.Sprintf("SELECT %s FROM session_events FINAL WHERE %s ORDER BY record_time, partition, version DESC "+
		"SETTINGS max_bytes_before_external_sort = 1000000000", eventColumnList, between(since, until)))
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if err := db.read(ctx, rows, each); err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	return nil
}

// between is the condition that a record time lies in [since, until).
func between(since, until time.Time) string {
	where := "true"
	if !since.IsZero() {
		where += fmt.Sprintf(" AND record_time >= fromUnixTimestamp64Milli(%d, 'UTC')", since.UnixMilli())
	}
	if !until.IsZero() {
		where += fmt.Sprintf(" AND record_time < fromUnixTimestamp64Milli(%d, 'UTC')", until.UnixMilli())
	}
	return where
}
