package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/hijackd/hijackd/schema"
)

// Config says where ClickHouse is and how to use it.
type Config struct {
	DSN           string // clickhouse://host:9000/database or http://host:8123/database
	Cluster       string // name for ON CLUSTER and Replicated engines; empty on a single server
	RetentionDays int    // by record time
}

// Defaults returns the configuration of contract section 5.
func Defaults() Config {
	return Config{DSN: "clickhouse://127.0.0.1:9000/hijackd", RetentionDays: 90}
}

// Validate reports what is wrong with c. It never quotes the DSN, which may hold a password.
func (c Config) Validate() error {
	o, err := parse(c.DSN)
	switch {
	case err != nil:
		return err
	case o.Auth.Database == "":
		return errors.New("clickhouse.dsn: names no database")
	case c.RetentionDays < 1 || c.RetentionDays > 36500:
		return fmt.Errorf("clickhouse.retention_days: %d is not between 1 and 36500", c.RetentionDays)
	}
	return nil
}

// parse reads a DSN. Its errors quote nothing of it.
func parse(dsn string) (*clickhouse.Options, error) {
	scheme, _, _ := strings.Cut(dsn, "://")
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil || !slices.Contains([]string{"clickhouse", "tcp", "native", "http", "https"}, scheme) {
		return nil, errors.New("clickhouse.dsn: not a clickhouse:// or http:// address")
	}
	return o, nil
}

// DB is a pool of connections to one ClickHouse database.
type DB struct {
	conn    driver.Conn
	options *clickhouse.Options
	cfg     Config
	texts   *texts
}

// Open returns a DB for cfg. It connects when first used. parseAgent reads a user agent, so that stored events come back with it parsed.
func Open(cfg Config, parseAgent func(string) schema.Agent) (*DB, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	o, err := parse(cfg.DSN)
	if err != nil {
		return nil, err
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = insertTimeout
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 5 * time.Second
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	return &DB{conn: conn, options: o, cfg: cfg, texts: newTexts(parseAgent)}, nil
}

// Ping reports whether ClickHouse answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.conn.Ping(ctx); err != nil {
		return fmt.Errorf("ping clickhouse: %w", err)
	}
	return nil
}

// Close closes all connections.
func (db *DB) Close() error { return db.conn.Close() }

// insertTimeout bounds one attempt to insert, in case ClickHouse accepts a connection and then never answers.
const insertTimeout = 2 * time.Minute

// inserting detaches an insert from the caller's cancellation, since one that is cut off has an unknown outcome, and sets what
// every insert needs: an answer only after the rows are written, and no limit that a strange timestamp could run into for ever.
//
// done is to be called afterwards. It does not cancel the context: clickhouse-go watches it beside Send, and when it is cancelled right
// after, the watcher at times still closes the connection, which by then is back in the pool.
func (db *DB) inserting(ctx context.Context) (_ context.Context, done func()) {
	set := clickhouse.Settings{
		"async_insert":                    0,
		"insert_deduplicate":              0,
		"optimize_on_insert":              0, // merges collapse what is in one block twice
		"max_partitions_per_insert_block": 0,
	}
	if db.cfg.Cluster != "" {
		set["insert_quorum"] = "auto"
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	timer := time.AfterFunc(insertTimeout, cancel)
	return clickhouse.Context(ctx, clickhouse.WithSettings(set)), func() { timer.Stop() }
}

// Server says which version of ClickHouse answers, and what time it is there.
func (db *DB) Server(ctx context.Context) (version string, now time.Time, err error) {
	if err := db.conn.QueryRow(ctx, "SELECT version(), now64(3, 'UTC')").Scan(&version, &now); err != nil {
		return "", time.Time{}, fmt.Errorf("ask clickhouse for its version: %w", err)
	}
	return version, now, nil
}
