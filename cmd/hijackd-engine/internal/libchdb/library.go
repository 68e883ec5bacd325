// Package libchdb binds libchdb.so, the ClickHouse engine as a shared library, without cgo.
//
// It offers what a server needs: sessions, statements whose result arrives whole or in chunks, and inserts whose data
// arrives in chunks. It refuses to interpret SQL or data, and it holds one data folder per process, as the library does.
package libchdb

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Library is the loaded libchdb.so. A process loads it once; it cannot be unloaded.
type Library struct {
	version     func() string
	connect     func(argc int32, argv **byte) unsafe.Pointer
	closeConn   func(conn unsafe.Pointer)
	query       statement
	streamQuery statement
	insert      statement

	fetch         func(conn, stream unsafe.Pointer) unsafe.Pointer
	cancelStream  func(conn, stream unsafe.Pointer)
	destroyResult func(result unsafe.Pointer)
	buffer        func(result unsafe.Pointer) unsafe.Pointer
	length        func(result unsafe.Pointer) uintptr
	resultError   func(result unsafe.Pointer) string
	resultRows    func(result unsafe.Pointer) uint64
	readRows      func(result unsafe.Pointer) uint64
	readBytes     func(result unsafe.Pointer) uint64
	writtenRows   func(result unsafe.Pointer) uint64
	writtenBytes  func(result unsafe.Pointer) uint64

	appendInsert  func(insert, data unsafe.Pointer, n uintptr) int32
	doneInsert    func(insert unsafe.Pointer) unsafe.Pointer
	cancelInsert  func(insert unsafe.Pointer)
	insertError   func(insert unsafe.Pointer) string
	destroyInsert func(insert unsafe.Pointer)

	setSignalHandlers func(enabled int32)
}

// statement is the shape of the library's functions that start something:
// connection, text, format, and parallel arrays of parameter names and values.
type statement func(conn, text unsafe.Pointer, textLen uintptr, format unsafe.Pointer, formatLen uintptr,
	names, nameLens, values, valueLens unsafe.Pointer, count uintptr) unsafe.Pointer

// Load loads the library from path, which should be absolute: the system's search folders are not meant.
func Load(path string) (*Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load libchdb: %w", err)
	}
	l := new(Library)
	for name, function := range map[string]any{
		"chdb_version":                     &l.version,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_query_with_params_n":  &l.streamQuery,
		"chdb_stream_insert_with_params_n": &l.insert,
		"chdb_stream_fetch_result":         &l.fetch,
		"chdb_stream_cancel_query":         &l.cancelStream,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_result_buffer":               &l.buffer,
		"chdb_result_length":               &l.length,
		"chdb_result_error":                &l.resultError,
		"chdb_result_rows_read":            &l.resultRows,
		"chdb_result_storage_rows_read":    &l.readRows,
		"chdb_result_storage_bytes_read":   &l.readBytes,
		"chdb_result_rows_written":         &l.writtenRows,
		"chdb_result_bytes_written":        &l.writtenBytes,
		"chdb_stream_append":               &l.appendInsert,
		"chdb_stream_done":                 &l.doneInsert,
		"chdb_stream_cancel_insert":        &l.cancelInsert,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.destroyInsert,
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("load libchdb: %s lacks %s: another version of the library is needed", path, name)
		}
		purego.RegisterFunc(function, symbol)
	}
	// The library would install its own handlers at the first connection; a nil dereference in Go,
	// which the runtime turns into a panic by SIGSEGV, would then hang the process.
	l.setSignalHandlers(0)
	return l, nil
}

// Version is the version of the library itself, such as 26.7.3.
func (l *Library) Version() string { return l.version() }
