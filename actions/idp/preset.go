package idp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/schema"
)

// Preset ends sessions at one identity provider. It is safe for concurrent use.
type Preset struct {
	name    string
	cfg     Config
	system  system
	client  *http.Client
	now     func() time.Time
	section string
}

// New returns a Preset that has connected to nothing yet. name is one of Names.
func New(name string, cfg Config, now func() time.Time) (*Preset, error) {
	if !cfg.InUse(name) {
		return nil, fmt.Errorf("actions.%s: is not configured", name)
	}
	if err := cfg.Validate(name); err != nil {
		return nil, err
	}
	client, err := outbound.Client(cfg.outbound())
	if err != nil {
		return nil, fmt.Errorf("actions.%s: %w", name, err)
	}
	p := &Preset{name: name, cfg: cfg, client: client, now: now, section: "actions." + name}
	if p.system, err = describe(name, &cfg, p.oauth); err != nil {
		return nil, err
	}
	return p, nil
}

// Name is the system's name.
func (p *Preset) Name() string { return p.name }

// Format keeps the secrets out of whatever a Preset is printed into.
func (p *Preset) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.name) }

// Close gives idle connections up.
func (p *Preset) Close() { p.client.CloseIdleConnections() }

// Takes reports whether the system can do what an action asks for.
func (p *Preset) Takes(d schema.Decision) bool {
	switch d {
	case schema.RevokeSession:
		return p.system.session != nil || p.fallback()
	case schema.RevokeUser:
		return p.system.user != nil
	}
	return false
}

func (p *Preset) fallback() bool { return p.cfg.FallbackUser && p.system.user != nil }

// Revoke makes one attempt at an action: revoke_session ends its Session, revoke_user all sessions of its User. What it ends may have
// ended before; so the same action may be sent again after anything but Done.
func (p *Preset) Revoke(ctx context.Context, a *schema.Action) actions.Result {
	if !p.Takes(a.Action) {
		if a.Action == schema.RevokeSession && p.system.user != nil {
			return p.refused("this system can't end one session", "set "+p.section+".fallback_user to end all sessions of the user")
		}
		return p.refused("this system can't do that", "")
	}
	if a.Action == schema.RevokeSession && p.system.session != nil && (a.Session != "" || !p.fallback()) {
		switch {
		case a.Session == "":
			return p.refused("the event named no session", p.withoutSession())
		case !p.system.sessionID(a.Session):
			return p.refused("the session id is none of this system's", "send "+p.system.sessionIs+" as `session` in events")
		}
		return p.all(ctx, p.system.session(a.Session))
	}
	switch {
	case a.User == "":
		return p.refused("the event named no user", "")
	case !p.system.userID(a.User):
		return p.refused("the user id is none of this system's", "send "+p.system.userIs+" as `user` in events")
	}
	res := p.all(ctx, p.system.user(a.User))
	if res.Class == actions.Done && a.Action == schema.RevokeSession {
		res.Detail += ", all sessions of the user"
	}
	return res
}

// withoutSession is what a person can do where events name no session.
func (p *Preset) withoutSession() string {
	what := "send `session` in events"
	if p.system.user != nil {
		what += ", or set " + p.section + ".fallback_user"
	}
	return what
}

func (p *Preset) refused(why, what string) actions.Result {
	if what != "" {
		why += ": " + what
	}
	return actions.Result{Class: actions.Refused, Detail: why}
}

// Check asks the system to end a session (Entra: the sessions of a user) whose id has just been drawn by lot. That no such session exists
// is the answer of one that knows the credentials and grants the right.
func (p *Preset) Check(ctx context.Context) actions.Result {
	res := p.all(ctx, p.system.probe(uuid.NewString()))
	if res.Class == actions.Done {
		res.Detail = "credentials and rights are good"
	}
	return res
}

// all makes the calls of one attempt, within the time-out, until one fails.
func (p *Preset) all(ctx context.Context, calls []call) actions.Result {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	var best actions.Result
	for i := range calls {
		res := p.authorised(ctx, &calls[i])
		if res.Class != actions.Done {
			return res
		}
		if best.Class == 0 || strings.HasPrefix(best.Detail, "404") { // an effect is worth more words than none
			best = res
		}
	}
	return best
}
