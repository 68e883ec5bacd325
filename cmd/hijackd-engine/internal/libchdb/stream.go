package libchdb

import (
	"errors"
	"unsafe"
)

// Stream is a running query whose result arrives in chunks.
type Stream struct {
	conn *Conn
	ptr  unsafe.Pointer
}

// Stream starts a query. Only SELECTs can be streamed; the engine says so of others.
func (c *Conn) Stream(text, format string, params map[string]string) (*Stream, error) {
	ptr := c.call(c.lib.streamQuery, text, format, params)
	if ptr == nil {
		return nil, errors.New("the engine returned no stream")
	}
	if message := c.lib.resultError(ptr); message != "" {
		c.lib.destroyResult(ptr)
		return nil, errors.New(message)
	}
	return &Stream{conn: c, ptr: ptr}, nil
}

// Next returns the next chunk, which the caller frees, or nil at the end.
func (s *Stream) Next() (*Result, error) {
	lib := s.conn.lib
	r, err := lib.result(lib.fetch(s.conn.handle(), s.ptr))
	if err != nil {
		return nil, err
	}
	if len(r.Data) == 0 {
		r.Free()
		return nil, nil //nolint:nilnil // the end is neither a chunk nor an error
	}
	return r, nil
}

// Cancel stops the query before its end.
func (s *Stream) Cancel() { s.conn.lib.cancelStream(s.conn.handle(), s.ptr) }

// Close frees the stream.
func (s *Stream) Close() {
	s.conn.lib.destroyResult(s.ptr)
	s.ptr = nil
}
