package schema

import (
	"net/netip"
	"strings"
)

// EventType says what happened to a session (contract section 1.1).
type EventType uint8

// The types of session events. Those from Superseded on are hijackd's own notes to itself.
const (
	SessionUsed EventType = iota
	SessionStarted
	SessionRotated
	SessionElevated
	SessionReauthenticated
	SessionEnded
	SessionRevoked
	LoginFailed
	Superseded // hijackd.superseded: the token was rotated out; PreviousToken holds its successor
	Inherited  // hijackd.inherited: what a rotated-out token hands to its successor, in Note
	Sentenced  // hijackd.sentenced: a rotated-out relative was replayed by an attacker; details in Note
)

var eventTypes = [...]string{
	"session.used", "session.started", "session.rotated", "session.elevated", "session.reauthenticated",
	"session.ended", "session.revoked", "login.failed",
	"hijackd.superseded", "hijackd.inherited", "hijackd.sentenced",
}

// String is the type's name on the wire.
func (t EventType) String() string { return eventTypes[t] }

// IsNote reports whether the type is one of hijackd's notes to itself, which apps never send.
func (t EventType) IsNote() bool { return t >= Superseded }

// IsUse reports whether an event of the type shows the token in somebody's hands, presented or received at an address.
func (t EventType) IsUse() bool { return t <= SessionReauthenticated }

// ParseEventType reads a type's name; ok is false for an unknown one.
func ParseEventType(s string) (t EventType, ok bool) {
	for i, n := range eventTypes {
		if n == s {
			return EventType(i), true
		}
	}
	return 0, false
}

// Binding is the outcome of the app's own proof-of-possession or companion-cookie check.
type Binding uint8

// Bindings.
const (
	BindingNone Binding = iota
	BindingOK
	BindingFailed
)

// Scheme says how the token travelled.
type Scheme uint8

// Schemes.
const (
	SchemeUnknown Scheme = iota
	SchemeHTTPS
	SchemeHTTP
)

// TokenIn says in which part of the request the token travelled.
type TokenIn uint8

// Parts of a request that carry tokens.
const (
	TokenInUnknown TokenIn = iota
	TokenInCookie
	TokenInHeader
	TokenInQuery
	TokenInBody
)

// Outcome says whether the app accepted the token.
type Outcome uint8

// Outcomes. An event without one gets its outcome from the HTTP status: 401 and 403 are rejected, everything else accepted.
const (
	OutcomeUnknown Outcome = iota
	OutcomeAccepted
	OutcomeRejected
)

// Event is one accepted session event (contract section 1): decoded, its token a fingerprint, geo and user agent filled in.
//
// Strings of an event from a lane alias the lane's fetch buffer and are valid until the batch is done; Clone to keep one.
// Times are Unix nanoseconds UTC, 0 where absent.
type Event struct {
	// Partition and Offset are the record's position in the topic that it was first written to.
	Partition int32
	Offset    int64
	// RecordTime is Kafka's timestamp of the record.
	RecordTime int64

	ID     string // 1–128 bytes, unique per event at the producer
	Time   int64  // when the request happened
	Type   EventType
	Tenant string
	// Token is the fingerprint in one of the accepted text forms, or empty where the contract lets it be absent.
	Token         string
	PreviousToken string // rotated: what Token replaces; superseded: the successor of Token
	RawToken      bool   // the record carried a raw token, which was replaced by its fingerprint

	IP        netip.Addr // the zero Addr where absent; IPv4-mapped addresses are unmapped
	UserAgent string     // at most 512 bytes
	User      string
	App       string
	Host      string
	Session   string
	Device    string
	JA4       string
	CNF       string
	Method    string
	Path      string // at most 2048 bytes

	Status    int32 // HTTP status, 0 where absent
	TokenBits int32 // 0 where absent
	Repeat    int32 // uses coalesced into this event, ≥ 1
	Binding   Binding
	Scheme    Scheme
	TokenIn   TokenIn
	Outcome   Outcome // never OutcomeUnknown after decoding
	Sensitive bool
	// Ahead marks an event whose time is more than 5 min ahead of RecordTime: stored, counted, not judged.
	Ahead     bool
	AuthTime  int64
	ExpiresAt int64

	Geo   Geo
	Agent Agent

	// Note is the JSON payload of a note (Inherited, Sentenced); empty for every other type.
	Note string
}

// Accepted reports whether the app let the request through.
func (e *Event) Accepted() bool { return e.Outcome != OutcomeRejected }

// Before reports whether e comes before o in event order: (time, id).
func (e *Event) Before(o *Event) bool {
	return e.Time < o.Time || e.Time == o.Time && e.ID < o.ID
}

// Clone returns a copy of e that shares no memory with a fetch buffer.
func (e *Event) Clone() *Event {
	c := *e
	for _, s := range []*string{&c.ID, &c.Tenant, &c.Token, &c.PreviousToken, &c.UserAgent, &c.User, &c.App, &c.Host, &c.Session,
		&c.Device, &c.JA4, &c.CNF, &c.Method, &c.Path, &c.Note, &c.Geo.Country, &c.Geo.City, &c.Geo.ASOrg} {
		*s = strings.Clone(*s)
	}
	return &c
}
