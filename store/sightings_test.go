package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/hijackd/hijackd/schema"
	"pgregory.net/rapid"
)

func runningSightings(t testing.TB, db *DB, cfg StorerConfig) *Sightings {
	t.Helper()
	e, err := NewSightings(db, cfg, discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return e
}

// putSightings stores sightings of partition 3 through a cursor of their own and waits.
func putSightings(t testing.TB, e *Sightings, gs ...schema.Sighting) {
	t.Helper()
	c := e.Cursor(3, 0)
	if err := c.Append(t.Context(), gs, gs[len(gs)-1].Offset+1); err != nil {
		t.Fatal(err)
	}
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// sight is a sighting of a user at offset, a second after the one before it.
func sight(user string, offset int64) schema.Sighting {
	at := noon.Add(time.Duration(offset) * time.Second).UnixNano()
	return schema.Sighting{
		Partition: 3, Offset: offset, RecordTime: at, ID: "sgt_" + strconv.FormatInt(offset, 10), Kind: schema.SightingUsed, Scope: schema.ScopeUser,
		Subject: user, Time: at - 1, EventID: "e-" + strconv.FormatInt(offset, 10), Token: trafficToken(int(offset % 50)), User: user, Session: "sid", App: "shop",
		Lane: 2, Epoch: 1, Started: true, IP: netip.MustParseAddr("192.0.2.7"), Agent: schema.Agent{Family: "Firefox", OS: "Windows", Major: 140, Class: schema.DeviceDesktop},
		Geo: schema.Geo{Country: "FR", City: "Paris", Lat: 48.8566, Lon: 2.3522, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkMobile},
	}
}

func loadSubjects(t testing.TB, e *Sightings, before int64, names ...string) []schema.Sighting {
	t.Helper()
	var subjects []schema.Subject
	for _, n := range names {
		subjects = append(subjects, schema.Subject{Name: n})
	}
	var gs []schema.Sighting
	if err := e.Cursor(3, 0).Load(t.Context(), before, subjects, func(_ schema.Subject, g *schema.Sighting) { gs = append(gs, *g) }); err != nil {
		t.Fatal(err)
	}
	return gs
}

// anySighting draws sightings with every field set to anything that its type allows.
func anySighting(offset int64) *rapid.Generator[schema.Sighting] {
	return rapid.Custom(func(t *rapid.T) schema.Sighting {
		text := func(name string) string { return rapid.StringN(0, 12, 40).Draw(t, name) }
		g := schema.Sighting{
			Partition: 3, Offset: offset, RecordTime: noon.UnixNano() + rapid.Int64Range(-1e6, 1e6).Draw(t, "record")*int64(time.Millisecond),
			ID: text("id"), Kind: schema.SightingKind(text("kind")), Tenant: text("tenant"), Scope: schema.ScopeUser, Subject: text("subject"),
			Time: rapid.Int64().Draw(t, "time"), EventID: text("event"), Token: text("token"), User: text("user"), Session: text("session"), App: text("app"),
			Lane: rapid.Int32().Draw(t, "lane"), Epoch: int(rapid.Int32().Draw(t, "epoch")), Started: rapid.Bool().Draw(t, "started"),
			Rotated: rapid.Bool().Draw(t, "rotated"), Rejected: rapid.Bool().Draw(t, "rejected"),
			Apart: rapid.Bool().Draw(t, "apart"), NewDevice: rapid.Bool().Draw(t, "new device"), Device: text("device"), JA4: text("ja4"), Counts: text("counts"),
			Geo: schema.Geo{Country: text("country"), City: text("city"), Lat: rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
				HasPlace: rapid.Bool().Draw(t, "place"), AccuracyKM: rapid.Uint16().Draw(t, "accuracy"), ASN: rapid.Uint32().Draw(t, "asn"), ASOrg: text("org"),
				Network: schema.NetworkClass(rapid.IntRange(0, 9).Draw(t, "network"))},
			Agent: schema.Agent{Family: text("family"), OS: text("os"), Major: rapid.Uint16().Draw(t, "major"), Class: schema.DeviceClass(rapid.IntRange(0, 5).Draw(t, "class"))},
		}
		switch rapid.IntRange(0, 3).Draw(t, "address") {
		case 1:
			g.IP = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		case 2:
			g.IP = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6"))).Unmap()
		case 3:
			g.IP = netip.IPv6Unspecified()
		}
		return g
	})
}

func TestSightingComesBackWhole(t *testing.T) {
	for name, dsn := range transports(t) {
		t.Run(name, func(t *testing.T) {
			db := openMigrated(t, dsn)
			e := runningSightings(t, db, SightingsDefaults())
			want := map[string]schema.Sighting{}
			var gs []schema.Sighting
			var subjects []schema.Subject
			for offset := range int64(300) {
				g := anySighting(offset).Example(int(offset))
				g.ID += strconv.FormatInt(offset, 10)
				want[g.ID] = g
				gs, subjects = append(gs, g), append(subjects, schema.Subject{Tenant: g.Tenant, Name: "user:" + g.Subject})
			}
			putSightings(t, e, gs...)
			got := map[string]schema.Sighting{}
			err := e.Cursor(3, 0).Load(t.Context(), 300, subjects, func(_ schema.Subject, g *schema.Sighting) { got[g.ID] = *g })
			if err != nil {
				t.Fatal(err)
			}
			for id, w := range want {
				if got[id] != w {
					t.Errorf("loaded %+v\nwant   %+v", got[id], w)
				}
			}
		})
	}
}

func TestSightingRowAndBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := anySighting(rapid.Int64Range(0, 1<<62).Draw(rt, "offset")).Draw(rt, "sighting")
		var r sightingRow
		r.set(&want)
		if got := *r.sighting(); got != want {
			rt.Fatalf("%+v\nwant %+v", got, want)
		}
	})
}

