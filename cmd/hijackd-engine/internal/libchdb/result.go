package libchdb

import (
	"errors"
	"unsafe"
)

// Stats counts what a statement touched.
type Stats struct{ ReadRows, ReadBytes, WrittenRows, WrittenBytes, ResultRows uint64 }

// Add adds the counts of a further chunk.
func (s *Stats) Add(o Stats) {
	s.ReadRows += o.ReadRows
	s.ReadBytes += o.ReadBytes
	s.WrittenRows += o.WrittenRows
	s.WrittenBytes += o.WrittenBytes
	s.ResultRows += o.ResultRows
}

// Result is what a statement returned. Data is the engine's memory: it is gone after Free.
type Result struct {
	Data []byte
	Stats
	lib *Library
	ptr unsafe.Pointer
}

// Free gives the memory back to the engine.
func (r *Result) Free() {
	r.lib.destroyResult(r.ptr)
	r.ptr, r.Data = nil, nil
}

func (l *Library) result(ptr unsafe.Pointer) (*Result, error) {
	if ptr == nil {
		return nil, errors.New("the engine returned no result")
	}
	if message := l.resultError(ptr); message != "" {
		l.destroyResult(ptr)
		return nil, errors.New(message)
	}
	r := &Result{lib: l, ptr: ptr, Stats: Stats{
		ReadRows: l.readRows(ptr), ReadBytes: l.readBytes(ptr),
		WrittenRows: l.writtenRows(ptr), WrittenBytes: l.writtenBytes(ptr), ResultRows: l.resultRows(ptr),
	}}
	if n := l.length(ptr); n > 0 {
		r.Data = unsafe.Slice((*byte)(l.buffer(ptr)), n)
	}
	return r, nil
}
