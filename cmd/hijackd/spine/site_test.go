package spine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hijackd/hijackd/ingest/broker"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU"

// site is a company that runs hijackd: its Kafka topic, its ClickHouse database, the receiver of its revocations. The daemons are real
// processes; Kafka and the engine are the ones that the surroundings started.
type site struct {
	t        *testing.T
	kafka    string
	dsn      string
	topic    string
	group    string
	dir      string
	receiver *receiver
	client   *broker.Client
	producer *kgo.Client
	db       driver.Conn
	produced int
	members  []*member
}

func server(t testing.TB, variable string) string {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		t.Fatalf("%s is not set: run make test", variable)
	}
	return v
}

// newSite makes a site with a fresh topic and database. An empty dsn means the surroundings' engine.
func newSite(t *testing.T, partitions int, dsn string) *site {
	t.Helper()
	name := strings.ToLower(rand.Text()[:10])
	s := &site{t: t, kafka: server(t, "HIJACKD_TEST_KAFKA"), topic: "site-" + name, group: "hijackd-" + name, dir: t.TempDir(), receiver: newReceiver(t)}
	if dsn == "" {
		dsn = server(t, "HIJACKD_TEST_CLICKHOUSE")
	}
	base, _, _ := strings.Cut(strings.TrimPrefix(dsn, "clickhouse://"), "/")
	s.dsn = "clickhouse://" + base + "/site_" + name
	var err error
	if s.client, err = broker.New(broker.Config{Brokers: []string{s.kafka}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	if err := s.client.Ensure(t.Context(), true, []broker.Topic{{Name: s.topic, Partitions: partitions, Own: true}}); err != nil {
		t.Fatal(err)
	}
	s.producer, err = kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(s.topic), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.producer.Close)
	o, err := clickhouse.ParseDSN("clickhouse://" + base + "/default")
	if err != nil {
		t.Fatal(err)
	}
	if s.db, err = clickhouse.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, m := range s.members {
			m.kill()
			if out := m.out.String(); strings.Contains(out, "DATA RACE") {
				t.Errorf("a daemon raced:\n%s", out)
			}
		}
		_ = s.db.Exec(context.Background(), "DROP DATABASE IF EXISTS site_"+name)
		_ = s.db.Close()
	})
	s.write("pepper", "0123456789abcdef0123456789abcdef")
	s.write("secret", webhookSecret)
	return s
}

func (s *site) write(name, content string) string {
	s.t.Helper()
	p := filepath.Join(s.dir, name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) text(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// config writes a configuration in which everything conclusive is revoked. more is added to its end.
func (s *site) config(more string) string {
	return s.write("hijackd.yaml", fmt.Sprintf(`
kafka:
  brokers: [%s]
  topic: %s
  group: %s
  dead_letter_topic: %s.dead
  findings_topic: %s-findings
  revocations_topic: %s-revocations
  session_timeout: 6s
clickhouse: {dsn: "%s"}
fingerprint: {pepper_file: "%s"}
policy:
  mode: enforce
  limits: {revokes_per_minute: 100000, revokes_per_hour: 1000000, percent_of_active: 100}
actions:
  revoke: {url: "%s", secret_file: "%s", allow_private: true}
admin: {listen: ""}
console: {listen: ""}
log: {level: info, format: text}
%s`, s.kafka, s.topic, s.group, s.topic, s.topic, s.topic, s.dsn, filepath.Join(s.dir, "pepper"), s.receiver.URL, filepath.Join(s.dir, "secret"), more))
}

// member is one running daemon.
type member struct {
	cmd  *exec.Cmd
	out  *lines
	done chan error
	gone bool // killed or stopped by the test
}

// lines keeps what a process prints.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// start runs a daemon and waits until it takes part in its group.
func (s *site) start(config string) *member {
	s.t.Helper()
	m := s.launch(config)
	s.members = append(s.members, m)
	s.await("the daemon's start", func() bool { return strings.Contains(m.out.String(), "hijackd runs") })
	return m
}

func (s *site) launch(config string) *member {
	s.t.Helper()
	m := &member{cmd: exec.Command(binary, "run", "-c", config), out: new(lines), done: make(chan error, 1)}
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	if err := m.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { m.done <- m.cmd.Wait() }()
	return m
}

func (m *member) kill() {
	m.gone = true
	_ = m.cmd.Process.Kill()
	<-m.done
	m.done <- nil
}

func (m *member) signal(s os.Signal) { _ = m.cmd.Process.Signal(s) }

// ended reports whether the daemon has ended without being told to.
func (m *member) ended() bool {
	select {
	case err := <-m.done:
		m.done <- err
		return !m.gone
	default:
		return false
	}
}

// stop ends a daemon in good order.
func (m *member) stop(t *testing.T) {
	t.Helper()
	m.gone = true
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	err := <-m.done
	m.done <- nil
	if err != nil {
		t.Errorf("daemon ended with %v:\n%s", err, m.out)
	}
}

// binary is the hijackd that the tests run, built for them as users get it.
var (
	binary     string
	buildFlags []string
	buildEnv   = []string{"CGO_ENABLED=0"}
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hijackd-spine-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "hijackd")
	build := exec.Command("go", append(append([]string{"build", "-o", binary}, buildFlags...), "github.com/hijackd/hijackd/cmd/hijackd")...)
	build.Env = append(os.Environ(), buildEnv...)
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build hijackd: %v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// receiver is the identity provider's end of the webhook. It acts once per id, as Standard Webhooks says.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []revocationCall
}

type revocationCall struct {
	id, token string
	body      []byte
	at        time.Time
}

func newReceiver(t *testing.T) *receiver {
	verifier, err := webhooks.NewWebhook(webhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if err := verifier.Verify(body, req.Header); err != nil {
			t.Errorf("webhook signature: %v", err)
		}
		var msg struct{ Data struct{ Token string } }
		if err := json.Unmarshal(body, &msg); err != nil {
			t.Errorf("webhook body: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, revocationCall{req.Header.Get("webhook-id"), msg.Data.Token, body, time.Now()})
	}))
	t.Cleanup(r.Close)
	return r
}

// ids returns the different webhook-ids that came for each token.
func (r *receiver) ids() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string][]string{}
	for _, c := range r.calls {
		if !slices.Contains(ids[c.token], c.id) {
			ids[c.token] = append(ids[c.token], c.id)
		}
	}
	return ids
}

