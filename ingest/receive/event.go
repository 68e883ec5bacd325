package receive

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// revoked is the event that a token becomes. Its id is a function of issuer and token id: delivered twice, it is one event.
func revoked(prefix string, c *claims, tenant string, s subject, at time.Time) *schema.Event {
	sum := sha256.Sum256([]byte(c.Issuer + "\x00" + c.ID)) // the issuer is the configured one, which has no NUL
	return &schema.Event{
		ID: prefix + base64.RawURLEncoding.EncodeToString(sum[:15]), Time: at.UnixNano(), Type: schema.SessionRevoked, Tenant: tenant,
		Session: s.session, User: s.user, Outcome: schema.OutcomeAccepted, Repeat: 1,
	}
}
