package actions

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// office is one owner's term of office. Two owners may come to the same term where a consumer group has expired; By, a random
// number, tells them apart, and the one that opened first has it.
type office struct {
	schema.Term
	By uint64 `json:"by"`
}

// record is one entry of the response log. Exactly one of Opening, Action, Alert, Pool, Command, Allow, Switch, Incident, Tally and Filed
// is set.
type record struct {
	Office office `json:"office"`
	// Opening holds the generation under which the group assigned the lane. It may be below the term's own where the group expired
	// and its generations began again.
	Opening *int64         `json:"opening,omitempty"`
	Action  *schema.Action `json:"action,omitempty"`
	Alert   *Alert         `json:"alert,omitempty"`
	Pool    *pool          `json:"pool,omitempty"`
	Command *order         `json:"command,omitempty"`
	Allow   *allowance     `json:"allow,omitempty"`
	Switch  *turned        `json:"switch,omitempty"`
	// Incident is the card of an incident; the highest version counts. Tally is what a digest will tell.
	Incident *Card  `json:"incident,omitempty"`
	Tally    *tally `json:"tally,omitempty"`
	// State is the alert's; an action carries its own.
	State schema.ActionState `json:"state,omitempty"`
	// Filed says that all action records before this offset are in the archive.
	Filed *int64 `json:"filed,omitempty"`
	// Order and Since are, in a record that says again what an older one said, the offset and time of the one that authorised it.
	Order int64     `json:"order,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Again marks the second record of an end: behind it no late repetition of an earlier record can appear any more, so that
	// nothing comes back to life when retention deletes the first.
	Again bool `json:"again,omitempty"`
}

func (r *record) state() schema.ActionState {
	if r.Action != nil {
		return r.Action.State
	}
	return r.State
}

func (r *record) id() string {
	switch {
	case r.Action != nil:
		return r.Action.EntryID()
	case r.Alert != nil:
		return r.Alert.entryID()
	}
	return ""
}

// to is the destination that the record is about.
func (r *record) to() string {
	switch {
	case r.Action != nil:
		return r.Action.To
	case r.Alert != nil:
		return r.Alert.To
	}
	return ""
}

// round counts how often a failed action was reopened.
func (r *record) round() int {
	if r.Action != nil {
		return r.Action.Round
	}
	return 0
}

// Kinds of entries that are no actions.
const (
	kindAlert = "alert"
	kindPage  = "page"
	pages     = "page_" // begins the ids of pages
)

// kind is what the record is about. Known kinds share one string each.
func (r *record) kind() string {
	switch {
	case r.Action != nil && r.Action.Action == schema.RevokeSession:
		return string(schema.RevokeSession)
	case r.Action != nil:
		return string(r.Action.Action)
	case strings.HasPrefix(r.Alert.ID, pages):
		return kindPage
	}
	return kindAlert
}

// entry encodes a record under its key, record kind + id.
func (r *record) entry() (Entry, error) {
	key := "alert/"
	switch {
	case r.Opening != nil:
		key = "opening"
	case r.Action != nil:
		key = "action/"
	case r.Pool != nil:
		key = "pool/" + r.Pool.Tenant + "/" + r.Pool.Network.String()
	case r.Command != nil:
		key = "command/" + r.Command.Command.ID
	case r.Allow != nil:
		key = "allow/" + r.Allow.Tenant + "/" + r.Allow.ID
	case r.Switch != nil:
		key = "switch/" + strconv.FormatBool(r.Switch.File)
	case r.Incident != nil:
		key = "incident/" + r.Incident.ID
	case r.Tally != nil:
		key = "tally/" + r.Tally.Tenant
	case r.Filed != nil:
		key = "filed"
	}
	v, err := json.Marshal(r)
	if err != nil {
		return Entry{}, fmt.Errorf("encode a response record: %w", err)
	}
	return Entry{Key: []byte(key + r.id()), Value: v}, nil
}

// readRecord decodes a record and refuses what could not have been written by this package.
func readRecord(value []byte) (*record, error) {
	var r record
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, fmt.Errorf("decode a response record: %w", err)
	}
	switch {
	case r.Opening != nil, r.Filed != nil, r.Pool != nil && r.Pool.Network.IsValid(), r.Incident != nil && r.Incident.ID != "" && r.Incident.Version > 0, r.Tally != nil:
		return &r, nil
	case r.Command != nil && r.Command.Command.ID != "", r.Allow != nil && r.Allow.ID != "", r.Switch != nil && r.Switch.N > 0:
		return &r, nil
	case r.Action == nil && r.Alert == nil, r.id() == "":
		return nil, fmt.Errorf("decode a response record: it says nothing")
	case r.state() < schema.ActionPending || r.state() > schema.ActionDelivered:
		return nil, fmt.Errorf("decode a response record: state %d", r.state())
	}
	return &r, nil
}

// brief is what an action and its webhook need of a finding.
func brief(f *schema.Finding) schema.Finding {
	return schema.Finding{
		ID: f.ID, Rule: f.Rule, RuleVersion: f.RuleVersion, Severity: f.Severity, Confidence: f.Confidence, Conclusive: f.Conclusive,
		Decision: f.Decision, Would: f.Would, Scope: f.Scope, Subject: f.Subject, Epoch: f.Epoch, EventID: f.EventID,
		Time: f.Time, FirstSeen: f.FirstSeen, Summary: f.Summary,
	}
}

// shown is what a message to people needs of a finding.
func shown(f *schema.Finding) *schema.Finding {
	c := *f
	c.Evidence, c.Events = picked(f.Evidence, messageEvidence), nil
	return &c
}

// messageEvidence is what a message shows of a finding's evidence.
var messageEvidence = append([]string{"because"}, cardEvidence...)

// picked are the values of some keys, nil where there is none.
func picked(evidence map[string]any, keys []string) (some map[string]any) {
	for _, k := range keys {
		if v, ok := evidence[k]; ok {
			if some == nil {
				some = map[string]any{}
			}
			some[k] = v
		}
	}
	return some
}
