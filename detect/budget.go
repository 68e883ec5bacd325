package detect

import "sync/atomic"

// Budget bounds, in bytes, what all token folds of a process keep together (limits.memory). It is safe for concurrent use.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget returns a budget of limit bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Used is the number of bytes taken, Limit the number allowed. Used exceeds Limit only while nothing can be evicted because the
// store lags behind; see Tokens.Pressed.
func (b *Budget) Used() int64 { return b.used.Load() }

// Limit is the number of bytes allowed.
func (b *Budget) Limit() int64 { return b.limit }

func (b *Budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.limit {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

func (b *Budget) force(n int) { b.used.Add(int64(n)) }