// A sighting that was published again counts where it was published first, merged or not, and a history as of an offset holds what was
// published before it, and what other partitions hold.
func TestSightingsAsOf(t *testing.T) {
	db := newDB(t)
	e := runningSightings(t, db, SightingsDefaults())
	gs := make([]schema.Sighting, 0, 40)
	for o := int64(10); o < 20; o++ {
		gs = append(gs, sight("u", o), sight("u", o+100))
		gs[len(gs)-1].ID = gs[len(gs)-2].ID // again
	}
	other := sight("u", 900)
	other.Partition = 1
	namesake := sight("u", 11)
	namesake.Scope = schema.ScopeSession
	gs = append(gs, other, namesake, sight("v", 12))
	rand.Shuffle(len(gs), func(i, j int) { gs[i], gs[j] = gs[j], gs[i] })
	for _, g := range gs[:5] {
		putSightings(t, e, g)
	}
	putSightings(t, e, gs...)
	for _, merged := range []bool{false, true} {
		if merged {
			if err := db.conn.Exec(t.Context(), "OPTIMIZE TABLE sightings FINAL"); err != nil {
				t.Fatal(err)
			}
		}
		for before, want := range map[int64][]int64{10: {900}, 13: {900, 10, 11, 12}, 115: {900, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}} {
			var got []int64
			for _, g := range loadSubjects(t, e, before, "user:u") {
				got = append(got, g.Offset)
			}
			if !slices.Equal(got, want) {
				t.Errorf("before %d, merged %v: %v, want %v", before, merged, got, want)
			}
		}
		if n := len(loadSubjects(t, e, 200, "session:u", "user:v", "network:u")); n != 2 {
			t.Errorf("%d sightings of a session and another user, want 2", n)
		}
	}
}

// Of an app's counts, the last version as of the offset is loaded of each lane, hour and stretch.
func TestCountsLoadInTheirLastVersion(t *testing.T) {
	db := newDB(t)
	e := runningSightings(t, db, SightingsDefaults())
	count := func(offset int64, lane int32, hour time.Duration, stretch, seq int) schema.Sighting {
		return schema.Sighting{Partition: 3, Offset: offset, RecordTime: noon.UnixNano(), ID: fmt.Sprint("c", lane, hour, stretch, seq), Kind: schema.SightingCounts,
			Scope: schema.ScopeApp, Subject: "shop", Time: noon.Add(hour).UnixNano(), Lane: lane, Counts: fmt.Sprintf(`{"stretch":%d,"seq":%d}`, stretch, seq)}
	}
	putSightings(t, e, count(1, 0, 0, 0, 5), count(2, 0, 0, 0, 9), count(3, 0, time.Hour, 0, 3), count(4, 0, 0, 1, 2), count(5, 1, 0, 0, 8), count(6, 0, 0, 0, 9),
		count(7, 0, 0, 0, 7), count(8, 0, 0, 1, 6))
	for before, want := range map[int64][]int64{9: {2, 3, 5, 8}, 8: {2, 3, 4, 5}, 2: {1}} {
		var got []int64
		for _, g := range loadSubjects(t, e, before, "app:shop", "user:nobody") {
			got = append(got, g.Offset)
		}
		if !slices.Equal(got, want) {
			t.Errorf("before %d: %v, want %v", before, got, want)
		}
	}
}

