//go:build bench

package spine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/ingest/enrich/geotest"
)

// TestMillion sends a million events of 50,000 sessions through Kafka, hijackd and the engine, and prints what it cost. The events lie
// in Kafka before hijackd starts. CPU and memory are those of the whole process from its start on, read from /proc.
func TestMillion(t *testing.T) {
	const events, sessions, partitions = 1_000_000, 50_000, 4
	dir := t.TempDir()
	e := ownEngine(t, dir)
	defer func() { _ = e.Stop(context.Background()) }()
	s := newSite(t, partitions, e.DSN())
	city, asn := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")
	writeGeo(t, city, asn)
	config := s.config("geoip: {city: \"" + city + "\", asn: \"" + asn + "\"}\n")

	began := time.Now()
	bytes := s.preload(events, sessions, time.Now())
	t.Logf("produced %d events of %d bytes on average, LZ4, %d sessions, %d partitions, in %.0f s", events, bytes/events, sessions, partitions, time.Since(began).Seconds())

	before := cpu(t, enginePID(t, dir))
	began = time.Now()
	m := s.start(config)
	s.await("the million is stored and committed", func() bool { return s.drained(s.topic) })
	wall := time.Since(began)
	spent, peak := cpu(t, m.cmd.Process.Pid), status(t, m.cmd.Process.Pid, "VmHWM")
	engineSpent := cpu(t, enginePID(t, dir)) - before
	m.stop(t)

	stored := s.count("SELECT count() FROM {db}.events")
	t.Logf("events in %d = rows stored %d = offsets committed %d", events, stored, events)
	t.Logf("hijackd: %.2f µs of CPU per event, peak RSS %d MiB", float64(spent.Nanoseconds())/1e3/events, peak>>20)
	t.Logf("engine:  %.2f µs of CPU per event", float64(engineSpent.Nanoseconds())/1e3/events)
	t.Logf("together %.0f rows/s of wall time on this machine", events/wall.Seconds())
	if stored != events {
		t.Errorf("%d rows stored, want %d", stored, events)
	}
}

var agents = func() (list []string) {
	for v := range 200 {
		list = append(list,
			fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.%d.0 Safari/537.36", 100+v%50, v),
			fmt.Sprintf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.%d Safari/605.1.15", v%9),
			fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 100+v%50, 100+v%50))
	}
	return list
}()

// preload produces events: mostly from the session's own address and browser, 9 in 100 from another address of the same provider.
func (s *site) preload(events, sessions int, now time.Time) (bytes int) {
	r := rand.New(rand.NewPCG(7, 7))
	begin := now.Add(-time.Hour)
	step := time.Hour / time.Duration(events)
	for i := range events {
		n := r.IntN(sessions)
		host := n
		if r.IntN(100) < 9 {
			host = n ^ r.IntN(256)
		}
		tok := fmt.Sprintf("h1:k1:%022d", uint64(n)*0x9E3779B97F4A7C15)
		v := fmt.Appendf(nil, `{"id":"%08x-%04x-7%03x-a%03x-%012x","time":"%s","token":"%s","type":"session.used","ip":"10.%d.%d.%d","user_agent":"%s","user":"u-%07d","app":"shop","session":"sid-%012x","method":"GET","path":"/api/v2/orders/%d","status":200}`,
			r.Uint32(), r.IntN(65536), r.IntN(4096), r.IntN(4096), r.Uint64()>>16,
			begin.Add(time.Duration(i)*step).UTC().Format("2006-01-02T15:04:05.000000Z07:00"), tok,
			host>>16&255, host>>8&255, host&255, agents[n%len(agents)], n, n, r.IntN(1_000_000))
		bytes += len(v)
		s.producer.Produce(s.t.Context(), &kgo.Record{Key: []byte(tok), Value: v}, nil)
	}
	if err := s.producer.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.produced += events
	return bytes
}

// writeGeo makes databases in which each /16 of 10.0.0.0/8 is a city, in /24s as real ones are.
func writeGeo(t *testing.T, city, asn string) {
	var cities []geotest.Entry
	var systems []geotest.System
	for a := range 2 {
		systems = append(systems, geotest.System{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", a)), ASN: uint32(64500 + a), Org: "Example Net"})
		for b := range 256 {
			cities = append(cities, geotest.Entry{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", a, b)), City: fmt.Sprintf("City %d", b%16),
				Country: "FR", Lat: 48 + float64(b%16)/100, Lon: 2 + float64(b%16)/100, Radius: 20})
		}
	}
	if err := geotest.City(city, cities); err != nil {
		t.Fatal(err)
	}
	if err := geotest.ASN(asn, systems); err != nil {
		t.Fatal(err)
	}
}

// cpu is the user and system time of a process, whose clock ticks 100 times a second (proc_pid_stat(5)).
func cpu(t *testing.T, pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// status reads a value in bytes from a process's status.
func status(t *testing.T, pid int, name string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n << 10
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// enginePID finds the engine by its data folder.
func enginePID(t *testing.T, dir string) int {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range all {
		if b, _ := os.ReadFile(p); strings.Contains(string(b), filepath.Join(dir, "data")) {
			pid, _ := strconv.Atoi(strings.Split(p, "/")[2])
			return pid
		}
	}
	t.Fatal("the engine does not run")
	return 0
}
