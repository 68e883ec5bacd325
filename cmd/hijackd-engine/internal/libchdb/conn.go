package libchdb

import (
	"errors"
	"runtime"
	"unsafe"
)

// Conn is one session of the engine. It runs one statement at a time and is not safe for concurrent use,
// save that several Conns may be used at once.
type Conn struct {
	lib *Library
	ptr unsafe.Pointer // the library hands out a pointer to its handle
}

// Connect opens a session. args are those of the clickhouse program: --path, --config-file, --<setting>=<value>.
// The first session of the process decides on the data folder.
func (l *Library) Connect(args ...string) (*Conn, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, 0, len(args)+2)
	for _, arg := range append([]string{"clickhouse"}, args...) {
		first := &append([]byte(arg), 0)[0]
		pin.Pin(first)
		argv = append(argv, first)
	}
	argv = append(argv, nil)
	ptr := l.connect(int32(len(argv)-1), &argv[0]) //nolint:gosec // a handful of arguments
	if ptr == nil {
		return nil, errors.New("start a session of the engine: refused for the reason above; another process may hold the data folder")
	}
	return &Conn{lib: l, ptr: ptr}, nil
}

// Close ends the session.
func (c *Conn) Close() {
	c.lib.closeConn(c.ptr)
	c.ptr = nil
}

func (c *Conn) handle() unsafe.Pointer { return *(*unsafe.Pointer)(c.ptr) }

// call starts a statement; the library copies what it keeps of the arguments.
func (c *Conn) call(f statement, text, format string, params map[string]string) unsafe.Pointer {
	var pin runtime.Pinner
	defer pin.Unpin()
	var names, values []unsafe.Pointer
	var nameLens, valueLens []uintptr
	hold := func(s string) unsafe.Pointer {
		first := &append([]byte(s), 0)[0]
		pin.Pin(first)
		return unsafe.Pointer(first)
	}
	for name, value := range params {
		names, nameLens = append(names, hold(name)), append(nameLens, uintptr(len(name)))
		values, valueLens = append(values, hold(value)), append(valueLens, uintptr(len(value)))
	}
	return f(c.handle(), hold(text), uintptr(len(text)), hold(format), uintptr(len(format)),
		unsafe.Pointer(unsafe.SliceData(names)), unsafe.Pointer(unsafe.SliceData(nameLens)),
		unsafe.Pointer(unsafe.SliceData(values)), unsafe.Pointer(unsafe.SliceData(valueLens)), uintptr(len(names)))
}

// Query runs a statement and returns its whole result, which the caller frees.
// Errors have the server's own text, "Code: N. DB::Exception: …".
func (c *Conn) Query(text, format string, params map[string]string) (*Result, error) {
	return c.lib.result(c.call(c.lib.query, text, format, params))
}

// Run runs a statement whose result, if any, is not wanted.
func (c *Conn) Run(text string) error {
	r, err := c.Query(text, "Null", nil)
	if err != nil {
		return err
	}
	r.Free()
	return nil
}