// What is older than a rule of the scope looks back is neither loaded nor in the index.
func TestSightingsAgeByScope(t *testing.T) {
	db := newDB(t)
	e := runningSightings(t, db, SightingsDefaults())
	var gs []schema.Sighting
	for i, scope := range []schema.Scope{schema.ScopeUser, schema.ScopeSession, schema.ScopeNetwork, schema.ScopeApp} {
		for j, age := range []int{1, 5, 20, 55, 70} {
			g := sight(fmt.Sprintf("%d-days", age), int64(10*i+j))
			g.Scope, g.RecordTime = scope, noon.Add(-time.Duration(age)*24*time.Hour).UnixNano()
			gs = append(gs, g)
		}
	}
	elsewhere, acme := sight("elsewhere", 100), sight("of-a-tenant", 101)
	elsewhere.Partition, acme.Tenant = 4, "acme"
	putSightings(t, e, append(gs, elsewhere, acme)...)
	want := []string{"app:1-days", "app:5-days", "network:1-days", "network:5-days", "session:1-days", "session:20-days", "session:5-days", "session:55-days",
		"user:1-days", "user:20-days", "user:5-days", "user:55-days"}
	var all, loaded []string
	for _, g := range gs {
		all = append(all, string(g.Scope)+":"+g.Subject)
	}
	for _, g := range loadSubjects(t, e, 1000, all...) {
		loaded = append(loaded, string(g.Scope)+":"+g.Subject)
	}
	slices.Sort(loaded)
	if !slices.Equal(loaded, want) {
		t.Errorf("loaded %v\nwant   %v", loaded, want)
	}
	seen := map[uint64]bool{}
	if err := e.Cursor(3, 0).Seen(t.Context(), func(h uint64) { seen[h] = true }); err != nil {
		t.Fatal(err)
	}
	tenanted := []string{"acme\x00user:of-a-tenant"}
	for _, s := range want {
		tenanted = append(tenanted, "\x00"+s)
	}
	for _, s := range tenanted {
		if !seen[xxhash.Sum64String(s)] {
			t.Errorf("the index lacks %q", s)
		}
	}
	for _, s := range []string{"\x00user:70-days", "\x00network:20-days", "\x00user:elsewhere"} {
		if seen[xxhash.Sum64String(s)] {
			t.Errorf("the index has %q", s)
		}
	}
}

func TestAppendingSightingsAllocatesNothing(t *testing.T) {
	b, err := newSightingBlock()
	if err != nil {
		t.Fatal(err)
	}
	gs := sightings(1000, 300)
	fill := func() {
		for range 10 {
			if err := b.add(gs); err != nil {
				t.Fatal(err)
			}
		}
		b.reset()
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("%v allocations per 10,000 rows", n)
	}
}

func sightings(n, users int) []schema.Sighting {
	gs := make([]schema.Sighting, n)
	for i := range gs {
		gs[i] = sight("user-"+strconv.Itoa(i*7919%users), int64(i))
		gs[i].ID = fmt.Sprintf("sgt_%020d", uint64(i)*0x9E3779B97F4A7C15)
		gs[i].RecordTime = noon.UnixNano() + int64(i)*1e6
		gs[i].IP = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	return gs
}

// BenchmarkStoreSightings is the whole way of a sighting into ClickHouse: CPU of this process and of ClickHouse's queries.
func BenchmarkStoreSightings(b *testing.B) {
	db := newDB(b)
	e := runningSightings(b, db, SightingsDefaults())
	gs := sightings(100_000, 30_000)
	putSightings(b, e, gs...)
	putSightings(b, e, gs...)
	c := e.Cursor(3, 0)
	const spent = "SELECT sum(value) FROM system.events WHERE event IN ('UserTimeMicroseconds', 'SystemTimeMicroseconds')"
	server := one[uint64](b, db, spent)
	client := cpu()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += 1000 {
		from := i % (len(gs) - 1000)
		if err := c.Append(b.Context(), gs[from:from+min(1000, b.N-i)], int64(1_000_000+i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu()-client)/float64(b.N), "cpu-ns/row")
	b.ReportMetric(float64(one[uint64](b, db, spent)-server)*1000/float64(b.N), "server-cpu-ns/row")
}
