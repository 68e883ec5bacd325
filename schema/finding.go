package schema

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Severity ranks a finding.
type Severity string

// Severities, weakest first.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Decision is what the policy decided on a finding (contract section 3).
type Decision string

// Decisions.
const (
	Observe       Decision = "observe"
	Alert         Decision = "alert"
	RevokeSession Decision = "revoke_session"
	RevokeUser    Decision = "revoke_user"
	StepUp        Decision = "step_up"
	Restrict      Decision = "restrict"
	BlockIP       Decision = "block_ip"
	// NotifyUser is an action only, never the decision on a finding: "was this you?" beside whatever is decided.
	NotifyUser Decision = "notify_user"
)

// Scope is the kind of thing that a finding is about.
type Scope string

// Scopes.
const (
	ScopeToken   Scope = "token"
	ScopeUser    Scope = "user"
	ScopeNetwork Scope = "network"
	ScopeApp     Scope = "app"
	// ScopeSession is a scope of sightings only: the session at the identity provider.
	ScopeSession Scope = "session"
)

// End is one side of a finding: where and how the token was used.
type End struct {
	IP         netip.Addr `json:"ip,omitzero"`
	Network    string     `json:"network,omitempty"` // network class
	ASN        uint32     `json:"asn"`
	ASOrg      string     `json:"as_org,omitempty"`
	Country    string     `json:"country"`
	City       string     `json:"city"`
	Lat        *float64   `json:"lat,omitempty"` // degrees; absent where the place is unknown
	Lon        *float64   `json:"lon,omitempty"`
	AccuracyKM uint16     `json:"accuracy_km,omitempty"`
	UA         string     `json:"ua"` // family on OS
	Device     string     `json:"device,omitempty"`
}

// Finding is one recognised thing (contract section 3). Its JSON form is the same wherever it leaves hijackd.
type Finding struct {
	ID          string    `json:"id"`
	Rule        string    `json:"rule"`
	RuleVersion int       `json:"rule_version"`
	Severity    Severity  `json:"severity"`
	Confidence  float64   `json:"confidence"` // 0–1
	Conclusive  bool      `json:"conclusive"`
	Decision    Decision  `json:"decision"`
	Would       Decision  `json:"would"` // the decision with every mode at enforce
	Suppressed  string    `json:"suppressed_by,omitempty"`
	Risk        float64   `json:"risk"` // 0–1: what the token's and its user's findings up to this one add up to, with every mode at enforce
	Scope       Scope     `json:"scope"`
	Subject     string    `json:"subject"`
	Epoch       int       `json:"epoch"` // the token's life, from 0
	Tenant      string    `json:"tenant"`
	Token       string    `json:"token,omitempty"`
	User        string    `json:"user,omitempty"`
	Session     string    `json:"session,omitempty"`
	App         string    `json:"app,omitempty"`
	EventID     string    `json:"event_id,omitempty"` // the completing event: the last in event order of those that make the finding
	Time        time.Time `json:"time"`               // event time of the completing event
	FirstSeen   time.Time `json:"first_seen"`         // event time of the first event in it
	DetectedAt  time.Time `json:"detected_at,omitzero"`
	Summary     string    `json:"summary"`
	Attack      []string  `json:"attack"` // MITRE ATT&CK techniques
	// Evidence holds every operand of the arithmetic, and about: what the id was made of.
	Evidence map[string]any `json:"evidence"`
	Events   []string       `json:"events"`
	From     *End           `json:"from,omitempty"`
	To       *End           `json:"to,omitempty"`
	// Signals are what the confidence was made of.
	Signals []Weight `json:"signals,omitempty"`
	// Targets are the tokens to respond to, where the finding is about more than one token.
	Targets []Target `json:"targets,omitempty"`

	// WithoutHistory marks a finding judged while the token's history could not be read; it is never conclusive.
	WithoutHistory bool `json:"without_history,omitempty"`
	// Informed ranks what the judge knew where later knowledge may only weaken a finding (a replay from a vantage that turns out
	// to have been known before); a better informed version replaces a worse informed one.
	Informed int `json:"informed,omitempty"`
	// Partition is the lane of the token, so that what is published back about it reaches that lane.
	Partition int32 `json:"partition,omitempty"`
}

// SignalKind is a kind of evidence. Signals of different kinds count as independent of each other.
type SignalKind string

// Kinds of evidence.
const (
	SignalDistance  SignalKind = "distance"  // places, and the speed between them
	SignalNetwork   SignalKind = "network"   // provider, country, class of the network
	SignalDevice    SignalKind = "device"    // browser, system, device id, TLS fingerprint
	SignalBehaviour SignalKind = "behaviour" // what is done, when and how regularly
	SignalOutcome   SignalKind = "outcome"   // a dead, unknown or failing token
)

// Weight is one signal of a finding and how much it says by itself: the probability, from 0 to 1, that it means hijacking.
type Weight struct {
	Signal SignalKind `json:"signal"`
	P      float64    `json:"p"`
}

// Target is a token that a finding about a user or a network asks to respond to.
type Target struct {
	Token     string `json:"token"`
	User      string `json:"user,omitempty"`
	Session   string `json:"session,omitempty"`
	Epoch     int    `json:"epoch"`
	Partition int32  `json:"partition"` // the lane of the token
}

// Compare orders two versions of one finding, the stronger one being greater: with history over without, better informed over
// worse, conclusive over not, higher confidence, then the earlier completing event in event order, then the tighter one
// (its first event later). Versions merge to the greatest, so their order of arrival makes no difference (contract section 3).
func (f *Finding) Compare(o *Finding) int {
	return cmp.Or(
		-compareBool(f.WithoutHistory, o.WithoutHistory),
		cmp.Compare(f.Informed, o.Informed),
		compareBool(f.Conclusive, o.Conclusive),
		cmp.Compare(f.Confidence, o.Confidence),
		-f.Time.Compare(o.Time),
		-cmp.Compare(f.EventID, o.EventID),
		f.FirstSeen.Compare(o.FirstSeen),
		slices.Compare(f.Events, o.Events), // arbitrary, so that no two versions tie
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
