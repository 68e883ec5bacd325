package actions

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Reaction is what a rule asks for where the policy lets it act.
type Reaction struct {
	Action     schema.Decision // revoke_session, revoke_user, step_up, restrict or block_ip; empty: revoke_session
	NotifyUser bool            // ask the user, too, whatever is decided: "was this you?"
}

// validate returns an error that names key unless the action is one that a rule may ask for.
func (r Reaction) validate(key string) error {
	switch r.Action {
	case "", schema.RevokeSession, schema.RevokeUser, schema.StepUp, schema.Restrict, schema.BlockIP:
		return nil
	}
	return fmt.Errorf("%s: %q is not a response: revoke_session, revoke_user, step_up, restrict or block_ip", key, string(r.Action))
}

// acts reports whether a decision is an effect on the world.
func acts(d schema.Decision) bool { return d != "" && d != schema.Observe && d != schema.Alert }

// publishes reports whether an action ends sessions, which token lanes and apps must know of.
func publishes(d schema.Decision) bool { return d == schema.RevokeSession || d == schema.RevokeUser }

// subjectOf is what a rule's response to a finding about one target is, and about whom: nothing where the finding does not say. A user
// who is not known can't be revoked; then the session is.
func (p *Policy) subjectOf(x *schema.Finding, t *schema.Target) (action schema.Decision, subject string) {
	action = cmp.Or(p.cfg.Responses[x.Rule].Action, schema.RevokeSession)
	switch action {
	case schema.RevokeUser:
		if user := cmp.Or(t.User, x.User); user != "" {
			return action, user
		}
		action = schema.RevokeSession
	case schema.BlockIP:
		switch {
		case x.Scope == schema.ScopeNetwork:
			return action, x.Subject
		case x.To != nil && x.To.IP.IsValid():
			return action, schema.Network(x.To.IP).String()
		}
		return action, ""
	}
	return action, t.Token
}

// ended is what is known of the revocations of one user: how many were delivered, and when the last of them was.
type ended struct {
	count int
	at    time.Time // what came before it needs no other
	last  string    // its entry
}

// end counts a delivered revocation of a user.
func (f *Fold) end(a *schema.Action) {
	if a.Action != schema.RevokeUser {
		return
	}
	k := [2]string{a.Tenant, a.Subject}
	if n := atoi(a.Epoch) + 1; n > f.users[k].count {
		f.users[k] = ended{n, a.FinishedAt, a.ID}
	}
}

// latest reports whether an entry is a user's last revocation, which is remembered for good: the next one is numbered by it.
func (f *Fold) latest(e *entry) bool {
	return e.kind == string(schema.RevokeUser) && e.to == "" && e.state == schema.ActionDelivered && f.users[[2]string{e.tenant, e.subject}].last == e.id
}

// lastingSubject is the subject that an entry keeps in memory.
func lastingSubject(a *schema.Action) string {
	if a.Action == schema.RevokeUser {
		return a.Subject
	}
	return ""
}

// intend makes the action that a finding asks for of one target, or reopens one that failed, and returns the id of the action that
// answers the finding: made now or before. A finding that came before the user's last revocation is answered by that.
func (f *Fold) intend(at time.Time, x *schema.Finding, r *revocation) (as []*schema.Action, id string) {
	t, epoch := &r.target, itoa(r.target.Epoch)
	switch r.action {
	case schema.RevokeUser:
		u := f.users[[2]string{x.Tenant, r.subject}]
		if epoch = itoa(u.count); u.count > 0 && !at.After(u.at) {
			return nil, u.last
		}
	case schema.BlockIP:
		epoch = x.Time.UTC().Format(time.DateOnly)
	}
	a := &schema.Action{
		Action: r.action, State: schema.ActionPending, Tenant: x.Tenant, Subject: r.subject, Epoch: epoch,
		Token: t.Token, Session: t.Session, User: cmp.Or(t.User, x.User), Partition: t.Partition, Reason: x.Rule, Risk: r.risk,
		Mode: string(Enforce), Findings: []schema.Finding{brief(x)}, DecidedAt: at,
	}
	for _, o := range r.with {
		a.Findings = append(a.Findings, brief(o))
	}
	a.ID = schema.ActionID(x.Tenant, a.Subject, string(a.Action), epoch)
	if f.faults.targetsApart && len(x.Targets) > 0 {
		a.ID = schema.ActionID(x.Tenant, a.Subject, x.ID, epoch)
	}
	return f.enter(at, a), a.ID
}

// notify makes the question to a finding's user, once.
func (f *Fold) notify(at time.Time, x *schema.Finding, user string) []*schema.Action {
	return f.enter(at, &schema.Action{
		ID: schema.ActionID(x.Tenant, user, string(schema.NotifyUser), x.ID), Action: schema.NotifyUser, State: schema.ActionPending, Tenant: x.Tenant, Subject: user, Epoch: x.ID,
		Token: x.Token, Session: x.Session, User: user, Partition: x.Partition, Reason: x.Rule, Risk: x.Risk, Mode: string(Enforce), Findings: []schema.Finding{brief(x)}, DecidedAt: at,
	})
}

// enter makes an action that is not known, held where it is over a limit. One that is known is reopened wherever it failed.
func (f *Fold) enter(at time.Time, a *schema.Action) (as []*schema.Action) {
	if f.faults.randomIDs != nil {
		a.ID = f.faults.randomIDs()
	}
	if f.entries[a.ID] == nil {
		if f.over(a.Tenant, a.User, at) {
			a.State = schema.ActionHeld
		}
		f.make(&entry{id: a.ID, kind: string(a.Action), tenant: a.Tenant, subject: lastingSubject(a), action: a, making: a.State})
		return []*schema.Action{a}
	}
	held := false
	for _, e := range f.everywhere(a.ID) {
		c := f.reopen(at, e, a.Findings, held)
		if c != nil {
			as = append(as, c)
		}
		if e.to == "" { // what is held there is nowhere let go
			held = e.state == schema.ActionHeld || e.state == schema.ActionDiscarded || e.making == schema.ActionHeld
		}
	}
	return as
}

// answersMost bounds the findings that an action answers. Beyond it what failed stays so until a person reopens it.
const answersMost = 32

// reopen lets a failed action be tried again where a finding asks for it that it does not answer yet. Its findings remember those that do,
// so that each reopens it once.
func (f *Fold) reopen(at time.Time, e *entry, fs []schema.Finding, held bool) *schema.Action {
	if e.state != schema.ActionFailed || e.making != 0 || e.action == nil {
		return nil
	}
	known := func(x schema.Finding) bool {
		return slices.ContainsFunc(e.action.Findings, func(o schema.Finding) bool { return o.ID == x.ID })
	}
	if known(fs[0]) || len(e.action.Findings) >= answersMost {
		return nil
	}
	a := *e.action
	a.Findings = slices.Clone(a.Findings)
	for _, x := range fs {
		if !known(x) && len(a.Findings) < answersMost {
			a.Findings = append(a.Findings, x)
		}
	}
	a.State, a.Round, a.Released, a.By, a.Why = schema.ActionPending, e.round+1, false, "", ""
	a.Attempts, a.FinishedAt, a.Outcome = 0, time.Time{}, ""
	if held || e.to == "" && f.over(a.Tenant, a.User, at) {
		a.State = schema.ActionHeld
	}
	e.making, e.released = a.State, false
	f.spend(e, 1)
	return &a
}
