//go:build long

package actions_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// fileLog is a response log in a file, which leaves the memory to what is measured.
type fileLog struct {
	mu    sync.Mutex
	f     *os.File
	ends  []int64
	times []time.Time
}

func (l *fileLog) Append(_ context.Context, es []actions.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var end int64
	if n := len(l.ends); n > 0 {
		end = l.ends[n-1]
	}
	var all []byte
	for _, e := range es {
		all = append(all, e.Value...)
		end += int64(len(e.Value))
		l.ends, l.times = append(l.ends, end), append(l.times, time.Now())
	}
	_, err := l.f.Write(all)
	return err
}

func (l *fileLog) Read(_ context.Context, from int64, each func(int64, time.Time, []byte, []byte) error) (int64, error) {
	l.mu.Lock()
	ends, times := l.ends, l.times
	l.mu.Unlock()
	if from >= int64(len(ends)) {
		return from, nil
	}
	var at int64
	if from > 0 {
		at = ends[from-1]
	}
	size := min(256<<10, int(ends[len(ends)-1]-at))
	r := bufio.NewReaderSize(io.NewSectionReader(l.f, at, ends[len(ends)-1]-at), size)
	var value []byte
	for i := from; i < int64(len(ends)); i++ {
		if value = value[:0]; cap(value) < int(ends[i]-at) {
			value = make([]byte, ends[i]-at)
		}
		value = value[:ends[i]-at]
		if _, err := io.ReadFull(r, value); err != nil {
			return i, err
		}
		if err := each(i, times[i], nil, value); err != nil {
			return i, err
		}
		at = ends[i]
	}
	return int64(len(ends)), nil
}

// flooded is the rest of the outside: it takes everything and remembers when.
type flooded struct {
	mu      sync.Mutex
	calls   []time.Time
	pages   []string
	revoked int
}

func (o *flooded) Revoke(context.Context, *schema.Action) actions.Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, time.Now())
	return actions.Result{Class: actions.Done, Detail: "204"}
}

func (o *flooded) Revoked(context.Context, *schema.Action) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.revoked++
	return nil
}

// Alert takes a second, as Slack wants it.
func (o *flooded) Alert(ctx context.Context, a *actions.Alert) actions.Result {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return actions.Result{Class: actions.Again}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if a.Page != "" {
		o.pages = append(o.pages, a.ID)
	}
	return actions.Result{Class: actions.Done}
}

func (o *flooded) Announce(context.Context, []schema.Finding) error       { return nil }
func (o *flooded) InsertFindings(context.Context, []schema.Finding) error { return nil }
func (o *flooded) InsertActions(context.Context, []schema.Action) error   { return nil }
func (o *flooded) InsertAudit(context.Context, []schema.Audit) error      { return nil }

// flood is a lane in the hands of one owner after another.
type flood struct {
	*testing.T
	*watch
	out  *flooded
	log  *fileLog
	lane *actions.Response
	term int64
	pos  int64
}

// takeOver begins a term and says what that cost.
func (f *flood) takeOver(what string) {
	f.Helper()
	if f.lane != nil {
		f.abandon()
	}
	runtime.GC()
	f.top.Store(0)
	before := processorTime()
	f.term++
	f.lane = actions.NewResponse(actions.Enforcing(f), actions.LaneDefaults(), actions.Deps{
		Log: f.log, Publisher: f.out, Archive: f.out, Revoker: f.out, Alerter: f.out, Logger: quiet, Metrics: laneMetrics,
	})
	if _, err := f.lane.Open(f.Context(), schema.Assignment{Term: schema.Term{Generation: f.term, Start: 1}, Committed: f.pos}); err != nil {
		f.Fatal(err)
	}
	spent, most := processorTime()-before, f.top.Load()
	f.Logf("takeover %s: %s of CPU, %d records read, heap at most %d MiB, %d MiB afterwards", what, spent.Round(10*time.Millisecond), len(f.log.ends), most>>20, heap()>>20)
}

func (f *flood) abandon() {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	f.lane.Close(gone)
	f.lane = nil
}

// send lets signals arrive together.
func (f *flood) send(ss ...schema.Signal) {
	f.Helper()
	var recs []schema.Record
	for i := range ss {
		v, err := json.Marshal(ss[i])
		if err != nil {
			f.Fatal(err)
		}
		recs = append(recs, schema.Record{Offset: f.pos, Time: time.Now().UnixNano(), Value: v})
		f.pos++
	}
	if err := f.lane.Process(f.Context(), recs); err != nil {
		f.Fatal(err)
	}
}

// run works the lane for so long, as its runner does.
func (f *flood) run(d time.Duration) {
	f.Helper()
	end := time.After(d)
	for {
		select {
		case <-f.lane.Wake():
			if err := f.lane.Work(f.Context()); err != nil {
				f.Fatal(err)
			}
		case <-end:
			return
		}
	}
}

