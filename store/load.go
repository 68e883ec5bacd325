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

// loadEvents reads the histories of tokens.
func loadEvents(ctx context.Context, db *DB, partition int32, before int64, subjects []schema.Subject, each func(schema.Subject, *schema.Event)) error {
	for len(subjects) > 0 {
		in, n := list(subjects, writeToken)
		subjects = subjects[n:]
		rows, err := db.conn.Query(quiet(ctx), fmt.Sprintf(asOf, eventColumnList, in, partition, -before))
		if err != nil {
			return err
		}
		err = db.read(ctx, rows, func(e *schema.Event) error {
			each(schema.Subject{Tenant: e.Tenant, Name: e.Token}, e)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tokensSeen lists every token that has a row of the last 30 days, and those that were ended, revoked or rotated out at any time that is
// retained. In the order of the primary key the server groups as it reads, in constant memory.
func tokensSeen(ctx context.Context, db *DB, partition int32, each func(hash uint64)) error {
	return hashes(ctx, db, fmt.Sprintf(`SELECT xxHash64(concat(tenant, '\0', token)) FROM session_events
		WHERE partition = %d AND token != '' AND (record_time >= now64() - toIntervalSecond(%d) OR type IN (%d, %d, %d))
		GROUP BY tenant, token SETTINGS optimize_aggregation_in_order = 1`,
		partition, int(recent.Seconds()), schema.SessionEnded, schema.SessionRevoked, schema.Superseded), each)
}

func hashes(ctx context.Context, db *DB, query string, each func(hash uint64)) error {
	rows, err := db.conn.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h uint64
		if err := rows.Scan(&h); err != nil {
			return err
		}
		each(h)
	}
	return rows.Err()
}

// read makes events of rows that have eventColumns, and closes them.
func (db *DB) read(ctx context.Context, rows driver.Rows, each func(*schema.Event) error) error {
	defer rows.Close()
	var r row
	at := pointers(eventColumns, &r)
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
