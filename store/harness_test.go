package store

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// testDSN names a database of its own on the engine that the tests run against, dropped when t ends.
func testDSN(t testing.TB) string {
	t.Helper()
	return ownDatabase(t, "HIJACKD_TEST_CLICKHOUSE")
}

// transports names databases over the native protocol and over HTTP.
func transports(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{"native": testDSN(t), "http": ownDatabase(t, "HIJACKD_TEST_CLICKHOUSE_HTTP")}
}

func ownDatabase(t testing.TB, variable string) string {
	t.Helper()
	dsn := os.Getenv(variable)
	if dsn == "" {
		t.Fatalf("%s names no ClickHouse: run make test", variable)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("%s is not a URL", variable)
	}
	admin := open(t, dsn, 90)
	name := "test_" + strings.ToLower(rand.Text()[:10])
	t.Cleanup(func() {
		if err := admin.conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" SYNC"); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

func openMigrated(t testing.TB, dsn string) *DB {
	t.Helper()
	db := open(t, dsn, 90)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func open(t testing.TB, dsn string, retention int) *DB {
	t.Helper()
	db, err := Open(Config{DSN: dsn, RetentionDays: retention}, parseAgent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// newDB returns a migrated database.
func newDB(t testing.TB) *DB {
	t.Helper()
	return openMigrated(t, testDSN(t))
}

// parseAgent stands for the parser: "Firefox/142 Windows".
func parseAgent(s string) schema.Agent {
	family, os, _ := strings.Cut(s, " ")
	return schema.Agent{Family: family, OS: os, Major: uint16(len(s)), Class: schema.DeviceDesktop}
}

// running returns a storer that runs until t ends.
func running(t testing.TB, db *DB, cfg StorerConfig) *Events {
	t.Helper()
	e, err := NewEvents(db, cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return e
}

// put stores events of partition 3 through a cursor of their own and waits.
func put(t testing.TB, e *Events, es ...schema.Event) *Cursor[schema.Event] {
	t.Helper()
	c := e.Cursor(3, 0)
	if err := c.Append(t.Context(), es, es[len(es)-1].Offset+1); err != nil {
		t.Fatal(err)
	}
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// noon is a record time well inside every retention.
var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(-36 * time.Hour)

// use is an event of token at offset, a second after the one before it.
func use(token string, offset int64) schema.Event {
	at := noon.Add(time.Duration(offset) * time.Second)
	ua := "Firefox Windows"
	return schema.Event{
		Partition: 3, Offset: offset, RecordTime: at.UnixNano(), ID: "e-" + time.Duration(offset).String(), Time: at.Add(-time.Millisecond).UnixNano(),
		Token: token, IP: netip.MustParseAddr("192.0.2.7"), UserAgent: ua, Agent: parseAgent(ua), User: "u-1", App: "shop",
		Repeat: 1, Outcome: schema.OutcomeAccepted,
		Geo: schema.Geo{Country: "FR", City: "Paris", Lat: 48.8566, Lon: 2.3522, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange"},
	}
}

func load(t testing.TB, c *Cursor[schema.Event], before int64, tokens ...string) []schema.Event {
	t.Helper()
	var subjects []schema.Subject
	for _, tok := range tokens {
		subjects = append(subjects, schema.Subject{Name: tok})
	}
	var es []schema.Event
	if err := c.Load(t.Context(), before, subjects, func(_ schema.Subject, e *schema.Event) { es = append(es, *e) }); err != nil {
		t.Fatal(err)
	}
	return es
}

// one returns the single value of a query.
func one[T any](t testing.TB, db *DB, query string, args ...any) T {
	t.Helper()
	var v T
	if err := db.conn.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

var discard = slog.New(slog.DiscardHandler)
