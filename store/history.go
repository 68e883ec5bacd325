package store

import (
	"context"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// History calls each for every stored event with a record time in [since, until), partition by partition in offset order, one event per
// identity: what a lane of each partition met. It stops at the first error of each.
func (db *DB) History(ctx context.Context, since, until time.Time, each func(*schema.Event) error) error {
	const where = "record_time >= fromUnixTimestamp64Milli(?) AND record_time < fromUnixTimestamp64Milli(?)"
	var partitions []int32
	err := db.conn.QueryRow(ctx, "SELECT arraySort(groupUniqArray(partition)) FROM session_events WHERE "+where, since.UnixMilli(), until.UnixMilli()).Scan(&partitions)
	if err != nil {
		return fmt.Errorf("read partitions: %w", err)
	}
	for _, p := range partitions {
		rows, err := db.conn.Query(ctx, "SELECT "+eventColumnList+" FROM session_events FINAL WHERE partition = ? AND "+where+
			" ORDER BY version DESC SETTINGS max_bytes_before_external_sort = 1000000000", p, since.UnixMilli(), until.UnixMilli())
		if err != nil {
			return fmt.Errorf("read partition %d: %w", p, err)
		}
		if err := db.read(ctx, rows, each); err != nil {
			return fmt.Errorf("read partition %d: %w", p, err)
		}
	}
	return nil
}