// produce writes events keyed by their token, as Java's client places them.
func (s *site) produce(events ...string) {
	s.t.Helper()
	var rs []*kgo.Record
	for _, e := range events {
		var k struct{ Token string }
		_ = json.Unmarshal([]byte(e), &k)
		rs = append(rs, &kgo.Record{Key: []byte(k.Token), Value: []byte(e)})
	}
	if err := s.producer.ProduceSync(s.t.Context(), rs...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
	s.produced += len(events)
}

// drained reports whether everything on a topic is committed.
func (s *site) drained(topic string) bool {
	n, err := s.client.Partitions(s.t.Context(), topic)
	if err != nil || n == 0 {
		return false
	}
	for p := range int32(n) {
		_, end, err := s.client.Bounds(s.t.Context(), topic, p)
		if err != nil {
			return false
		}
		if c, err := s.client.Committed(s.t.Context(), s.group, topic, p); err != nil || max(c, 0) != end {
			return false
		}
	}
	return true
}

// await polls until ok holds; two and a half minutes without it fail the test and show what the daemons said.
func (s *site) await(what string, ok func() bool) {
	s.t.Helper()
	s.awaitFor(150*time.Second, what, ok)
}

func (s *site) awaitFor(most time.Duration, what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(most); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) || slices.ContainsFunc(s.members, (*member).ended) {
			for i, m := range s.members {
				s.t.Logf("daemon %d:\n%s", i, tail(m.out.String(), 4000))
			}
			s.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func (s *site) count(query string) (n uint64) {
	s.t.Helper()
	_, name, _ := strings.Cut(strings.TrimPrefix(s.dsn, "clickhouse://"), "/")
	if err := s.db.QueryRow(s.t.Context(), strings.ReplaceAll(query, "{db}", name)).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// place is somewhere to use a token from, with everything that the geo database would say.
type place struct {
	ip, city, country, agent string
	lat, lon                 float64
	asn                      int
}

var (
	paris = place{"192.0.2.10", "Paris", "FR", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", 48.8566, 2.3522, 64500}
	tokyo = place{"198.51.100.7", "Tokyo", "JP", "curl/8.5.0", 35.6762, 139.6503, 64501}
)

// event is one session event in JSON.
func event(id, token, typ string, at time.Time, p place) string {
	b, err := json.Marshal(map[string]any{
		"id": id, "token": token, "type": typ, "time": at.UTC().Format(time.RFC3339Nano), "ip": p.ip, "user_agent": p.agent,
		"user": "u-" + token[len(token)-4:], "session": "sid-" + token[len(token)-4:], "app": "shop",
		"geo": map[string]any{"country": p.country, "city": p.city, "lat": p.lat, "lon": p.lon, "accuracy_km": 20, "asn": p.asn},
	})
	if err != nil {
		panic(err) // a map of strings and numbers
	}
	return string(b)
}

// token is the n-th fingerprint.
func token(n int) string { return fmt.Sprintf("h1:k1:%022d", n) }

func TestAStolenTokenIsRevokedOnce(t *testing.T) {
	s := newSite(t, 2, "")
	m := s.start(s.config(""))
	now := time.Now()
	s.produce(
		event("e-1", token(1), "session.started", now.Add(-5*time.Minute), paris),
		event("e-2", token(1), "session.used", now.Add(-4*time.Minute), paris),
		event("e-3", token(2), "session.used", now.Add(-4*time.Minute), paris),
		"poison",
		event("e-4", token(1), "session.used", now, tokyo),
		event("e-5", token(2), "session.used", now, paris),
	)
	s.await("the revocation", func() bool { return len(s.receiver.ids()[token(1)]) == 1 })
	s.await("everything stored and committed", func() bool {
		return s.drained(s.topic) && s.drained(s.topic+".signals") && s.count("SELECT count() FROM {db}.actions WHERE state = 'delivered'") == 1
	})
	m.stop(t)

	if ids := s.receiver.ids(); len(ids) != 1 || len(ids[token(1)]) != 1 {
		t.Errorf("revoked: %v, want token 1 under one id", ids)
	}
	for query, want := range map[string]uint64{
		"SELECT count() FROM {db}.events":                                6, // five and session.revoked
		"SELECT count() FROM {db}.events WHERE type = 'session.revoked'": 1,
		"SELECT count() FROM {db}.findings WHERE rule = 'impossible-travel' AND decision = 'revoke_session' AND conclusive": 1,
		"SELECT count() FROM {db}.tokens WHERE state = 'revoked'":                                                           1,
	} {
		if n := s.count(query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	dead := s.read(s.topic + ".dead")
	if len(dead) != 1 || !strings.Contains(dead[0], `"reason"`) || strings.Contains(dead[0], "poison") {
		t.Errorf("dead letters: %q", dead)
	}
	announced := func(v string) bool {
		return strings.Contains(v, `"type":"dev.hijackd.finding.v1"`) && strings.Contains(v, `"rule":"impossible-travel"`)
	}
	if found := s.read(s.topic + "-findings"); !slices.ContainsFunc(found, announced) {
		t.Errorf("findings topic: %.1000q", found)
	}
	if gone := s.read(s.topic + "-revocations"); len(gone) != 1 || !strings.Contains(gone[0], token(1)) {
		t.Errorf("revocations topic: %q", gone)
	}
}

// read returns the values of all records of a topic.
func (s *site) read(topic string) (values []string) {
	s.t.Helper()
	n, err := s.client.Partitions(s.t.Context(), topic)
	if err != nil {
		s.t.Fatal(err)
	}
	for p := range int32(n) {
		_, err := s.client.Scan(s.t.Context(), topic, p, 0, func(b *broker.Batch) error {
			for _, r := range b.Records {
				values = append(values, string(r.Key)+" "+string(r.Value))
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return values
}

// backtest runs `hijackd backtest` over events and describes what it finds, by id.
func (s *site) backtest(config string, events []string) map[string]string {
	s.t.Helper()
	file := s.write("events.ndjson", strings.Join(events, "\n")+"\n")
	cmd := exec.Command(binary, "backtest", "-c", config, "--from", file, "--format", "jsonl")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("backtest: %v: %s", err, stderr.String())
	}
	found := map[string]string{}
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var f struct{ ID, Rule, Scope, Subject string }
		if err := json.Unmarshal(sc.Bytes(), &f); err != nil {
			s.t.Fatal(err)
		}
		found[f.ID] = f.Rule + " of " + f.Scope + " " + f.Subject
	}
	return found
}

// same reports what was found and should not have been, and the other way round.
func (s *site) same(got, want map[string]string) {
	s.t.Helper()
	for id, f := range want {
		if _, ok := got[id]; !ok {
			s.t.Errorf("not found: %s (%s)", f, id)
		}
	}
	for id, f := range got {
		if _, ok := want[id]; !ok {
			s.t.Errorf("found, and not by the backtest: %s (%s)", f, id)
		}
	}
}
