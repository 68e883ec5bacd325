package libchdb

import (
	"errors"
	"unsafe"
)

// Insert is a running INSERT whose data arrives in chunks.
type Insert struct {
	lib *Library
	ptr unsafe.Pointer
}

// Insert starts an INSERT. text ends before the data and has no FORMAT clause, format says what the data is.
func (c *Conn) Insert(text, format string, params map[string]string) (*Insert, error) {
	ptr := c.call(c.lib.insert, text, format, params)
	if ptr == nil {
		return nil, errors.New("the engine returned no insert")
	}
	if message := c.lib.insertError(ptr); message != "" {
		c.lib.destroyInsert(ptr)
		return nil, errors.New(message)
	}
	return &Insert{lib: c.lib, ptr: ptr}, nil
}

// Append hands over data. The engine has copied or consumed it on return.
// After an error Done tells the reason in full.
func (i *Insert) Append(data []byte) error {
	if len(data) == 0 || i.lib.appendInsert(i.ptr, unsafe.Pointer(&data[0]), uintptr(len(data))) == 0 {
		return nil
	}
	return errors.New(i.lib.insertError(i.ptr))
}

// Done ends the data and waits until the rows are stored.
func (i *Insert) Done() (Stats, error) {
	r, err := i.lib.result(i.lib.doneInsert(i.ptr))
	if err != nil {
		return Stats{}, err
	}
	defer r.Free()
	return r.Stats, nil
}

// Cancel gives up: what the engine has not written yet is dropped.
func (i *Insert) Cancel() { i.lib.cancelInsert(i.ptr) }

// Close frees the insert, after Done or Cancel.
func (i *Insert) Close() {
	i.lib.destroyInsert(i.ptr)
	i.ptr = nil
}
