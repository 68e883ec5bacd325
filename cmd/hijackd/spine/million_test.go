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
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/ingest/enrich/geotest"
)

// TestMillion sends a million events of 50,000 sessions through Kafka, hijackd and the engine, then another million through the same
// process, and prints what each cost. The events lie in Kafka before hijackd reads them. CPU and memory are those of the whole process,
// read from /proc.
func TestMillion(t *testing.T) {
	const events, sessions, partitions = 1_000_000, 50_000, 4
	dir := t.TempDir()
	e := ownEngine(t, dir)
	defer func() { _ = e.Stop(context.Background()) }()
	s := newSite(t, partitions, e.DSN())
	city, asn := filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")
	writeGeo(t, city, asn)
	config := s.config("geoip: {city: \"" + city + "\", asn: \"" + asn + "\"}\n")
	s.rewrite(config, "session_timeout: 6s", "session_timeout: 2m") // being stopped for a while is no death here

	began := time.Now()
	bytes := s.preload(events, sessions, time.Now())
	t.Logf("produced %d events of %d bytes on average, LZ4, %d sessions, %d partitions, in %.0f s", events, bytes/events, sessions, partitions, time.Since(began).Seconds())

	before := cpu(t, enginePID(t, dir))
	began = time.Now()
	m := s.start(config)
	s.await("the million is stored and committed", func() bool { return s.drained(s.topic) })
	wall, spent, engineSpent := time.Since(began), cpu(t, m.cmd.Process.Pid), cpu(t, enginePID(t, dir))-before
	report := func(what string, spent, engineSpent time.Duration) {
		t.Logf("%s: hijackd %.2f µs of CPU per event, the engine %.2f", what, micros(spent)/events, micros(engineSpent)/events)
	}
	report("the million, with the process's start and its buffers' growth", spent, engineSpent)
	t.Logf("%.0f rows/s of wall time, Kafka, engine and hijackd together on this machine", events/wall.Seconds())

	m.signal(syscall.SIGSTOP) // the next million lies in Kafka, too, before it is read
	s.preload(events, sessions, time.Now())
	first, firstEngine := cpu(t, m.cmd.Process.Pid), cpu(t, enginePID(t, dir))
	m.signal(syscall.SIGCONT)
	s.await("the second million is stored and committed", func() bool { return s.drained(s.topic) })
	report("another million to the running process", cpu(t, m.cmd.Process.Pid)-first, cpu(t, enginePID(t, dir))-firstEngine)
	t.Logf("peak RSS %d MiB", status(t, m.cmd.Process.Pid, "VmHWM")>>20)
	m.stop(t)
	if stored, committed := s.count("SELECT count() FROM {db}.events"), s.committed(); stored != 2*events || committed != 2*events {
		t.Errorf("%d rows stored, %d offsets committed, want %d of both", stored, committed, 2*events)
	} else {
		t.Logf("events in %d = rows stored %d = offsets committed %d", 2*events, stored, committed)
	}

	const after = 100_000
	s.preload(after, sessions, time.Now())
	before = cpu(t, enginePID(t, dir))
	began = time.Now()
	m = s.start(config)
	s.await("what came after the restart is stored and committed", func() bool { return s.drained(s.topic) })
	t.Logf("a restart with %d live sessions: %d events stored after %.1f s, for %.1f s of hijackd's CPU and %.1f s of the engine's", sessions, after,
		time.Since(began).Seconds(), cpu(t, m.cmd.Process.Pid).Seconds(), (cpu(t, enginePID(t, dir)) - before).Seconds())
	m.stop(t)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// committed adds up what the group has committed of the event topic.
func (s *site) committed() (sum int64) {
	s.t.Helper()
	n, err := s.client.Partitions(s.t.Context(), s.topic)
	if err != nil {
		s.t.Fatal(err)
	}
	for p := range int32(n) {
		c, err := s.client.Committed(s.t.Context(), s.group, s.topic, p)
		if err != nil {
			s.t.Fatal(err)
		}
		sum += c
	}
	return sum
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

// ordinary is an event of one of many sessions: mostly from the session's own address and browser, 9 in 100 from another address of the
// same provider.
func ordinary(r *rand.Rand, sessions int, at time.Time) (tok string, value []byte) {
	n := r.IntN(sessions)
	host := n
	if r.IntN(100) < 9 {
		host = n ^ r.IntN(256)
	}
	tok = fmt.Sprintf("h1:k1:%022d", uint64(n)*0x9E3779B97F4A7C15)
	return tok, fmt.Appendf(nil, `{"id":"%08x-%04x-7%03x-a%03x-%012x","time":"%s","token":"%s","type":"session.used","ip":"10.%d.%d.%d","user_agent":"%s","user":"u-%07d","app":"shop","session":"sid-%012x","method":"GET","path":"/api/v2/orders/%d","status":200}`,
		r.Uint32(), r.IntN(65536), r.IntN(4096), r.IntN(4096), r.Uint64()>>16,
		at.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), tok,
		host>>16&255, host>>8&255, host&255, agents[n%len(agents)], n, n, r.IntN(1_000_000))
}

// preload produces the events of an hour.
func (s *site) preload(events, sessions int, now time.Time) (bytes int) {
	r := rand.New(rand.NewPCG(7, uint64(s.produced)))
	begin := now.Add(-time.Hour)
	step := time.Hour / time.Duration(events)
	for i := range events {
		tok, v := ordinary(r, sessions, begin.Add(time.Duration(i)*step))
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
