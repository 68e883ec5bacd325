package store

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

var (
	cities = []string{"Paris", "Lyon", "Berlin", "Madrid", "Milano", "Warszawa", "Wien", "Praha"}
	orgs   = []string{"Orange", "Deutsche Telekom AG", "Telefonica de Espana", "Vodafone GmbH", "Free SAS"}
)

// traffic makes n events of so many tokens that look like an app's: a token keeps its address and browser.
func traffic(n, tokens int, from int64) []schema.Event {
	es := make([]schema.Event, n)
	for i := range es {
		offset := from + int64(i)
		t := int((uint64(offset) * 0x9E3779B97F4A7C15 >> 20) % uint64(tokens))
		e := use(trafficToken(t), offset)
		e.Time = noon.UnixNano() + offset*1e6
		e.RecordTime = e.Time + 2e6
		e.ID = fmt.Sprintf("%016x-%08x", uint64(offset)*0xA0761D6478BD642F, offset)
		e.User = "user-" + strconv.Itoa(t)
		e.UserAgent = fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", 100+t%60)
		e.Agent = schema.Agent{Family: "Chrome", OS: "Windows", Major: uint16(100 + t%60), Class: schema.DeviceDesktop}
		e.IP = netip.AddrFrom4([4]byte{10, byte(t >> 16), byte(t >> 8), byte(t)})
		e.Method, e.Path, e.Status = "GET", "/api/items/"+strconv.Itoa(i%500), 200
		e.Geo.City, e.Geo.ASOrg, e.Geo.ASN = cities[t%len(cities)], orgs[t%len(orgs)], uint32(3000+t%200)
		es[i] = e
	}
	return es
}

func trafficToken(t int) string { return fmt.Sprintf("h1:k1:%022x", uint64(t+1)*0xD6E8FEB86659FD93) }

// cpu is the CPU time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend is what a lane pays for handing over a row: no allocation once the columns have grown.
func BenchmarkAppend(b *testing.B) {
	blk, err := newEventBlock(new(known))
	if err != nil {
		b.Fatal(err)
	}
	es := traffic(10_000, 5_000, 0)
	for range 10 { // as far as a full block grows
		if err := blk.add(es); err != nil {
			b.Fatal(err)
		}
	}
	blk.reset()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(es) {
		if blk.events.n >= 100_000 {
			blk.reset()
		}
		if err := blk.add(es[:min(len(es), b.N-i)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStore is the whole way of a row into ClickHouse in blocks of 100,000: CPU of this process and of ClickHouse's queries.
func BenchmarkStore(b *testing.B) {
	db := newDB(b)
	e := running(b, db, EventsDefaults())
	es := traffic(100_000, 50_000, 0)
	put(b, e, es...) // both blocks grow
	c := put(b, e, es...)
	const spent = "SELECT sum(value) FROM system.events WHERE event IN ('UserTimeMicroseconds', 'SystemTimeMicroseconds')"
	server := one[uint64](b, db, spent)
	client := cpu()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += 1000 {
		from := i % (len(es) - 1000)
		err := ErrBehind
		for errors.Is(err, ErrBehind) { // a busy machine may hang for a while
			err = c.Append(b.Context(), es[from:from+min(1000, b.N-i)], int64(1_000_000+i))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu()-client)/float64(b.N), "cpu-ns/row")
	b.ReportMetric(float64(len(es)*size(&es[0]))/(1<<20), "MiB/100k-rows")
	b.ReportMetric(float64(one[uint64](b, db, spent)-server)*1000/float64(b.N), "server-cpu-ns/row")
}

// BenchmarkLoad looks up 1,000 tokens out of 200,000 in 2 million rows that lie in 20 unmerged parts, the worst case of a cold start.
func BenchmarkLoad(b *testing.B) {
	db := newDB(b)
	if err := db.conn.Exec(b.Context(), "SYSTEM STOP MERGES session_events"); err != nil {
		b.Fatal(err)
	}
	e := running(b, db, EventsDefaults())
	var c *Cursor[schema.Event]
	for i := range int64(20) {
		c = put(b, e, traffic(100_000, 200_000, i*100_000)...)
	}
	b.ResetTimer()
	rows := 0
	client := cpu()
	for i := range b.N {
		var subjects []schema.Subject
		for k := range 1000 {
			subjects = append(subjects, schema.Subject{Name: trafficToken((i*31 + k*197) % 200_000)})
		}
		if err := c.Load(b.Context(), 2_000_000, subjects, func(schema.Subject, *schema.Event) { rows++ }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
	b.ReportMetric(float64(cpu()-client)/float64(rows), "cpu-ns/row")
}
