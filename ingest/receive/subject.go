package receive

import (
	"slices"

	"github.com/go-jose/go-jose/v4/json"
)

// maxName bounds a session or user in bytes, as in any event.
const maxName = 256

// identifier is a subject identifier (RFC 9493, section 3.2), or with format complex, or none, several of them by role
// (SSF 1.0, section 3.2).
type identifier struct {
	Format      string       `json:"format"`
	Issuer      string       `json:"iss"`
	Subject     string       `json:"sub"`
	ID          string       `json:"id"`
	Email       string       `json:"email"`
	Identifiers []identifier `json:"identifiers"`
	User        *identifier  `json:"user"`
	Session     *identifier  `json:"session"`
	// What narrows the subject down to less than the user has.
	Device      json.RawMessage `json:"device"`
	Application json.RawMessage `json:"application"`
	Group       json.RawMessage `json:"group"`
	OrgUnit     json.RawMessage `json:"org_unit"`
}

// subject is whom or what a revocation names. At least one of its fields is set.
type subject struct{ session, user string }

// parseSubject reads a sub_id. narrower says that it means less than any subject can say: a user's sessions on one device, in one
// application. An opaque id at the top is a session's (CAEP 1.0, the first example of 3.1).
func parseSubject(raw json.RawMessage) (s subject, narrower bool, err error) {
	var id identifier
	if json.Unmarshal(raw, &id) != nil {
		return s, false, refuse(invalidRequest, "sub_id is not a subject identifier")
	}
	switch {
	case id.Format == "complex" || id.Format == "" && (id.User != nil || id.Session != nil): // Okta leaves the format of a complex one out
		s = subject{id.Session.name(), id.User.name()}
		narrower = s.session == "" && slices.ContainsFunc([]json.RawMessage{id.Device, id.Application, id.Group, id.OrgUnit},
			func(m json.RawMessage) bool { return len(m) > 0 && string(m) != "null" })
		if id.Session != nil && s.session == "" {
			return s, false, refuse(invalidRequest, "the session has no id") // without it the user's other sessions would be taken for revoked
		}
	case id.Format == "opaque":
		s.session = id.ID
	default:
		s.user = id.name()
	}
	switch {
	case narrower:
	case s == (subject{}):
		return s, false, refuse(invalidRequest, "the subject names no session and no user in a format that is understood")
	case len(s.session) > maxName || len(s.user) > maxName:
		return s, false, refuse(invalidRequest, "the subject is longer than 256 bytes")
	}
	return s, narrower, nil
}

// name is what a simple identifier names, empty where it is of a format that apps don't use for users and sessions.
func (i *identifier) name() string {
	if i == nil {
		return ""
	}
	switch i.Format {
	case "iss_sub":
		return i.Subject
	case "opaque":
		return i.ID
	case "email":
		return i.Email
	case "aliases":
		for n := range i.Identifiers {
			if a := &i.Identifiers[n]; a.Format != "aliases" { // they don't nest (RFC 9493, section 3.2.8)
				if name := a.name(); name != "" {
					return name
				}
			}
		}
	}
	return ""
}
