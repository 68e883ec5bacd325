package caep

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	sessionRevoked     = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	streamVerification = "https://schemas.openid.net/secevent/ssf/event-type/verification"
)

// maxReason bounds the reason in bytes.
const maxReason = 500

// claims are a Security Event Token's (RFC 8417, section 2.2), with the subject as SSF 1.0 has it: sub_id, never sub; and no exp.
type claims struct {
	Issuer   string           `json:"iss"`
	ID       string           `json:"jti"`
	IssuedAt int64            `json:"iat"` // seconds since 1970
	Audience string           `json:"aud"`
	Subject  identifier       `json:"sub_id"`
	Events   map[string]event `json:"events"`
}

// event is a session-revoked event (CAEP 1.0, sections 2 and 3.1).
type event struct {
	Timestamp   int64             `json:"event_timestamp"` // seconds since 1970
	Initiating  string            `json:"initiating_entity"`
	ReasonAdmin map[string]string `json:"reason_admin"`
}

// identifier is a subject identifier (RFC 9493) or a complex subject (SSF 1.0, section 3.2).
type identifier struct {
	Format  string      `json:"format"`
	Issuer  string      `json:"iss,omitempty"`
	Subject string      `json:"sub,omitempty"`
	ID      string      `json:"id,omitempty"`
	Email   string      `json:"email,omitempty"`
	User    *identifier `json:"user,omitempty"`
	Session *identifier `json:"session,omitempty"`
}

// verification is the payload of an event that revokes nothing (SSF 1.0, section 8.1.4). hijackd keeps no streams, so that in place of a
// stream's id the audience is the subject.
func verification(cfg *Config, id string, now time.Time) ([]byte, error) {
	b, err := json.Marshal(map[string]any{
		"iss": cfg.Issuer, "jti": id, "iat": now.Unix(), "aud": cfg.Audience, "sub_id": identifier{Format: "opaque", ID: cfg.Audience},
		"events": map[string]any{streamVerification: map[string]string{"state": id}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the claims: %w", err)
	}
	return b, nil
}

// payload is the token's for an action. Its jti is the action's id whenever it is made, so that a receiver knows a retry.
func payload(cfg *Config, a *schema.Action, now time.Time) ([]byte, error) {
	subject, err := subjectOf(cfg, a)
	if err != nil {
		return nil, err
	}
	e := event{Timestamp: a.DecidedAt.Unix(), Initiating: "policy", ReasonAdmin: map[string]string{"en": reason(a)}}
	if a.By != "" {
		e.Initiating = "admin"
	}
	b, err := json.Marshal(claims{
		Issuer: cfg.Issuer, ID: a.ID, IssuedAt: now.Unix(), Audience: cfg.Audience, Subject: subject, Events: map[string]event{sessionRevoked: e},
	})
	if err != nil {
		return nil, fmt.Errorf("encode the claims: %w", err)
	}
	return b, nil
}

// subjectOf names what the action revokes, in the configured format.
func subjectOf(cfg *Config, a *schema.Action) (identifier, error) {
	user := identifier{Format: "iss_sub", Issuer: cfg.UserIssuer, Subject: a.User}
	session := identifier{Format: "opaque", ID: a.Session}
	switch cfg.Subject {
	case "complex":
		s := identifier{Format: "complex"}
		if a.User != "" {
			s.User = &user
		}
		if a.Action == schema.RevokeSession {
			if a.Session == "" {
				return s, errors.New("no session id is known; it would have been the user's every session")
			}
			s.Session = &session
		} else if a.User == "" {
			return s, errors.New("no user is known")
		}
		return s, nil
	case "opaque":
		if a.Session == "" {
			return session, errors.New("no session id is known")
		}
		return session, nil
	case "email":
		if local, domain, ok := strings.Cut(a.User, "@"); !ok || local == "" || domain == "" {
			return user, errors.New("the user is not known by an e-mail address")
		}
		return identifier{Format: "email", Email: a.User}, nil
	}
	if a.User == "" {
		return user, errors.New("no user is known")
	}
	return user, nil
}

// reason is what an administrator of the receiver reads. It is never empty.
func reason(a *schema.Action) string {
	s := a.Reason
	if s == "" {
		s = "revoked"
	}
	if len(a.Findings) > 0 && a.Findings[0].Summary != "" {
		s += ": " + a.Findings[0].Summary
	}
	return string(schema.CleanText(s, maxReason))
}
