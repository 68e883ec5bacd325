package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	sql "github.com/hijackd/hijackd/schema/clickhouse"
)

// Step is one migration and whether the database has it.
type Step struct {
	Version uint32
	Name    string
	Applied bool
}

// unknownDatabase is ClickHouse's code for a database that does not exist.
const unknownDatabase = 81

func (db *DB) params() sql.Params {
	return sql.Params{Cluster: db.cfg.Cluster, RetentionDays: db.cfg.RetentionDays}
}

// Migrate brings the database to the newest schema and its retention to the configured one, making the database first where it is
// missing. Every statement can be repeated, so that two processes may migrate at once, and one that was interrupted goes on.
func (db *DB) Migrate(ctx context.Context) error {
	if err := db.createDatabase(ctx); err != nil {
		return err
	}
	ms, err := sql.Migrations()
	if err != nil {
		return err
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if sum, ok := applied[m.Version]; ok {
			if sum != m.SHA256 {
				return fmt.Errorf("migration %d %s was applied with other contents (%.12s, this program has %.12s)", m.Version, m.Name, sum, m.SHA256)
			}
			continue
		}
		if err := db.apply(ctx, m); err != nil {
			return err
		}
	}
	return db.setRetention(ctx)
}

func (db *DB) apply(ctx context.Context, m sql.Migration) error {
	stmts, err := m.Statements(db.params())
	if err != nil {
		return err
	}
	for _, s := range stmts {
		if err := db.conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("migration %d %s: %w", m.Version, m.Name, err)
		}
	}
	// Dying before this line repeats the statements, which changes nothing.
	err = db.conn.Exec(ctx, "INSERT INTO schema_migrations (version, name, sha256) VALUES (?, ?, ?)", m.Version, m.Name, m.SHA256)
	if err != nil {
		return fmt.Errorf("record migration %d: %w", m.Version, err)
	}
	return nil
}

// Status lists all migrations that this program knows, in order.
func (db *DB) Status(ctx context.Context) ([]Step, error) {
	ms, err := sql.Migrations()
	if err != nil {
		return nil, err
	}
	applied, err := db.applied(ctx)
	var x *clickhouse.Exception
	if errors.As(err, &x) && x.Code == unknownDatabase {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	steps := make([]Step, len(ms))
	for i, m := range ms {
		_, ok := applied[m.Version]
		steps[i] = Step{Version: m.Version, Name: m.Name, Applied: ok}
	}
	return steps, nil
}

// Print writes the SQL that Migrate would run on an empty server. It connects to nothing.
func Print(w io.Writer, cfg Config) error {
	o, err := parse(cfg.DSN)
	if err != nil {
		return err
	}
	p := sql.Params{Cluster: cfg.Cluster, RetentionDays: cfg.RetentionDays}
	ms, err := sql.Migrations()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s;\n", createDatabase(o.Auth.Database, p)); err != nil {
		return err
	}
	for _, m := range ms {
		stmts, err := m.Statements(p)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "\n-- migration %d %s, sha256 %s\n", m.Version, m.Name, m.SHA256); err != nil {
			return err
		}
		for _, s := range stmts {
			if _, err := fmt.Fprintf(w, "\n%s;\n", s); err != nil {
				return err
			}
		}
	}
	return nil
}

func createDatabase(name string, p sql.Params) string {
	return "CREATE DATABASE IF NOT EXISTS `" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`" + p.OnCluster()
}

// createDatabase works over a connection of its own: one that names a missing database is refused.
func (db *DB) createDatabase(ctx context.Context) error {
	err := db.conn.Ping(ctx)
	var x *clickhouse.Exception
	if err == nil || !errors.As(err, &x) && !strings.Contains(err.Error(), "UNKNOWN_DATABASE") || x != nil && x.Code != unknownDatabase {
		if err != nil {
			return fmt.Errorf("connect to clickhouse: %w", err)
		}
		return nil
	}
	o := *db.options
	o.Auth.Database = "default"
	conn, err := clickhouse.Open(&o)
	if err != nil {
		return fmt.Errorf("open clickhouse: %w", err)
	}
	defer conn.Close()
	if err := conn.Exec(ctx, createDatabase(db.options.Auth.Database, db.params())); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// applied returns the checksums of the applied migrations, none where the table of them is missing.
func (db *DB) applied(ctx context.Context) (map[uint32]string, error) {
	var n uint64
	if err := db.conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'").Scan(&n); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	sums := make(map[uint32]string)
	if n == 0 {
		return sums, nil
	}
	rows, err := db.conn.Query(ctx, "SELECT version, sha256 FROM schema_migrations FINAL")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v uint32
		var sum string
		if err := rows.Scan(&v, &sum); err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		if old, ok := sums[v]; ok && old != sum {
			return nil, fmt.Errorf("migration %d was applied with two contents (%.12s, %.12s)", v, old, sum)
		}
		sums[v] = sum
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return sums, nil
}

// setRetention changes the TTL of tables that were made with another retention. Old parts follow when ClickHouse merges them.
func (db *DB) setRetention(ctx context.Context) error {
	p := db.params()
	for _, t := range []struct {
		table, from string
		days        int
	}{
		{"session_events", "toDateTime(record_time)", p.RetentionDays},
		{"sightings", "toDateTime(record_time)", p.RetentionDays},
		{"user_agents", "seen", p.AgentDays()},
		{"finding_versions", "recorded", p.RetentionDays},
		{"action_states", "recorded", p.RetentionDays},
		{"audit_log", "recorded", p.RetentionDays},
	} {
		ttl := t.from + " + toIntervalDay(" + strconv.Itoa(t.days) + ")"
		var made string
		err := db.conn.QueryRow(ctx, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ?", t.table).Scan(&made)
		if err != nil {
			return fmt.Errorf("read retention of %s: %w", t.table, err)
		}
		if strings.Contains(made, "TTL "+ttl+" ") {
			continue
		}
		if err := db.conn.Exec(ctx, "ALTER TABLE "+t.table+p.OnCluster()+" MODIFY TTL "+ttl); err != nil {
			return fmt.Errorf("set retention of %s: %w", t.table, err)
		}
	}
	return nil
}
