package schema

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// FindingID is the identity of a finding: a function of what it is about and never of when it was found or in which order
// events arrived (contract section 3).
func FindingID(tenant, rule string, scope Scope, subject string, epoch int, about string) string {
	return "fnd_" + digest("finding", tenant, rule, string(scope), subject, strconv.Itoa(epoch), about)
}

// ActionID is the identity of an action and its webhook-id: retries, replays after a crash and a second instance all derive the
// same one (contract section 2).
func ActionID(tenant, subject, action, epoch string) string {
	return "act_" + digest("action", tenant, subject, action, epoch)
}

// IncidentID is the identity of an incident: of what it is about and the finding that opened it.
func IncidentID(tenant string, scope Scope, subject, finding string) string {
	return "inc_" + digest("incident", tenant, string(scope), subject, finding)
}

// NoteID is the identity of one of hijackd's notes to itself, derived from the event that caused it.
func NoteID(kind EventType, tenant, token, cause string) string {
	return "hjk_" + digest("note", kind.String(), tenant, token, cause)
}

// CommandID is the identity of a command that hijackd itself gives, once for its subject.
func CommandID(verb Verb, tenant, subject string) string {
	return "cmd_" + digest("command", string(verb), tenant, subject)
}

// digest is 120 bits of SHA-256 over length-prefixed parts, so that no two lists of parts run together; base64url, 20 characters.
func digest(parts ...string) string {
	h := sha256.New()
	var n [4]byte
	for _, p := range parts {
		binary.BigEndian.PutUint32(n[:], uint32(len(p))) // #nosec G115 -- parts are bounded by the 64 KiB record limit
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}
