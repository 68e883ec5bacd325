package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// History calls each for every stored event with a record time in [since, until), partition by partition in offset order, one event per
// identity: what a lane of each partition met. A zero since or until is no bound. It stops at the first error of each.
func (db *DB) History(ctx context.Context, since, until time.Time, each func(*schema.Event) error) error {
	where := between(since, until)
	var partitions []int32
	err := db.conn.QueryRow(ctx, "SELECT arraySort(groupUniqArray(partition)) FROM session_events WHERE "+where).Scan(&partitions)
	if err != nil {
		return fmt.Errorf("read partitions: %w", err)
	}
	for _, p := range partitions {
		rows, err := db.conn.Query(ctx, fmt.Sprintf("SELECT %s FROM session_events FINAL WHERE partition = %d AND %s ORDER BY version DESC "+
			"SETTINGS max_bytes_before_external_sort = 1000000000", eventColumnList, p, where))
		if err != nil {
			return fmt.Errorf("read partition %d: %w", p, err)
		}
		if err := db.read(ctx, rows, each); err != nil {
			return fmt.Errorf("read partition %d: %w", p, err)
		}
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
