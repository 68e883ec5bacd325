package actions

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Entry is one record to append to the response log.
type Entry struct{ Key, Value []byte }

// Log is the response partition that belongs to the lane's signals partition. It is never compacted.
type Log interface {
	// Append writes entries in order with acks from all replicas. An error means that the outcome is unknown: some, all or none may
	// be there, or appear later.
	Append(ctx context.Context, entries []Entry) error
	// Read calls each for every record from the given offset (or the oldest that is left) to the end as it was at some moment after
	// the call began, and returns the offset behind it. at is Kafka's timestamp. Key and value are valid during the call only.
	Read(ctx context.Context, from int64, each func(offset int64, at time.Time, key, value []byte) error) (next int64, err error)
}

// Publisher tells the rest of the world through Kafka.
type Publisher interface {
	// Revoked publishes session.revoked, its id the action's id: of a token to its partition of the event topic, and its fingerprint to
	// the revocations topic; of a user, whose every session was revoked, to the event topic. It is called again with the same action where
	// its outcome is unknown.
	Revoked(ctx context.Context, a *schema.Action) error
	// Announce publishes decided findings.
	Announce(ctx context.Context, fs []schema.Finding) error
}

// Archive stores what analysts query. Rows come again after a crash; newer versions of a finding or action replace older ones.
type Archive interface {
	InsertFindings(ctx context.Context, fs []schema.Finding) error
	InsertActions(ctx context.Context, as []schema.Action) error
	InsertAudit(ctx context.Context, lines []schema.Audit) error
}

// Revoker carries actions out at one destination: it ends sessions at their issuer, or what else the action says. The action's id is the
// idempotency key.
type Revoker interface {
	Revoke(ctx context.Context, a *schema.Action) Result
}

// Alerter tells people.
type Alerter interface {
	Alert(ctx context.Context, a *Alert) Result
}

// Alert is one message to people: about a finding, or a page about hijackd's own work.
type Alert struct {
	ID      string          `json:"id"`           // of a message about a finding its id, and more where it is not the first
	To      string          `json:"to,omitempty"` // the channel's name, empty for the primary one
	Finding *schema.Finding `json:"finding,omitempty"`
	// Action is what was done about the finding, as far as it has come; nil where nothing is.
	Action *schema.Action `json:"action,omitempty"`
	// Page is the text of a page; empty for a finding.
	Page string `json:"page,omitempty"`
	// About is the id of the action that answers the finding, empty where none does.
	About string `json:"about,omitempty"`
	// Storm and Digest are messages of their own kind: of Finding, Page, Storm and Digest one is set.
	Storm  *Storm  `json:"storm,omitempty"`
	Digest *Digest `json:"digest,omitempty"`
	// Incident is the incident that the finding belongs to, and Thread the message of its card, where there is one: the alert is
	// posted in its thread.
	Incident string  `json:"incident,omitempty"`
	Thread   Message `json:"-"`
	// Uncertain says that the message may have been sent before: it must be looked for first.
	Uncertain bool `json:"-"`
}

// entryID is what an alert is known by in the log.
func (a *Alert) entryID() string {
	if a.To == "" {
		return a.ID
	}
	return a.ID + "@" + a.To
}

// Destination is a further place that carries actions out, with calls and states of its own.
type Destination struct {
	Name string
	Revoker
	Takes func(schema.Decision) bool // nil: every action
}

// Channel is a further place that tells people.
type Channel struct {
	Name string
	Alerter
}

// Deps is all that a response lane needs of the outside. Revoker and Alerter may be nil: then nobody is called.
type Deps struct {
	Log       Log
	Publisher Publisher
	Archive   Archive
	Revoker   Revoker
	Alerter   Alerter
	// Takes says which actions the Revoker carries out; nil: all. Others and Channels are told beside the primary ones.
	Takes    func(schema.Decision) bool
	Others   []Destination
	Channels []Channel
	// Horizon returns the first signals offset whose record is at most d older than the record at offset; nil: no look back.
	Horizon func(ctx context.Context, offset int64, d time.Duration) (int64, error)
	// Killed reports whether the kill file exists; nil: there is none. It is asked at least once a second.
	Killed func() bool
	// Logger and Metrics are required. Metrics are shared by the lanes of a process.
	Logger  *slog.Logger
	Metrics *Metrics
	// Now is the clock, time.Now where nil.
	Now func() time.Time
	// Jitter returns a number in [0, 1), to spread retries; rand.Float64 where nil. It is called from several goroutines.
	Jitter func() float64
	// Nonce returns a random number, to tell two owners of the same term apart; rand.Uint64 where nil.
	Nonce func() uint64
}

func (d Deps) withDefaults() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Jitter == nil {
		d.Jitter = rand.Float64
	}
	if d.Nonce == nil {
		d.Nonce = rand.Uint64
	}
	return d
}
