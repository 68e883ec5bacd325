package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	chproto "github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"github.com/hijackd/hijackd/cmd/hijackd-engine/internal/libchdb"
)

// query reads a query with its settings, parameters and external tables, runs it and answers.
func (c *client) query(ctx context.Context) error {
	var q proto.Query
	if err := q.DecodeAware(c.r, revision); err != nil {
		return err
	}
	compressed := q.Compression == proto.CompressionEnabled
	method, settings := compress.LZ4, []setting(nil)
	for _, s := range q.Settings {
		value := s.Value
		if s.Custom {
			value = unquote(value)
		}
		switch s.Key {
		case "network_compression_method":
			if strings.EqualFold(value, "zstd") {
				method = compress.ZSTD
			}
		case "network_zstd_compression_level":
		default:
			settings = append(settings, setting{s.Key, value})
		}
	}
	c.compression = nil
	if compressed {
		c.compression = compress.NewWriter(compress.LevelZero, method)
	}
	params := make(map[string]string, len(q.Parameters))
	for _, p := range q.Parameters {
		params[p.Key] = unquote(p.Value)
	}
	failure, err := c.externalTables(compressed)
	if err != nil {
		return err
	}
	if failure == nil {
		var reset func()
		if reset, failure = c.session.set(settings); failure == nil {
			defer reset()
		}
	}
	if failure != nil {
		return c.fail(failure)
	}
	if head, format, ok := dataInsert(q.Body); ok && strings.EqualFold(format, "Native") {
		return c.insert(head, params, compressed)
	}
	if isSelect(q.Body) {
		q.Body = withoutFormat(q.Body)
	}
	return c.run(ctx, q.Body, params)
}

// readData reads a data packet: a table's name and a block, without columns at the end of the data.
func (c *client) readData(compressed bool) (name string, b chproto.Block, err error) {
	code, err := c.r.Byte()
	if err != nil {
		return "", b, err
	}
	if proto.ClientCode(code) != proto.ClientCodeData {
		return "", b, fmt.Errorf("unexpected packet %d instead of data", code)
	}
	if name, err = c.r.Str(); err != nil {
		return "", b, err
	}
	b, err = readBlock(c.r, compressed, c.columns)
	return name, b, err
}

// externalTables reads the tables that come with a query into temporary ones of the session.
// failure is what to tell the client, err that the connection is broken.
func (c *client) externalTables(compressed bool) (failure, err error) {
	for {
		name, b, err := c.readData(compressed)
		if err != nil {
			return nil, err
		}
		if len(b.Columns) == 0 {
			return failure, nil
		}
		if failure == nil {
			failure = c.session.load(name, &b)
		}
	}
}

func (s *session) load(name string, b *chproto.Block) error {
	columns := make([]string, len(b.Columns))
	for i, col := range b.Columns {
		columns[i] = identifier(col.Name()) + " " + string(col.Type())
	}
	table := identifier(name)
	if err := s.Run("DROP TEMPORARY TABLE IF EXISTS " + table); err != nil {
		return err
	}
	if err := s.Run("CREATE TEMPORARY TABLE " + table + " (" + strings.Join(columns, ", ") + ") ENGINE = Memory"); err != nil {
		return err
	}
	if b.Rows() == 0 {
		return nil
	}
	var out proto.Buffer
	if err := b.Encode(&out, 0); err != nil {
		return err
	}
	ins, err := s.Insert("INSERT INTO "+table, "Native", nil)
	if err != nil {
		return err
	}
	defer ins.Close()
	_ = ins.Append(out.Buf) // Done tells the reason
	_, err = ins.Done()
	return err
}

// run runs a statement that needs no data from the client and sends its result.
func (c *client) run(ctx context.Context, text string, params map[string]string) error {
	started := time.Now()
	stats, failure, err := c.result(ctx, text, params)
	switch {
	case err != nil:
		return err
	case failure != nil:
		return c.fail(failure)
	}
	return c.finish(stats, started)
}

// result sends the blocks of a result, up to but without the packet that ends it: before that, what watches the
// connection must have stopped, since the client's next query may follow at once.
// failure is what to tell the client, err that the connection is broken.
func (c *client) result(ctx context.Context, text string, params map[string]string) (stats libchdb.Stats, failure, err error) {
	ctx, unwatch := c.watch(ctx)
	defer unwatch()
	release, failure := c.session.killOn(ctx)
	if failure != nil {
		return stats, failure, nil
	}
	defer release()
	result, failure := c.session.start(text, "Native", params)
	if failure != nil {
		return stats, failure, nil
	}
	defer result.close()
	sent := false
	for {
		chunk, failure := result.next()
		if failure != nil {
			return stats, failure, nil
		}
		if chunk == nil {
			if !sent && isSelect(text) { // a result without rows still has columns
				columns, failure := c.session.describe("("+strings.TrimRight(text, "; \n\t")+"\n)", params)
				if failure != nil {
					return stats, failure, nil
				}
				return stats, nil, c.header(columns)
			}
			return stats, nil, nil
		}
		stats.Add(chunk.Stats)
		failure = eachBlock(chunk.Data, c.columns, func(b *chproto.Block) error {
			c.scratch.Reset()
			if err := appendBlock(&c.scratch, b); err != nil {
				return err
			}
			sent, err = true, c.send()
			return err
		})
		chunk.Free()
		if failure != nil || err != nil {
			return stats, failure, err
		}
	}
}

func (c *client) header(columns []columnType) error {
	c.scratch.Reset()
	appendHeader(&c.scratch, columns)
	return c.send()
}

// insert tells the client the columns, takes its blocks, and answers when the rows are stored.
func (c *client) insert(head string, params map[string]string, compressed bool) error {
	started := time.Now()
	columns, err := c.session.insertColumns(head, params)
	if err != nil {
		return c.fail(err)
	}
	ins, err := c.session.Insert(head, "Native", params)
	if err != nil {
		return c.fail(err)
	}
	defer ins.Close()
	if err := c.header(columns); err != nil {
		ins.Cancel()
		return err
	}
	var refused error // after which the client's blocks are read and dropped; Done tells the reason
	for {
		_, b, err := c.readData(compressed)
		if err != nil {
			ins.Cancel()
			return err
		}
		if len(b.Columns) == 0 {
			break
		}
		if refused != nil || b.Rows() == 0 {
			continue
		}
		c.scratch.Reset()
		if err := b.Encode(&c.scratch, 0); err != nil {
			ins.Cancel()
			return err
		}
		refused = ins.Append(c.scratch.Buf)
	}
	stats, err := ins.Done()
	if err != nil {
		return c.fail(err)
	}
	return c.finish(stats, started)
}

// insertColumns are the columns that the client must send, in order.
func (s *session) insertColumns(head string, params map[string]string) ([]columnType, error) {
	table, names, ok := insertTarget(head)
	if !ok {
		return nil, exception(codeSyntaxError, "the embedded engine cannot find the table in %q", head)
	}
	all, err := s.describe(table, params)
	if err != nil || names == nil {
		return all, err
	}
	types := make(map[string]string, len(all))
	for _, c := range all {
		types[c.name] = c.typ
	}
	columns := make([]columnType, len(names))
	for i, name := range names {
		typ, ok := types[name]
		if !ok {
			return nil, exception(codeNoSuchColumn, "No such column %s in table %s. (NO_SUCH_COLUMN_IN_TABLE)", name, table)
		}
		columns[i] = columnType{name, typ}
	}
	return columns, nil
}
