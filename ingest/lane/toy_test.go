package lane

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/schema"
)

// toy is an event "key id"; its rule finds every key whose third event has come, whatever the order.
type toy struct {
	key, id string
	offset  int64
}

type toyFold struct {
	keyer schema.Keyer
	state map[schema.Key]map[string]bool
	found map[schema.Key]bool
	part  map[schema.Key]bool // judged without history
	out   []Outgoing
}

func newToyFold() *toyFold {
	return &toyFold{keyer: schema.NewKeyer(), state: map[schema.Key]map[string]bool{}, found: map[schema.Key]bool{}, part: map[schema.Key]bool{}}
}

func (f *toyFold) Subject(e *toy) schema.Subject { return schema.Subject{Name: e.key} }
func (f *toyFold) Key(e *toy) schema.Key         { return f.keyer.Key("", e.key) }
func (f *toyFold) Has(k schema.Key) bool         { return f.state[k] != nil }
func (f *toyFold) Stored(int64)                  {}
func (f *toyFold) Pressed() bool                 { return false }
func (f *toyFold) Close()                        {}
func (f *toyFold) evict()                        { clear(f.state) }
func (f *toyFold) Load(k schema.Key, history []*toy, complete bool) {
	f.state[k], f.part[k] = map[string]bool{}, !complete
	for _, e := range history {
		f.state[k][e.id] = true
	}
}
func (f *toyFold) Fold(e *toy) {
	k := f.Key(e)
	f.state[k][e.id] = true
	if len(f.state[k]) >= 3 && !f.found[k] {
		f.found[k] = true
		v := "found " + e.key
		if f.part[k] {
			v += " without history"
		}
		f.out = append(f.out, Outgoing{Topic: "found", Key: []byte(e.key), Value: []byte(v)})
	}
}
func (f *toyFold) Outbox(bool) []Outgoing {
	out := f.out
	f.out = nil
	return out
}

// table is a ClickHouse of the test's own: rows by identity, the smallest offset counts.
type table struct {
	mu   sync.Mutex
	rows map[string]toy
	down bool
}

// toyLog is one lane's service from the table.
type toyLog struct {
	t      *table
	stored int64
}

func (t *table) set(down bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = down
}

func (c *toyLog) Append(_ context.Context, rows []toy, next int64) error {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if c.t.down {
		return ErrBehind
	}
	for _, r := range rows {
		if old, ok := c.t.rows[r.key+" "+r.id]; !ok || r.offset < old.offset {
			c.t.rows[r.key+" "+r.id] = r
		}
	}
	c.stored = next
	return nil
}
func (c *toyLog) Stored() int64               { return c.stored }
func (c *toyLog) Drain(context.Context) error { return nil }
func (c *toyLog) Healthy() bool {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	return !c.t.down
}
func (c *toyLog) Hash(s schema.Subject) (h uint64) {
	for _, b := range []byte(s.Name) {
		h = h*1099511628211 + uint64(b) + 7
	}
	return h
}
func (c *toyLog) Seen(_ context.Context, each func(uint64)) error {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if c.t.down {
		return fmt.Errorf("away")
	}
	for _, r := range c.t.rows {
		each(c.Hash(schema.Subject{Name: r.key}))
	}
	return nil
}
func (c *toyLog) Load(_ context.Context, before int64, subjects []schema.Subject, each func(schema.Subject, *toy)) error {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	if c.t.down {
		return fmt.Errorf("away")
	}
	var rows []toy
	for _, r := range c.t.rows {
		if r.offset < before && slices.Contains(subjects, schema.Subject{Name: r.key}) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b toy) int { return cmp.Compare(a.offset, b.offset) })
	for i := range rows {
		each(schema.Subject{Name: rows[i].key}, &rows[i])
	}
	return nil
}

func decodeToy(r *schema.Record, e *toy) (string, []byte) {
	k, id, ok := strings.Cut(string(r.Value), " ")
	if !ok {
		return "malformed", []byte("letter")
	}
	*e = toy{key: k, id: id, offset: r.Offset}
	return "", nil
}

func newToyLane(t *table, publish Publish) *Detecting[toy] {
	m := NewMetrics(prometheus.NewRegistry())
	return &Detecting[toy]{
		Fold: newToyFold(), Decode: decodeToy, Publish: publish, DeadLetters: "dead",
		Clone:     func(e *toy) *toy { c := *e; return &c },
		Position:  func(_ int32, e *toy) int64 { return e.offset },
		Changelog: func(_ int32, from int64) Changelog[toy] { return &toyLog{t: t, stored: from} },
		Log:       slog.New(slog.DiscardHandler), Metrics: m, Records: m.Events,
	}
}

// published collects what lanes publish.
type published struct {
	mu   sync.Mutex
	outs []string
	fail error
}

func (p *published) publish(_ context.Context, out []Outgoing) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range out {
		p.outs = append(p.outs, o.Topic+": "+string(o.Value))
	}
	return p.fail
}

func (p *published) want(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.outs)
	if fmt.Sprint(p.outs) != fmt.Sprint(want) {
		t.Errorf("published %q, want %q", p.outs, want)
	}
}
