package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// columnOf is a column and where it is in a row of type R.
type columnOf[R any] struct {
	name, kind string
	at         func(*R) any
}

func names[R any](columns []columnOf[R]) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

func pointers[R any](columns []columnOf[R], r *R) []any {
	ps := make([]any, len(columns))
	for i, c := range columns {
		ps[i] = c.at(r)
	}
	return ps
}

// table holds rows in ClickHouse's own column layout. Its memory is reused from block to block, so that appending a row allocates
// nothing, and an insert sends it as it lies, again and again until it is acknowledged.
type table[R any] struct {
	name  string
	list  string // of its columns
	cols  []column.Interface
	types []clickhouse.ColumnNameAndType
	row   R     // the one to append
	at    []any // pointers into row, boxed once
	n     int
	size  int // bytes
}

func newTable[R any](name string, columns []columnOf[R]) (*table[R], error) {
	t := &table[R]{name: name, list: names(columns)}
	t.at = pointers(columns, &t.row)
	utc := &column.ServerContext{Timezone: time.UTC}
	for _, c := range columns {
		col, err := column.Type(c.kind).Column(c.name, utc)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		t.cols = append(t.cols, col)
		t.types = append(t.types, clickhouse.ColumnNameAndType{Name: c.name, Type: c.kind})
	}
	return t, nil
}

func (t *table[R]) reset() {
	for _, c := range t.cols {
		c.Reset()
	}
	var none R
	t.n, t.size, t.row = 0, 0, none
}

// appendRow copies row. It fails only if a column's type and the row's don't fit, which every test would show.
func (t *table[R]) appendRow(size int) error {
	for i, c := range t.cols {
		if err := c.AppendRow(t.at[i]); err != nil {
			return err
		}
	}
	t.n++
	t.size += size
	return nil
}

// insert sends the table as one block and returns when ClickHouse has written it. After an error the rows may or may not be there.
func (t *table[R]) insert(ctx context.Context, db *DB) error {
	ctx, done := db.inserting(ctx)
	defer done()
	ctx = clickhouse.Context(ctx, clickhouse.WithColumnNamesAndTypes(t.types)) // spares HTTP a question
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO "+t.name+" ("+t.list+")")
	if err != nil {
		return err
	}
	defer batch.Close()
	cols := batch.Columns()
	if len(cols) != len(t.cols) {
		return fmt.Errorf("%s has %d columns here, not %d", t.name, len(cols), len(t.cols))
	}
	for i, c := range cols {
		if !lend(c, t.cols[i]) {
			return fmt.Errorf("column %s of %s is %s, not %s", t.cols[i].Name(), t.name, c.Type(), t.cols[i].Type())
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