// within reports the most calls that any window of time had.
func within(calls []time.Time, window time.Duration) (most int) {
	from := 0
	for i := range calls {
		for calls[i].Sub(calls[from]) >= window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watch is the most memory in use since it was last reset. It watches from outside of the bubble, where time goes on.
type watch struct{ top atomic.Uint64 }

func watchHeap(t *testing.T) *watch {
	w, stop := new(watch), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > w.top.Load() {
				w.top.Store(m.HeapAlloc)
			}
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { close(stop); ended.Wait() })
	return w
}

// processorTime is what the process has used: time itself is virtual here.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// floodSize is how many tokens a flood has: 100,000, or as many as HIJACKD_FLOOD says (make flood: a million).
func floodSize(t *testing.T) int {
	text := os.Getenv("HIJACKD_FLOOD")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 10_000 {
		t.Fatalf("HIJACKD_FLOOD=%q is no number from 10000 on", text)
	}
	return n
}

// TestForgedFlood: tokens that look hijacked, as many as floodSize says, within ten minutes. Revocations stay within the limits, everything else is held
// in the log, people are paged once; what is then released goes out no faster than the limit, whoever has the lane.
func TestForgedFlood(t *testing.T) {
	const batch = 500
	n := floodSize(t) / batch * batch
	memory := watchHeap(t)
	synctest.Test(t, func(t *testing.T) {
		file, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		f := &flood{T: t, watch: memory, out: &flooded{}, log: &fileLog{f: file}}
		f.takeOver("of nothing")
		before := processorTime()
		for i := 0; i < n; i += batch {
			var ss []schema.Signal
			for j := i; j < i+batch; j++ {
				x := actions.Conclusive(fmt.Sprintf("h1:k1:%022d", j))
				x.User, x.Session = fmt.Sprint("u-", j), fmt.Sprint("sid-", j)
				ss = append(ss, schema.Signal{Finding: x})
			}
			f.send(ss...)
			f.run(10 * time.Minute / time.Duration(n/batch))
		}
		f.run(time.Minute)
		flooding := len(f.out.calls)
		t.Logf("%d findings: %.0f µs of CPU each, heap at most %d MiB, %d MiB afterwards; log of %d MiB", n, float64((processorTime()-before).Microseconds())/float64(n),
			f.top.Load()>>20, heap()>>20, f.log.ends[len(f.log.ends)-1]>>20)
		t.Logf("%d calls, at most %d in a minute and %d in an hour; pages %q", flooding, within(f.out.calls, time.Minute), within(f.out.calls, time.Hour), f.out.pages)
		if within(f.out.calls, time.Minute) > 60 || within(f.out.calls, time.Hour) > 600 {
			t.Error("revocations beyond the limits")
		}
		held, pages := f.states(n)
		if len(held) != n-flooding {
			t.Errorf("%d held in the log and %d called, of %d", len(held), flooding, n)
		}
		if pages["held"] != 1 || pages["flood"] > 1 || len(f.out.pages) == 0 || !strings.HasPrefix(f.out.pages[0], "page_held_") {
			t.Errorf("pages %v, sent %q", pages, f.out.pages)
		}

		f.takeOver("of what is held")
		before = processorTime()
		for i := 0; i < len(held); i += 1000 {
			f.send(schema.Signal{Command: &schema.Command{ID: fmt.Sprint("cmd_", i), Verb: schema.Release, Actions: held[i:min(i+1000, len(held))], By: "ana", Why: "a drill", At: time.Now()}})
		}
		t.Logf("released: %.0f µs of CPU each, heap %d MiB", float64((processorTime()-before).Microseconds())/float64(n), heap()>>20)
		began := time.Now()
		f.run(90 * time.Minute)
		f.takeOver("of what waits for its turn")
		f.run(90 * time.Minute)
		f.abandon()
		out := f.out.calls[flooding:]
		t.Logf("%d calls in %s after the release, at most %d in a minute", len(out), time.Since(began), within(out, time.Minute))
		if len(out) < 175*60 || within(out, time.Minute) > 61 { // a takeover begins a minute of its own
			t.Errorf("%d calls in 3 h after the release, at most %d in a minute; want 60 a minute", len(out), within(out, time.Minute))
		}
		waiting, pages := f.states(n)
		if pages["held"] != 1 || pages["flood"] > 1 || len(f.out.pages) != len(pages) {
			t.Errorf("at the end pages %v, sent %q", pages, f.out.pages)
		}
		if len(waiting)+len(f.out.calls) != n {
			t.Errorf("%d wait, %d were called, of %d", len(waiting), len(f.out.calls), n)
		}
	})
}

// states reads the log: the ids of the actions that are not over, in order, and how many pages of each kind there were.
func (f *flood) states(n int) (open []string, pages map[string]int) {
	f.Helper()
	last, pages := make(map[string]schema.ActionState, n), map[string]int{}
	var order []string
	_, err := f.log.Read(f.Context(), 0, func(_ int64, _ time.Time, _, value []byte) error {
		rec, err := actions.ReadRecord(value)
		if err != nil {
			return err
		}
		switch {
		case rec.Action != nil && last[rec.Action.ID] == 0:
			order = append(order, rec.Action.ID)
			fallthrough
		case rec.Action != nil:
			last[rec.Action.ID] = max(last[rec.Action.ID], rec.Action.State)
		case rec.Alert != nil && rec.State == schema.ActionPending && strings.HasPrefix(rec.Alert.ID, "page_"):
			kind, _, _ := strings.Cut(rec.Alert.ID[len("page_"):], "_")
			pages[kind]++
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	if len(order) != n {
		f.Errorf("%d actions in the log, want %d", len(order), n)
	}
	for _, id := range order {
		if last[id] < schema.ActionDiscarded {
			open = append(open, id)
		}
	}
	return open, pages
}
