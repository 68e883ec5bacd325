package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	chproto "github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// The engine reads and writes blocks in plain Native form (revision 0); a client speaks the protocol's revision, which
// adds a block header and a flag per column. Blocks are translated by decoding and encoding them with the driver's own code.

// revision is the newest of the native protocol that clickhouse-go v2 speaks.
const revision = chproto.DBMS_TCP_PROTOCOL_VERSION

// maxBlock bounds what one block of a client may hold, in rows.
const maxBlock = 50_000_000

func columnContext(version string) *column.ServerContext {
	v := chproto.ParseVersion(version)
	return &column.ServerContext{Revision: revision, VersionMajor: v.Major, VersionMinor: v.Minor, VersionPatch: v.Patch}
}

// readBlock reads one block as a client sends it.
func readBlock(r *proto.Reader, compressed bool, c *column.ServerContext) (b chproto.Block, err error) {
	if compressed {
		r.EnableCompression()
		defer r.DisableCompression()
	}
	// A type that the decoder does not expect to be malformed may make it panic; that must end this client's connection only.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read block: %v", p)
		}
	}()
	b.ServerContext = c
	if err := b.Decode(r, revision); err != nil {
		return b, fmt.Errorf("read block: %w", err)
	}
	if b.Rows() > maxBlock {
		return b, fmt.Errorf("read block: %d rows are too many", b.Rows())
	}
	return b, nil
}

// appendBlock appends a block as a client reads it.
func appendBlock(out *proto.Buffer, b *chproto.Block) error {
	if b.Rows() > 0 {
		return b.Encode(out, revision)
	}
	columns := make([]columnType, len(b.Columns))
	for i, c := range b.Columns {
		columns[i] = columnType{c.Name(), string(c.Type())}
	}
	appendHeader(out, columns)
	return nil
}

type columnType struct{ name, typ string }

// appendHeader appends a block without rows, which tells a client the columns.
func appendHeader(out *proto.Buffer, columns []columnType) {
	proto.BlockInfo{BucketNum: -1}.Encode(out)
	out.PutUVarInt(uint64(len(columns)))
	out.PutUVarInt(0)
	for _, c := range columns {
		out.PutString(c.name)
		out.PutString(c.typ)
		out.PutBool(false)
	}
}

// eachBlock decodes the engine's blocks one after the other.
func eachBlock(data []byte, c *column.ServerContext, f func(*chproto.Block) error) error {
	buffered := bufio.NewReaderSize(bytes.NewReader(data), 128<<10)
	r := proto.NewReader(buffered) // reads through buffered, since that is large enough
	for {
		if _, err := buffered.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
		b := chproto.Block{ServerContext: c}
		if err := b.Decode(r, 0); err != nil {
			return exception(codeNotImplemented, "the embedded engine cannot send this result: %v", err)
		}
		if err := f(&b); err != nil {
			return err
		}
	}
}

// describe asks the engine for the columns of a table or query; of a table those that can be inserted.
func (s *session) describe(what string, params map[string]string) ([]columnType, error) {
	r, err := s.Query("DESCRIBE TABLE "+what, "Native", params)
	if err != nil {
		return nil, err
	}
	defer r.Free()
	var columns []columnType
	err = eachBlock(r.Data, columnContext(s.engine.Version), func(b *chproto.Block) error {
		for i := range b.Rows() {
			var field [3]string // name, type, kind of default
			for j := range field {
				field[j], _ = b.Columns[j].Row(i, false).(string)
			}
			if field[2] != "MATERIALIZED" && field[2] != "ALIAS" {
				columns = append(columns, columnType{field[0], field[1]})
			}
		}
		return nil
	})
	return columns, err
}
