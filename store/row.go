package store

import (
	"net/netip"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// row is one row of session_events, both on its way in and on its way out. It is a function of the record and the databases only, never of
// the fold.
type row struct {
	tenant, token, id                     string
	version                               int64 // minus the offset: of one identity the greatest version stays, which is the first record
	partition                             int32
	recordTime, time, authTime, expiresAt time.Time
	kind                                  uint8
	flags                                 uint32
	ip                                    netip.Addr
	agent                                 uint64
	user, app, host, session, previous    string
	device, ja4, cnf, method, path        string
	status, tokenBits, repeat             int32
	country, city, asOrg                  string
	lat, lon                              float64
	accuracy                              uint16
	asn                                   uint32
	note                                  string
}

// eventColumns are the columns of session_events and where each is in a row.
var eventColumns = []columnOf[row]{
	{"tenant", "String", func(r *row) any { return &r.tenant }},
	{"token", "String", func(r *row) any { return &r.token }},
	{"id", "String", func(r *row) any { return &r.id }},
	{"version", "Int64", func(r *row) any { return &r.version }},
	{"partition", "Int32", func(r *row) any { return &r.partition }},
	{"record_time", "DateTime64(3, 'UTC')", func(r *row) any { return &r.recordTime }},
	{"time", "DateTime64(9, 'UTC')", func(r *row) any { return &r.time }},
	{"type", "UInt8", func(r *row) any { return &r.kind }},
	{"flags", "UInt32", func(r *row) any { return &r.flags }},
	{"ip", "IPv6", func(r *row) any { return &r.ip }},
	{"agent", "UInt64", func(r *row) any { return &r.agent }},
	{"user", "String", func(r *row) any { return &r.user }},
	{"app", "String", func(r *row) any { return &r.app }},
	{"host", "String", func(r *row) any { return &r.host }},
	{"session", "String", func(r *row) any { return &r.session }},
	{"previous_token", "String", func(r *row) any { return &r.previous }},
	{"device", "String", func(r *row) any { return &r.device }},
	{"ja4", "String", func(r *row) any { return &r.ja4 }},
	{"cnf", "String", func(r *row) any { return &r.cnf }},
	{"method", "String", func(r *row) any { return &r.method }},
	{"path", "String", func(r *row) any { return &r.path }},
	{"status", "Int32", func(r *row) any { return &r.status }},
	{"token_bits", "Int32", func(r *row) any { return &r.tokenBits }},
	{"repeat", "Int32", func(r *row) any { return &r.repeat }},
	{"auth_time", "DateTime64(9, 'UTC')", func(r *row) any { return &r.authTime }},
	{"expires_at", "DateTime64(9, 'UTC')", func(r *row) any { return &r.expiresAt }},
	{"country", "String", func(r *row) any { return &r.country }},
	{"city", "String", func(r *row) any { return &r.city }},
	{"lat", "Float64", func(r *row) any { return &r.lat }},
	{"lon", "Float64", func(r *row) any { return &r.lon }},
	{"accuracy_km", "UInt16", func(r *row) any { return &r.accuracy }},
	{"asn", "UInt32", func(r *row) any { return &r.asn }},
	{"as_org", "String", func(r *row) any { return &r.asOrg }},
	{"note", "String", func(r *row) any { return &r.note }},
}

// eventColumnList names the columns for SELECT.
var eventColumnList = names(eventColumns)

// eventTable holds rows of session_events.
type eventTable struct{ *table[row] }

func newEventTable() (*eventTable, error) {
	t, err := newTable("session_events", eventColumns)
	return &eventTable{t}, err
}

// append copies one event.
func (t *eventTable) append(e *schema.Event, agent uint64) error {
	t.row.set(e, agent)
	return t.appendRow(size(e))
}

// set fills r from e; the strings are e's own.
func (r *row) set(e *schema.Event, agent uint64) {
	*r = row{
		tenant: e.Tenant, token: e.Token, id: e.ID, version: -e.Offset, partition: e.Partition,
		recordTime: time.Unix(0, e.RecordTime), time: time.Unix(0, e.Time), authTime: time.Unix(0, e.AuthTime), expiresAt: time.Unix(0, e.ExpiresAt),
		kind: uint8(e.Type), flags: packFlags(e), ip: e.IP, agent: agent,
		user: e.User, app: e.App, host: e.Host, session: e.Session, previous: e.PreviousToken,
		device: e.Device, ja4: e.JA4, cnf: e.CNF, method: e.Method, path: e.Path,
		status: e.Status, tokenBits: e.TokenBits, repeat: e.Repeat,
		country: e.Geo.Country, city: e.Geo.City, asOrg: e.Geo.ASOrg, lat: e.Geo.Lat, lon: e.Geo.Lon, accuracy: e.Geo.AccuracyKM, asn: e.Geo.ASN,
		note: e.Note,
	}
}

// event is the inverse of set, save for the user agent.
func (r *row) event() schema.Event {
	e := schema.Event{
		Partition: r.partition, Offset: -r.version, RecordTime: r.recordTime.UnixNano(),
		ID: r.id, Time: r.time.UnixNano(), Type: schema.EventType(r.kind), Tenant: r.tenant, Token: r.token, PreviousToken: r.previous,
		User: r.user, App: r.app, Host: r.host, Session: r.session, Device: r.device, JA4: r.ja4, CNF: r.cnf, Method: r.method, Path: r.path,
		Status: r.status, TokenBits: r.tokenBits, Repeat: r.repeat, AuthTime: r.authTime.UnixNano(), ExpiresAt: r.expiresAt.UnixNano(),
		Geo: schema.Geo{
			Country: r.country, City: r.city, Lat: r.lat, Lon: r.lon, AccuracyKM: r.accuracy, ASN: r.asn, ASOrg: r.asOrg,
		},
		Note: r.note,
	}
	unpackFlags(r.flags, &e)
	if r.flags&hasIPFlag != 0 {
		e.IP = r.ip.Unmap()
	}
	return e
}

// fixedBytes is what a row weighs in memory without its text: 107 bytes of numbers and the bounds of its 20 texts.
const fixedBytes = 107 + 20*16

// size is what a row of e weighs in memory, in bytes.
func size(e *schema.Event) int {
	return fixedBytes + len(e.Tenant) + len(e.Token) + len(e.ID) + len(e.User) + len(e.App) + len(e.Host) + len(e.Session) + len(e.PreviousToken) +
		len(e.Device) + len(e.JA4) + len(e.CNF) + len(e.Method) + len(e.Path) + len(e.Geo.Country) + len(e.Geo.City) + len(e.Geo.ASOrg) + len(e.Note)
}
