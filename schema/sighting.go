package schema

import "net/netip"

// SightingKind says what a sighting tells about a token.
type SightingKind string

// Kinds of sightings. Born to Ended tell a user, a network or a session about a token; Counts sums up what an app's events show.
const (
	SightingBorn     SightingKind = "born"     // first use of the token that names the subject
	SightingMoved    SightingKind = "moved"    // first use at a vantage that the token had not been used at
	SightingUsed     SightingKind = "used"     // still used: the first use in a cell of half an hour
	SightingRejected SightingKind = "rejected" // to a network: rejected, and not accepted before
	SightingKnown    SightingKind = "known"    // to a network: the rejected token turned out to have been accepted before
	SightingBack     SightingKind = "back"     // to a network that the token moved onto: since then used elsewhere again
	SightingEnded    SightingKind = "ended"    // ended or rotated out
	SightingRevoked  SightingKind = "revoked"  // revoked
	SightingDismiss  SightingKind = "dismiss"  // somebody revoked the whole user or session: every live token of it is to go
	SightingCounts   SightingKind = "counts"   // of an app, in one stretch of one token lane
)

// Sighting is what a token lane tells a subject lane: about a user, a network, a session or an app. It is a record of the sightings
// topic, keyed by tenant and subject.
type Sighting struct {
	// Partition, Offset and RecordTime are the record's position in the sightings topic and Kafka's time of it. They are no part of its JSON.
	Partition  int32 `json:"-"`
	Offset     int64 `json:"-"`
	RecordTime int64 `json:"-"`

	ID      string       `json:"id"` // a function of kind, subject and the event that shows it
	Kind    SightingKind `json:"kind"`
	Tenant  string       `json:"tenant,omitempty"`
	Scope   Scope        `json:"scope"`
	Subject string       `json:"subject"` // the user, the network in CIDR form, the session or the app
	// Time is that of the event, Unix nanoseconds.
	Time    int64  `json:"time"`
	EventID string `json:"event_id,omitempty"`

	Token   string `json:"token,omitempty"`
	User    string `json:"user,omitempty"`
	Session string `json:"session,omitempty"`
	App     string `json:"app,omitempty"`
	// Lane is the partition of the event topic that holds the token.
	Lane int32 `json:"lane"`
	// Epoch is the token's life.
	Epoch    int  `json:"epoch,omitempty"`
	Started  bool `json:"started,omitempty"` // the event is session.started
	Rotated  bool `json:"rotated,omitempty"` // the token goes on for another one: it is no new session
	Rejected bool `json:"rejected,omitempty"`
	// Apart and NewDevice, of a network's born and moved: the token was used before, at no equivalent vantage, or by no such device.
	Apart     bool `json:"apart,omitempty"`
	NewDevice bool `json:"new_device,omitempty"`

	IP     netip.Addr `json:"ip,omitzero"`
	Geo    Geo        `json:"geo,omitzero"`
	Agent  Agent      `json:"agent,omitzero"`
	Device string     `json:"device,omitempty"`
	JA4    string     `json:"ja4,omitempty"`

	Counts string `json:"counts,omitempty"` // of kind counts: JSON
}

// Before reports whether s comes before o in event order: (time, id of the event).
func (s *Sighting) Before(o *Sighting) bool {
	return s.Time < o.Time || s.Time == o.Time && s.EventID < o.EventID
}

// SightingID is the identity of a sighting: what it tells, of which event.
func SightingID(kind SightingKind, tenant string, scope Scope, subject, token, event string) string {
	return "sgt_" + digest("sighting", string(kind), tenant, string(scope), subject, token, event)
}
