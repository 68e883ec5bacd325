package store

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

func TestMigrateTwice(t *testing.T) {
	for name, dsn := range transports(t) {
		t.Run(name, func(t *testing.T) {
			db := open(t, dsn, 90)
			steps, err := db.Status(t.Context())
			if err != nil {
				t.Fatalf("status of a missing database: %v", err)
			}
			for _, s := range steps {
				if s.Applied {
					t.Errorf("%d %s is applied in a database that does not exist", s.Version, s.Name)
				}
			}
			for range 2 {
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if steps, err = db.Status(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				if !s.Applied {
					t.Errorf("%d %s is not applied", s.Version, s.Name)
				}
			}
			if n := one[uint64](t, db, "SELECT count() FROM schema_migrations"); n != uint64(len(steps)) {
				t.Errorf("%d migrations recorded, want %d", n, len(steps))
			}
		})
	}
}

func TestMigrateAtOnce(t *testing.T) {
	dsn := testDSN(t)
	var wg sync.WaitGroup
	for range 4 {
		db := open(t, dsn, 90)
		wg.Go(func() {
			if err := db.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A migration that was applied with other contents means that the tables are not what this program thinks.
func TestChangedMigrationIsRefused(t *testing.T) {
	db := newDB(t)
	record := func() {
		t.Helper()
		if err := db.conn.Exec(t.Context(), "INSERT INTO schema_migrations (version, name, sha256) VALUES (1, 'events', 'feed')"); err != nil {
			t.Fatal(err)
		}
	}
	record()
	if err := db.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "migration 1 was applied with two contents") {
		t.Errorf("got %v", err)
	}
	if err := db.conn.Exec(t.Context(), "TRUNCATE TABLE schema_migrations"); err != nil {
		t.Fatal(err)
	}
	record()
	if err := db.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "migration 1 events was applied with other contents (feed, ") {
		t.Errorf("got %v", err)
	}
}

// retention_days governs every table with a TTL, and a changed one is applied to tables that exist.
func TestRetention(t *testing.T) {
	dsn := testDSN(t)
	for _, days := range []int{90, 30} {
		db := open(t, dsn, days)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"session_events":   "TTL toDateTime(record_time) + toIntervalDay(" + map[int]string{90: "90", 30: "30"}[days] + ")",
			"sightings":        "TTL toDateTime(record_time) + toIntervalDay(" + map[int]string{90: "90", 30: "30"}[days] + ")",
			"user_agents":      "TTL seen + toIntervalDay(" + map[int]string{90: "118", 30: "58"}[days] + ")",
			"finding_versions": "TTL recorded + toIntervalDay(" + map[int]string{90: "90", 30: "30"}[days] + ")",
			"action_states":    "TTL recorded + toIntervalDay(" + map[int]string{90: "90", 30: "30"}[days] + ")",
			"audit_log":        "TTL recorded + toIntervalDay(" + map[int]string{90: "90", 30: "30"}[days] + ")",
		}
		for table, ttl := range want {
			if made := one[string](t, db, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ?", table); !strings.Contains(made, ttl+" ") {
				t.Errorf("%d days: %s has not %q: %s", days, table, ttl, made)
			}
		}
	}
}

func TestPrint(t *testing.T) {
	for name, cfg := range map[string]Config{
		"single":  {DSN: "clickhouse://127.0.0.1:9000/hijackd", RetentionDays: 90},
		"cluster": {DSN: "clickhouse://127.0.0.1:9000/hijackd", RetentionDays: 30, Cluster: "main"},
	} {
		var b bytes.Buffer
		if err := Print(&b, cfg); err != nil {
			t.Fatal(err)
		}
		file := "testdata/" + name + ".sql"
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs from %s; go test -run TestPrint -update writes it anew", name, file)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Defaults(), ""},
		{Config{DSN: "http://127.0.0.1:8123/hijackd", RetentionDays: 1}, ""},
		{Config{DSN: "postgres://secret@host/x", RetentionDays: 1}, "clickhouse.dsn: not a clickhouse:// or http:// address"},
		{Config{DSN: "clickhouse://secret:%zz@host/x", RetentionDays: 1}, "clickhouse.dsn: not a clickhouse:// or http:// address"},
		{Config{DSN: "clickhouse://127.0.0.1:9000", RetentionDays: 1}, "clickhouse.dsn: names no database"},
		{Config{DSN: "clickhouse://127.0.0.1:9000/x", RetentionDays: 0}, "clickhouse.retention_days: 0 is not between 1 and 36500"},
	} {
		err := tt.cfg.Validate()
		if got := errorText(err); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.cfg, got, tt.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
