package store

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/hijackd/hijackd/schema"
)

// What a replay writes again collapses.
func TestReplayCollapses(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	want := use("h1:k:a", 7)
	for range 3 {
		put(t, e, want)
	}
	if got := load(t, e.Cursor(3, 0), 8, "h1:k:a"); len(got) != 1 || got[0] != want {
		t.Errorf("loaded %+v\nwant   %+v", got, want)
	}
	if n := one[uint64](t, db, "SELECT count() FROM events WHERE token = 'h1:k:a'"); n != 1 {
		t.Errorf("the view events shows %d rows", n)
	}
}

// Of several records with one identity that of the smallest offset counts, in whatever order they are inserted, merged or not.
func TestSmallestOffsetWins(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	first := use("h1:k:a", 5)
	var es []schema.Event
	for _, o := range []int64{5, 6, 9, 40} {
		again := first
		again.Offset, again.Path = o, "/"+time.Duration(o).String()
		es = append(es, again)
	}
	first = es[0]
	rand.Shuffle(len(es), func(i, j int) { es[i], es[j] = es[j], es[i] })
	for _, x := range es {
		put(t, e, x)
	}
	put(t, e, es...) // and all in one block
	for _, merged := range []bool{false, true} {
		if merged {
			if err := db.conn.Exec(t.Context(), "OPTIMIZE TABLE session_events FINAL"); err != nil {
				t.Fatal(err)
			}
			if n := one[uint64](t, db, "SELECT count() FROM session_events"); n != 1 {
				t.Fatalf("%d rows after merging", n)
			}
		}
		if got := load(t, e.Cursor(3, 0), 100, "h1:k:a"); len(got) != 1 || got[0] != first {
			t.Errorf("merged %v: loaded %+v\nwant   %+v", merged, got, first)
		}
		if o := one[int64](t, db, "SELECT offset FROM events"); o != 5 {
			t.Errorf("merged %v: the view shows offset %d", merged, o)
		}
	}
}

// A history as of an offset leaves out what its partition wrote at or after it, and keeps what other partitions wrote.
func TestAsOf(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	es := uses("h1:k:a", 10, 20)
	other := use("h1:k:a", 900) // from before partitions were added
	other.Partition = 1
	moved := es[5] // offset 15, also written to another partition at a smaller offset
	moved.Partition, moved.Offset = 1, 901
	noise := use("h1:k:b", 12)
	es = append(es, other, moved, noise)
	rand.Shuffle(len(es), func(i, j int) { es[i], es[j] = es[j], es[i] })
	put(t, e, es...)
	for _, tt := range []struct {
		before int64
		want   []int64
	}{
		{10, []int64{900, 901}},
		{11, []int64{900, 901, 10}},
		{15, []int64{900, 901, 10, 11, 12, 13, 14}},
		{17, []int64{900, 10, 11, 12, 13, 14, 15, 16}},
		{99, []int64{900, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}},
	} {
		var got []int64
		for _, x := range load(t, e.Cursor(3, 0), tt.before, "h1:k:a") {
			got = append(got, x.Offset)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("before %d: %v, want %v", tt.before, got, tt.want)
		}
	}
}

func TestLoadManySubjects(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	es := traffic(6000, 2500, 0)
	put(t, e, es...)
	want := make(map[schema.Subject][]schema.Event)
	var subjects []schema.Subject
	for _, x := range es {
		s := schema.Subject{Tenant: x.Tenant, Name: x.Token}
		if want[s] == nil {
			subjects = append(subjects, s)
		}
		want[s] = append(want[s], x)
	}
	subjects = append(subjects, schema.Subject{Name: "h1:k:unknown"})
	got := make(map[schema.Subject][]schema.Event)
	err := e.Cursor(3, 0).Load(t.Context(), 6000, subjects, func(s schema.Subject, e *schema.Event) { got[s] = append(got[s], *e) })
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d subjects, want %d", len(got), len(want))
	}
	for s, w := range want {
		if !slices.EqualFunc(got[s], w, func(a, b schema.Event) bool { a.Agent, b.Agent = schema.Agent{}, schema.Agent{}; return a == b }) {
			t.Fatalf("a subject has %d events that differ from the %d stored", len(got[s]), len(w))
		}
	}
}

// Seen tells of the tokens of one partition used in the last 30 days, and of ended ones for as long as they are kept.
func TestSeen(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	old := noon.Add(-40 * 24 * time.Hour).UnixNano()
	aged := func(token string, kind schema.EventType) schema.Event {
		x := use(token, 1)
		x.Type, x.RecordTime = kind, old
		return x
	}
	elsewhere := use("h1:k:elsewhere", 1)
	elsewhere.Partition = 4
	tenant := use("h1:k:tenant", 1)
	tenant.Tenant = "acme"
	nobody := use("", 2)
	nobody.Type = schema.LoginFailed
	put(t, e, use("h1:k:new", 1), use("h1:k:new", 2), aged("h1:k:old", schema.SessionUsed), aged("h1:k:ended", schema.SessionEnded),
		aged("h1:k:revoked", schema.SessionRevoked), aged("h1:k:rotated", schema.Superseded), elsewhere, tenant, nobody)
	var got, want []uint64
	if err := e.Cursor(3, 0).Seen(t.Context(), func(h uint64) { got = append(got, h) }); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"\x00h1:k:new", "\x00h1:k:ended", "\x00h1:k:revoked", "\x00h1:k:rotated", "acme\x00h1:k:tenant"} {
		want = append(want, xxhash.Sum64String(s))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("saw %x, want %x", got, want)
	}
}

// History gives a backtest what the lanes met: all partitions together by record time, each in its order, no identity twice.
func TestHistory(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	es := traffic(9000, 700, 0)
	for i := range es {
		es[i].Partition = int32(i % 3)
	}
	again := es[17]
	again.Offset += 9000
	put(t, e, append(slices.Clone(es), again)...)
	put(t, e, es[:100]...)
	since, until := time.Unix(0, es[1000].RecordTime), time.Unix(0, es[8000].RecordTime)
	last, latest := map[int32]int64{0: -1, 1: -1, 2: -1}, int64(0)
	n := 0
	err := db.History(t.Context(), since, until, func(x *schema.Event) error {
		if x.Offset <= last[x.Partition] {
			t.Fatalf("partition %d: offset %d after %d", x.Partition, x.Offset, last[x.Partition])
		}
		if want := es[x.Offset]; x.ID != want.ID || x.UserAgent != want.UserAgent {
			t.Fatalf("offset %d has the contents of another", x.Offset)
		}
		if x.RecordTime < latest {
			t.Fatalf("offset %d of partition %d goes back in time", x.Offset, x.Partition)
		}
		last[x.Partition], latest = x.Offset, x.RecordTime
		n++
		return nil
	})
	if err != nil || n != 7000 {
		t.Errorf("%d events, want 7000: %v", n, err)
	}
	n = 0
	if err := db.History(t.Context(), time.Time{}, time.Time{}, func(*schema.Event) error { n++; return nil }); err != nil || n != 9000 {
		t.Errorf("%d events without bounds, want 9000: %v", n, err)
	}
	enough := errors.New("enough")
	if err := db.History(t.Context(), time.Time{}, time.Time{}, func(*schema.Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the error of each became %v", err)
	}
}
