package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/hijackd/hijackd/schema"
)

// table holds events in ClickHouse's own column layout. Its memory is reused from block to block, so that appending a row allocates
// nothing, and an insert sends it as it lies, again and again until it is acknowledged.
type table struct {
	cols  []column.Interface
	row   row
	at    []any // pointers into row, boxed once
	n     int
	bytes int
}

func newTable() (*table, error) {
	t := &table{}
	t.at = t.row.pointers()
	utc := &column.ServerContext{Timezone: time.UTC}
	for _, c := range eventColumns {
		col, err := column.Type(c.kind).Column(c.name, utc)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		t.cols = append(t.cols, col)
	}
	return t, nil
}

func (t *table) reset() {
	for _, c := range t.cols {
		c.Reset()
	}
	t.n, t.bytes, t.row = 0, 0, row{}
}

// append copies one event. It fails only if a column's type and the row's don't fit, which every test would show.
func (t *table) append(e *schema.Event, agent uint64) error {
	t.row.set(e, agent)
	for i, c := range t.cols {
		if err := c.AppendRow(t.at[i]); err != nil {
			return err
		}
	}
	t.n++
	t.bytes += size(e)
	return nil
}

var eventTypes = func() []clickhouse.ColumnNameAndType {
	ts := make([]clickhouse.ColumnNameAndType, len(eventColumns))
	for i, c := range eventColumns {
		ts[i] = clickhouse.ColumnNameAndType{Name: c.name, Type: c.kind}
	}
	return ts
}()

// insert sends the table as one block and returns when ClickHouse has written it. After an error the rows may or may not be there.
func (t *table) insert(ctx context.Context, db *DB) error {
	ctx, done := db.inserting(ctx)
	defer done()
	ctx = clickhouse.Context(ctx, clickhouse.WithColumnNamesAndTypes(eventTypes)) // spares HTTP a question
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO session_events ("+eventColumnList+")")
	if err != nil {
		return err
	}
	defer batch.Close()
	cols := batch.Columns()
	if len(cols) != len(t.cols) {
		return fmt.Errorf("session_events has %d columns here, not %d", len(cols), len(t.cols))
	}
	for i, c := range cols {
		if !lend(c, t.cols[i]) {
			return fmt.Errorf("column %s of session_events is %s, not %s", t.cols[i].Name(), c.Type(), t.cols[i].Type())
		}
	}
	return batch.Send()
}

// lend makes dst, an empty column of a batch, hold src's values without copying them. Neither is written to until the batch is sent.
func lend(dst, src column.Interface) bool {
	switch s := src.(type) {
	case *column.String:
		return assign(dst, s)
	case *column.DateTime64:
		return assign(dst, s)
	case *column.IPv6:
		return assign(dst, s)
	case *column.Int64:
		return assign(dst, s)
	case *column.Int32:
		return assign(dst, s)
	case *column.UInt64:
		return assign(dst, s)
	case *column.UInt32:
		return assign(dst, s)
	case *column.UInt16:
		return assign(dst, s)
	case *column.UInt8:
		return assign(dst, s)
	case *column.Float64:
		return assign(dst, s)
	}
	return false
}

func assign[C any](dst column.Interface, src *C) bool {
	d, ok := dst.(any).(*C)
	if ok {
		*d = *src
	}
	return ok
}
