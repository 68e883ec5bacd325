package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/hijackd/hijackd/schema"
)

const (
	readRows = 4096 // events in memory at once, for which user agents are looked up together
	recent   = 30 * 24 * time.Hour
)

// asOf reads the rows of the subjects that count before an offset of a partition: those of the partition itself below it, and all of other
// partitions, which came first, before partitions were added. Rows are left out before identities collapse, so that a later record
// never hides an earlier one.
const asOf = `SELECT * FROM (
	SELECT %s FROM session_events
	PREWHERE (tenant, token) IN (%s)
	WHERE partition != %d OR version > %d
	ORDER BY tenant, token, id, version DESC
	LIMIT 1 BY tenant, token, id
) ORDER BY tenant, token, partition = %[3]d, partition, version DESC`

// Load calls each for the stored events of the subjects as of the offset before: subject by subject, in offset order, one event per
// identity, that of the smallest offset. The events are each's to keep.
func (c *Cursor) Load(ctx context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *schema.Event)) error {
	for len(subjects) > 0 {
		in, n := list(subjects)
		subjects = subjects[n:]
		if err := c.load(ctx, before, in, each); err != nil {
			return fmt.Errorf("load histories: %w", unquoted(err))
		}
	}
	return nil
}

func (c *Cursor) load(ctx context.Context, before int64, in string, each func(schema.Subject, *schema.Event)) error {
	db := c.events.db
	rows, err := db.conn.Query(quiet(ctx), fmt.Sprintf(asOf, eventColumnList, in, c.partition, -before))
	if err != nil {
		return err
	}
	return db.read(ctx, rows, func(e *schema.Event) error {
		each(schema.Subject{Tenant: e.Tenant, Name: e.Token}, e)
		return nil
	})
}

// Recent calls each as Load does, for all tokens that the partition saw in a record since then and before the offset: what a lane that
// takes the partition over wants in memory.
func (c *Cursor) Recent(ctx context.Context, before int64, since time.Time, each func(schema.Subject, *schema.Event)) error {
	in := fmt.Sprintf("SELECT tenant, token FROM session_events WHERE partition = %d AND version > %d AND token != '' AND %s",
		c.partition, -before, between(since, time.Time{}))
	if err := c.load(ctx, before, in, each); err != nil {
		return fmt.Errorf("load recent histories: %w", unquoted(err))
	}
	return nil
}

// Seen calls each with xxHash64(tenant + "\x00" + token) of every token of the partition that has a row of the last 30 days, and of those
// that were ended, revoked or rotated out at any time that is retained. A token may come twice.
func (c *Cursor) Seen(ctx context.Context, each func(hash uint64)) error {
	// In the order of the primary key the server groups as it reads, in constant memory.
	rows, err := c.events.db.conn.Query(ctx, fmt.Sprintf(`SELECT xxHash64(concat(tenant, '\0', token)) FROM session_events
		WHERE partition = %d AND token != '' AND (record_time >= now64() - toIntervalSecond(%d) OR type IN (%d, %d, %d))
		GROUP BY tenant, token SETTINGS optimize_aggregation_in_order = 1`,
		c.partition, int(recent.Seconds()), schema.SessionEnded, schema.SessionRevoked, schema.Superseded))
	if err != nil {
		return fmt.Errorf("read the tokens seen: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h uint64
		if err := rows.Scan(&h); err != nil {
			return fmt.Errorf("read the tokens seen: %w", err)
		}
		each(h)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the tokens seen: %w", err)
	}
	return nil
}

// read makes events of rows that have eventColumns, and closes them.
func (db *DB) read(ctx context.Context, rows driver.Rows, each func(*schema.Event) error) error {
	defer rows.Close()
	var r row
	at := r.pointers()
	var es []schema.Event
	var ids []uint64
	flush := func() error {
		if err := db.texts.fill(ctx, db, es, ids); err != nil {
			return err
		}
		for i := range es {
			if err := each(&es[i]); err != nil {
				return err
			}
		}
		es, ids = nil, ids[:0] // the events are the caller's now
		return nil
	}
	for rows.Next() {
		if err := rows.Scan(at...); err != nil {
			return err
		}
		es, ids = append(es, r.event()), append(ids, r.agent)
		if len(es) == readRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return flush()
}
