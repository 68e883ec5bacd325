package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Sightings stores sightings, the changelog of subject lanes.
type Sightings = Storer[schema.Sighting]

// SightingsDefaults returns inserts of 50,000 rows, 24 MiB or a second, whichever comes first.
func SightingsDefaults() StorerConfig {
	return StorerConfig{BlockRows: 50_000, BlockBytes: 24 << 20, Interval: time.Second}
}

// NewSightings returns a storer over db; Run makes it work.
func NewSightings(db *DB, cfg StorerConfig, log *slog.Logger) (*Sightings, error) {
	return newStorer(db, kind[schema.Sighting]{
		name:  "sightings",
		block: func() (block[schema.Sighting], error) { return newSightingBlock() },
		load:  loadSightings,
		seen:  subjectsSeen,
	}, cfg, log)
}

// sightingBlock is the sightings of one insert.
type sightingBlock struct{ *table[sightingRow] }

func newSightingBlock() (*sightingBlock, error) {
	t, err := newTable("sightings", sightingColumns)
	return &sightingBlock{t}, err
}

func (b *sightingBlock) add(gs []schema.Sighting) error {
	for i := range gs {
		b.row.set(&gs[i])
		if err := b.appendRow(b.row.size()); err != nil {
			return err
		}
	}
	return nil
}

func (b *sightingBlock) rows() int  { return b.n }
func (b *sightingBlock) bytes() int { return b.table.size }

func (b *sightingBlock) write(ctx context.Context, db *DB) error {
	if b.n == 0 {
		return nil
	}
	if err := b.insert(ctx, db); err != nil {
		return fmt.Errorf("insert sightings: %w", err)
	}
	return nil
}

var sightingColumnList = names(sightingColumns)

// How far back subjects are known, in days: a user's baseline takes weeks to learn, what a network or an app did counts for days.
const (
	daysOfUsers    = 60
	daysOfNetworks = 8
)

// days is the condition that a row is recent enough to be of use to its subject.
var days = fmt.Sprintf("record_time >= now64() - toIntervalDay(if(scope IN ('%s', '%s'), %d, %d))",
	schema.ScopeNetwork, schema.ScopeApp, daysOfNetworks, daysOfUsers)

// sightingsAsOf is asOf for subjects.
const sightingsAsOf = `SELECT * FROM (
	SELECT * FROM (
		SELECT %[1]s FROM sightings
		PREWHERE (tenant, scope, subject) IN (%[2]s)
		WHERE (partition != %[3]d OR version > %[4]d) AND record_time >= now64() - toIntervalDay(%[5]d)
		ORDER BY tenant, scope, subject, id, version DESC
		LIMIT 1 BY tenant, scope, subject, id
	) %[6]s
) ORDER BY tenant, scope, subject, partition = %[3]d, partition, version DESC`

// latest leaves of the versions of what was counted of an app, in one hour and one stretch of a lane, the last one: it holds all that the
// others do, and there may be dozens.
const latest = `ORDER BY JSONExtractInt(counts, 'seq') DESC LIMIT 1 BY tenant, scope, subject, kind, lane, time, JSONExtractInt(counts, 'stretch')`

// loadSightings reads the histories of subjects: those of users and sessions of the last 60 days, of networks and apps of the last 8.
func loadSightings(ctx context.Context, db *DB, partition int32, before int64, subjects []schema.Subject, each func(schema.Subject, *schema.Sighting)) error {
	byScope := map[schema.Scope][]schema.Subject{}
	for _, s := range subjects {
		scope, _ := cutScope(s.Name)
		if scope == schema.ScopeSession {
			scope = schema.ScopeUser
		}
		byScope[scope] = append(byScope[scope], s)
	}
	for _, part := range []struct {
		scope schema.Scope
		days  int
		only  string
	}{{schema.ScopeUser, daysOfUsers, ""}, {schema.ScopeNetwork, daysOfNetworks, ""}, {schema.ScopeApp, daysOfNetworks, latest}} {
		for rest := byScope[part.scope]; len(rest) > 0; {
			in, n := list(rest, writeScoped)
			rest = rest[n:]
			rows, err := db.conn.Query(quiet(ctx), fmt.Sprintf(sightingsAsOf, sightingColumnList, in, partition, -before, part.days, part.only))
			if err != nil {
				return err
			}
			if err := readSightings(rows, each); err != nil {
				return err
			}
		}
	}
	return nil
}

// subjectsSeen lists every subject of which a row is recent enough to be loaded.
func subjectsSeen(ctx context.Context, db *DB, partition int32, each func(hash uint64)) error {
	return hashes(ctx, db, fmt.Sprintf(`SELECT xxHash64(concat(tenant, '\0', scope, ':', subject)) FROM sightings
		WHERE partition = %d AND record_time >= now64() - toIntervalDay(%d) AND %s
		GROUP BY tenant, scope, subject SETTINGS optimize_aggregation_in_order = 1`, partition, daysOfUsers, days), each)
}

// cutScope is the scope and the name of a subject lane's subject: "user:u-7".
func cutScope(name string) (schema.Scope, string) {
	scope, name, _ := strings.Cut(name, ":")
	return schema.Scope(scope), name
}

// writeScoped writes a subject as (tenant, scope, subject).
func writeScoped(b *strings.Builder, s schema.Subject) {
	scope, name := cutScope(s.Name)
	b.WriteByte('(')
	quote(b, s.Tenant)
	b.WriteByte(',')
	quote(b, string(scope))
	b.WriteByte(',')
	quote(b, name)
	b.WriteByte(')')
}
