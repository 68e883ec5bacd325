package lane

import (
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

// modelFold finds every third different id of a key, by its number and the event that completed it: whatever is lost, folded twice or
// folded out of order changes what it finds. It evicts as the real one does, a few keys fit.
type modelFold struct {
	keyer   schema.Keyer
	state   map[schema.Key]*modelKey
	room    int
	stored  int64
	pressed bool
	out     []Outgoing
}

type modelKey struct {
	ids     map[string]bool
	last    int64
	partial bool
}

func newModelFold(room int) *modelFold {
	return &modelFold{keyer: schema.NewKeyer(), state: map[schema.Key]*modelKey{}, room: room}
}

func (f *modelFold) Subject(e *toy) schema.Subject { return schema.Subject{Name: e.key} }
func (f *modelFold) Key(e *toy) schema.Key         { return f.keyer.Key("", e.key) }
func (f *modelFold) Has(k schema.Key) bool         { return f.state[k] != nil }
func (f *modelFold) Stored(before int64)           { f.stored, f.pressed = before, false }
func (f *modelFold) Pressed() bool                 { return f.pressed }
func (f *modelFold) Close()                        { f.state = nil }

func (f *modelFold) Load(k schema.Key, history []*toy, complete bool) {
	for old, s := range f.state {
		if len(f.state) >= f.room && s.last < f.stored {
			delete(f.state, old)
		}
	}
	f.pressed = f.pressed || len(f.state) >= f.room
	f.state[k] = &modelKey{ids: map[string]bool{}, last: -1, partial: !complete}
	for _, e := range history {
		f.state[k].ids[e.id] = true
	}
}

func (f *modelFold) Fold(e *toy) {
	s := f.state[f.Key(e)]
	s.last = max(s.last, e.offset)
	if s.ids[e.id] {
		return
	}
	s.ids[e.id] = true
	if len(s.ids)%3 == 0 {
		v := fmt.Sprintf("%s has %d with %s", e.key, len(s.ids), e.id)
		if s.partial {
			v += withoutHistory
		}
		f.out = append(f.out, Outgoing{Topic: "found", Value: []byte(v)})
	}
}

const withoutHistory = ", without history"

func (f *modelFold) Outbox(bool) []Outgoing {
	out := f.out
	f.out = nil
	return out
}
