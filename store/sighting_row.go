package store

import (
	"net/netip"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/hijackd/hijackd/schema"
)

// sightingRow is one row of the table sightings, both on its way in and on its way out.
type sightingRow struct {
	tenant, scope, subject, id     string
	version                        int64 // minus the offset, as in row
	partition                      int32
	recordTime, time               time.Time
	kind, event                    string
	token, user, session, app      string
	lane, epoch                    int32
	flags                          uint32
	ip                             netip.Addr
	country, city, asOrg           string
	lat, lon                       float64
	accuracy, major                uint16
	asn                            uint32
	family, os, device, ja4, count string
}

var sightingColumns = []columnOf[sightingRow]{
	{"tenant", "String", func(r *sightingRow) any { return &r.tenant }},
	{"scope", "String", func(r *sightingRow) any { return &r.scope }},
	{"subject", "String", func(r *sightingRow) any { return &r.subject }},
	{"id", "String", func(r *sightingRow) any { return &r.id }},
	{"version", "Int64", func(r *sightingRow) any { return &r.version }},
	{"partition", "Int32", func(r *sightingRow) any { return &r.partition }},
	{"record_time", "DateTime64(3, 'UTC')", func(r *sightingRow) any { return &r.recordTime }},
	{"time", "DateTime64(9, 'UTC')", func(r *sightingRow) any { return &r.time }},
	{"kind", "String", func(r *sightingRow) any { return &r.kind }},
	{"event_id", "String", func(r *sightingRow) any { return &r.event }},
	{"token", "String", func(r *sightingRow) any { return &r.token }},
	{"user", "String", func(r *sightingRow) any { return &r.user }},
	{"session", "String", func(r *sightingRow) any { return &r.session }},
	{"app", "String", func(r *sightingRow) any { return &r.app }},
	{"lane", "Int32", func(r *sightingRow) any { return &r.lane }},
	{"epoch", "Int32", func(r *sightingRow) any { return &r.epoch }},
	{"flags", "UInt32", func(r *sightingRow) any { return &r.flags }},
	{"ip", "IPv6", func(r *sightingRow) any { return &r.ip }},
	{"country", "String", func(r *sightingRow) any { return &r.country }},
	{"city", "String", func(r *sightingRow) any { return &r.city }},
	{"lat", "Float64", func(r *sightingRow) any { return &r.lat }},
	{"lon", "Float64", func(r *sightingRow) any { return &r.lon }},
	{"accuracy_km", "UInt16", func(r *sightingRow) any { return &r.accuracy }},
	{"asn", "UInt32", func(r *sightingRow) any { return &r.asn }},
	{"as_org", "String", func(r *sightingRow) any { return &r.asOrg }},
	{"ua_family", "String", func(r *sightingRow) any { return &r.family }},
	{"ua_os", "String", func(r *sightingRow) any { return &r.os }},
	{"ua_major", "UInt16", func(r *sightingRow) any { return &r.major }},
	{"device", "String", func(r *sightingRow) any { return &r.device }},
	{"ja4", "String", func(r *sightingRow) any { return &r.ja4 }},
	{"counts", "String", func(r *sightingRow) any { return &r.count }},
}

// Of sightings.flags; the network's class, the address's and the place's flag are those of session_events.flags.
const (
	startedFlag  = 1 << 4
	rotatedFlag  = 1 << 5
	rejectedFlag = 1 << 6
	classShift   = 16 // 3 bits
	apartFlag    = 1 << 19
	newDevFlag   = 1 << 20
)

// set fills r from g; the strings are g's own.
func (r *sightingRow) set(g *schema.Sighting) {
	flags := uint32(g.Geo.Network)<<networkShift | uint32(g.Agent.Class)<<classShift
	for _, b := range [...]struct {
		on  bool
		bit uint32
	}{{g.Started, startedFlag}, {g.Rotated, rotatedFlag}, {g.Rejected, rejectedFlag}, {g.Apart, apartFlag}, {g.NewDevice, newDevFlag},
		{g.IP.IsValid(), hasIPFlag}, {g.Geo.HasPlace, hasPlaceFlag}} {
		if b.on {
			flags |= b.bit
		}
	}
	*r = sightingRow{
		tenant: g.Tenant, scope: string(g.Scope), subject: g.Subject, id: g.ID, version: -g.Offset, partition: g.Partition,
		recordTime: time.Unix(0, g.RecordTime), time: time.Unix(0, g.Time), kind: string(g.Kind), event: g.EventID,
		token: g.Token, user: g.User, session: g.Session, app: g.App, lane: g.Lane, epoch: int32(g.Epoch), flags: flags, ip: g.IP, // #nosec G115 -- from an int32
		country: g.Geo.Country, city: g.Geo.City, asOrg: g.Geo.ASOrg, lat: g.Geo.Lat, lon: g.Geo.Lon, accuracy: g.Geo.AccuracyKM, asn: g.Geo.ASN,
		family: g.Agent.Family, os: g.Agent.OS, major: g.Agent.Major, device: g.Device, ja4: g.JA4, count: g.Counts,
	}
}

// sighting is the inverse of set.
func (r *sightingRow) sighting() *schema.Sighting {
	g := &schema.Sighting{
		Partition: r.partition, Offset: -r.version, RecordTime: r.recordTime.UnixNano(), ID: r.id, Kind: schema.SightingKind(r.kind), Tenant: r.tenant,
		Scope: schema.Scope(r.scope), Subject: r.subject, Time: r.time.UnixNano(), EventID: r.event, Token: r.token, User: r.user, Session: r.session,
		App: r.app, Lane: r.lane, Epoch: int(r.epoch), Started: r.flags&startedFlag != 0, Rotated: r.flags&rotatedFlag != 0,
		Rejected: r.flags&rejectedFlag != 0, Apart: r.flags&apartFlag != 0, NewDevice: r.flags&newDevFlag != 0,
		Geo: schema.Geo{Country: r.country, City: r.city, Lat: r.lat, Lon: r.lon, HasPlace: r.flags&hasPlaceFlag != 0, AccuracyKM: r.accuracy,
			ASN: r.asn, ASOrg: r.asOrg, Network: schema.NetworkClass(r.flags >> networkShift & 15)},
		Agent:  schema.Agent{Family: r.family, OS: r.os, Major: r.major, Class: schema.DeviceClass(r.flags >> classShift & 7)},
		Device: r.device, JA4: r.ja4, Counts: r.count,
	}
	if r.flags&hasIPFlag != 0 {
		g.IP = r.ip.Unmap()
	}
	return g
}

// size is what the row weighs in memory, in bytes: 80 of numbers, its 18 texts and their bounds.
func (r *sightingRow) size() int {
	return 80 + 18*16 + len(r.tenant) + len(r.scope) + len(r.subject) + len(r.id) + len(r.kind) + len(r.event) + len(r.token) + len(r.user) +
		len(r.session) + len(r.app) + len(r.country) + len(r.city) + len(r.asOrg) + len(r.family) + len(r.os) + len(r.device) + len(r.ja4) + len(r.count)
}

// readSightings hands on the sightings of rows that have sightingColumns, and closes them.
func readSightings(rows driver.Rows, each func(schema.Subject, *schema.Sighting)) error {
	defer rows.Close()
	var r sightingRow
	at := pointers(sightingColumns, &r)
	for rows.Next() {
		if err := rows.Scan(at...); err != nil {
			return err
		}
		each(schema.Subject{Tenant: r.tenant, Name: r.scope + ":" + r.subject}, r.sighting())
	}
	return rows.Err()
}
