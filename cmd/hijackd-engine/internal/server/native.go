package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/hijackd/hijackd/cmd/hijackd-engine/internal/libchdb"
)

const displayName = "hijackd-engine"

// Native serves the native protocol.
type Native struct {
	engine *Engine
	log    *slog.Logger

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

// NewNative returns a server of the native protocol on an engine.
func NewNative(e *Engine, log *slog.Logger) *Native {
	return &Native{engine: e, log: log, conns: map[net.Conn]struct{}{}}
}

// Serve accepts connections until the listener is closed. The end of ctx ends the queries that run.
func (n *Native) Serve(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		n.mu.Lock()
		n.conns[conn] = struct{}{}
		n.mu.Unlock()
		n.wg.Go(func() { n.serve(ctx, conn) })
	}
}

// Shutdown closes all connections and waits for what they do. Before, the listener is closed and the context of Serve ended.
func (n *Native) Shutdown() {
	n.mu.Lock()
	for conn := range n.conns {
		_ = conn.Close()
	}
	n.mu.Unlock()
	n.wg.Wait()
}

func (n *Native) serve(ctx context.Context, conn net.Conn) {
	defer func() {
		_ = conn.Close()
		n.mu.Lock()
		delete(n.conns, conn)
		n.mu.Unlock()
	}()
	c := &client{engine: n.engine, conn: conn, in: bufio.NewReaderSize(conn, 1<<20), columns: columnContext(n.engine.Version)}
	c.r = proto.NewReader(c.in) // reads through c.in, since that is large enough
	err := c.serve(ctx)
	if c.session != nil {
		c.session.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		n.log.Warn("connection ended", slog.String("error", err.Error()))
	}
}

// client is one connection of the native protocol, and its session.
type client struct {
	engine  *Engine
	session *session
	conn    net.Conn
	in      *bufio.Reader
	r       *proto.Reader
	out     proto.Buffer
	columns *column.ServerContext

	// of the running query
	compression *compress.Writer // nil: none
	scratch     proto.Buffer
}

func (c *client) flush() error {
	_, err := c.conn.Write(c.out.Buf)
	c.out.Reset()
	return err
}

func (c *client) serve(ctx context.Context) error {
	if err := c.handshake(); err != nil {
		return err
	}
	for {
		code, err := c.r.Byte()
		if err != nil {
			return err
		}
		switch proto.ClientCode(code) {
		case proto.ClientCodePing:
			c.out.PutByte(byte(proto.ServerCodePong))
			err = c.flush()
		case proto.ClientCodeCancel: // of a query that has ended
			return nil
		case proto.ClientCodeQuery:
			err = c.query(ctx)
		default:
			err = fmt.Errorf("unexpected packet %d", code)
		}
		if err != nil {
			return err
		}
	}
}

func (c *client) handshake() error {
	code, err := c.r.Byte()
	if err != nil {
		return err
	}
	if proto.ClientCode(code) != proto.ClientCodeHello {
		return fmt.Errorf("unexpected packet %d instead of hello", code)
	}
	var hello proto.ClientHello
	if err := hello.Decode(c.r); err != nil {
		return err
	}
	if hello.ProtocolVersion < revision {
		return c.fail(exception(codeUnknown, "the client's protocol revision %d is below %d", hello.ProtocolVersion, revision))
	}
	if c.session, err = c.engine.session(hello.Database); err != nil {
		return c.fail(err)
	}
	answer := proto.ServerHello{Name: "ClickHouse", Revision: revision, Timezone: c.engine.Timezone, DisplayName: displayName,
		Major: int(c.columns.VersionMajor), Minor: int(c.columns.VersionMinor), Patch: int(c.columns.VersionPatch), //nolint:gosec // each under 256
	}
	answer.EncodeAware(&c.out, revision)
	if err := c.flush(); err != nil {
		return err
	}
	_, err = c.r.Str() // quota key
	return err
}

// fail sends an exception. It returns an error only where the connection is broken.
func (c *client) fail(err error) error {
	message := err.Error()
	if _, rest, ok := strings.Cut(message, "DB::Exception: "); ok {
		message = "DB::Exception: " + rest
	}
	c.out.PutByte(byte(proto.ServerCodeException))
	c.out.PutInt32(int32(exceptionCode(err))) //nolint:gosec // a few thousand
	c.out.PutString("DB::Exception")
	c.out.PutString(message)
	c.out.PutString("") // stack
	c.out.PutBool(false)
	return c.flush()
}

func (c *client) finish(s libchdb.Stats, start time.Time) error {
	c.out.PutByte(byte(proto.ServerCodeProgress))
	for _, v := range []uint64{s.ReadRows, s.ReadBytes, 0, s.WrittenRows, s.WrittenBytes, uint64(time.Since(start))} { //nolint:gosec // not negative
		c.out.PutUVarInt(v)
	}
	c.out.PutByte(byte(proto.ServerCodeEndOfStream))
	return c.flush()
}

// send sends the block in c.scratch.
func (c *client) send() error {
	c.out.PutByte(byte(proto.ServerCodeData))
	c.out.PutString("") // table
	if err := c.flush(); err != nil {
		return err
	}
	if c.compression == nil {
		_, err := c.conn.Write(c.scratch.Buf)
		return err
	}
	return writeFrames(c.conn, c.compression, c.scratch.Buf)
}

// writeFrames writes data as compressed frames of at most 1 MiB.
func writeFrames(w io.Writer, z *compress.Writer, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), 1<<20)
		if err := z.Compress(data[:n]); err != nil {
			return err
		}
		if _, err := w.Write(z.Data); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// watch returns a context that ends when the client cancels or goes away. stop must be called before anything is read.
func (c *client) watch(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := c.in.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
			cancel()
		}
	}()
	return watched, func() {
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = c.conn.SetReadDeadline(time.Time{})
		cancel()
	}
}
