package detect

import (
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// What a token lane tells of tokens that are gone, and of users and sessions that somebody revoked whole.

// sightEnd tells a user that a token of theirs is gone.
func (t *Tokens) sightEnd(s *session, e *schema.Event, kind MarkKind, at int64, id string, out *Output) {
	g := schema.Sighting{
		Kind: schema.SightingEnded, Tenant: strings.Clone(e.Tenant), Token: strings.Clone(e.Token), Lane: e.Partition, Time: at, EventID: strings.Clone(id),
		Rotated: kind == RotatedOut,
	}
	switch kind {
	case Revoked:
		g.Kind = schema.SightingRevoked
	case Ended, RotatedOut:
	default:
		return
	}
	var f schema.Finding
	t.view.actors = s.actors
	t.named(&f, at)
	g.User, g.Session = f.User, f.Session
	if g.User != "" {
		t.tellTo(g, schema.ScopeUser, g.User, out)
	}
	if g.Session != "" {
		t.tellTo(g, schema.ScopeSession, g.Session, out)
	}
}

// dismiss tells a user or a session that all its tokens are to be revoked.
func dismiss(t *Tokens, e *schema.Event, out *Output) {
	g := schema.Sighting{
		Kind: schema.SightingDismiss, Tenant: strings.Clone(e.Tenant), Lane: e.Partition, Time: e.Time, EventID: strings.Clone(e.ID),
		User: strings.Clone(e.User), Session: strings.Clone(e.Session),
	}
	switch {
	case g.Session != "":
		t.tellTo(g, schema.ScopeSession, g.Session, out)
	case g.User != "":
		t.tellTo(g, schema.ScopeUser, g.User, out)
	}
}
