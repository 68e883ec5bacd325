package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

type heldCommand struct {
	List    heldListCommand    `cmd:"" default:"withargs" help:"List what is held."`
	Release heldReleaseCommand `cmd:"" help:"Let held actions go. They no longer count against the limits, and go out at the limits' pace."`
	Discard heldDiscardCommand `cmd:"" help:"Give held actions up for good."`
	Add     heldAddCommand     `cmd:"" help:"Hold pending actions back that have not been tried yet."`
}

// heldFilter narrows down what is held.
type heldFilter struct {
	Tenant *string `placeholder:"TENANT" help:"Of this tenant alone."`
	User   string  `placeholder:"USER" help:"About this user."`
	Rule   string  `placeholder:"RULE" help:"Decided by this rule."`
	Since  span    `placeholder:"TIME" help:"Decided at most so long ago: 90m, 12h, 7d."`
}

func (f *heldFilter) fits(a *schema.Action, now time.Time) bool {
	return (f.Tenant == nil || a.Tenant == *f.Tenant) && (f.User == "" || a.User == f.User) && (f.Rule == "" || a.Reason == f.Rule) &&
		(f.Since == 0 || !a.DecidedAt.Before(now.Add(-time.Duration(f.Since))))
}

// inState lists the actions in a state that fit, the oldest first: from ClickHouse, or where that can't be asked from the response log.
func (f *heldFilter) inState(ctx context.Context, p *process, cfg *Config, state schema.ActionState) ([]*schema.Action, error) {
	now := time.Now()
	as, err := f.stored(ctx, cfg, state, now)
	if err == nil {
		return as, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	if !errors.Is(err, errEmbedded) {
		p.warn("ClickHouse can't be asked, the response log is read instead: %v", err)
	}
	s, err := readStanding(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.list(state), func(a *schema.Action) bool { return !f.fits(a, now) }), nil
}

func (f *heldFilter) stored(ctx context.Context, cfg *Config, state schema.ActionState, now time.Time) ([]*schema.Action, error) {
	db, err := openServer(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // it was only read
	filter := store.ActionFilter{States: []schema.ActionState{state}, Tenant: f.Tenant, User: f.User, Rule: f.Rule}
	if f.Since != 0 {
		filter.Since = now.Add(-time.Duration(f.Since))
	}
	var as []*schema.Action
	err = db.Actions(ctx, filter, func(a *schema.Action) error { as = append(as, a); return nil })
	return as, err
}

type heldListCommand struct {
	configured
	heldFilter
	Format string `enum:"text,jsonl" default:"text" help:"text: a table; jsonl: one action a line."`
}

func (c heldListCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	as, err := c.inState(ctx, p, cfg, schema.ActionHeld)
	if err != nil {
		return err
	}
	if c.Format == "jsonl" {
		return writeActions(p.stdout, as)
	}
	if len(as) == 0 {
		_, err := fmt.Fprintln(p.stdout, "nothing is held")
		return err
	}
	rows := [][]string{{"ID", "DECIDED (UTC)", "TENANT", "ACTION", "SUBJECT", "USER", "RULE", "RISK", "SUMMARY"}}
	for _, a := range as {
		summary := ""
		if len(a.Findings) > 0 {
			summary = a.Findings[0].Summary
		}
		rows = append(rows, []string{a.EntryID(), when(a.DecidedAt), a.Tenant, string(a.Action), a.Subject, a.User, a.Reason, fmt.Sprintf("%.2f", a.Risk), summary})
	}
	return p.table(rows)
}

// writeActions writes actions as JSON, with their states in words.
func writeActions(w io.Writer, as []*schema.Action) error {
	out := json.NewEncoder(w)
	for _, a := range as {
		err := out.Encode(struct {
			*schema.Action
			State string `json:"state"`
		}{a, a.State.String()})
		if err != nil {
			return err
		}
	}
	return nil
}

// heldChoice is what an order on held actions is about.
type heldChoice struct {
	order
	IDs []string `arg:"" optional:"" name:"ID" help:"Ids of actions."`
	heldFilter
	All bool `help:"Everything there is, or everything that the filters leave."`
}

type heldReleaseCommand struct{ heldChoice }

func (c heldReleaseCommand) Run(ctx context.Context, p *process) error {
	return c.decide(ctx, p, schema.Release, schema.ActionHeld)
}

type heldDiscardCommand struct{ heldChoice }

func (c heldDiscardCommand) Run(ctx context.Context, p *process) error {
	return c.decide(ctx, p, schema.Discard, schema.ActionHeld)
}

type heldAddCommand struct{ heldChoice }

func (c heldAddCommand) Run(ctx context.Context, p *process) error {
	return c.decide(ctx, p, schema.Hold, schema.ActionPending)
}

// decide orders by id, whatever was asked for: what comes to the state after this moment is nobody's decision yet.
func (c *heldChoice) decide(ctx context.Context, p *process, verb schema.Verb, state schema.ActionState) error {
	filtered := c.User != "" || c.Rule != "" || c.Since != 0
	switch {
	case len(c.IDs) == 0 && !filtered && !c.All:
		return usageError{errors.New("what? Name ids, or --user, --rule, --since, or --all")}
	case len(c.IDs) > 0 && (filtered || c.All):
		return usageError{errors.New("either ids or filters")}
	}
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if _, err := c.command(p, verb, ""); err != nil {
		return err
	}
	as, err := c.inState(ctx, p, cfg, state)
	if err != nil {
		return err
	}
	if len(c.IDs) > 0 {
		if as, err = named(as, c.IDs); err != nil {
			return err
		}
	}
	if len(as) == 0 {
		return fmt.Errorf("nothing that fits is %s", state)
	}
	return c.orderActions(ctx, p, cfg, verb, as)
}

// named picks actions by their ids, at one destination (id@name) or at all; each must be there.
func named(as []*schema.Action, ids []string) ([]*schema.Action, error) {
	var picked []*schema.Action
	var missing []string
	for _, id := range ids {
		before := len(picked)
		for _, a := range as {
			if a.ID == id || a.EntryID() == id {
				picked = append(picked, a)
			}
		}
		if len(picked) == before {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("nothing was ordered, since these are in another state or unknown: %s", schema.CleanText(strings.Join(missing, ", "), 1000))
	}
	return picked, nil
}

// orderActions gives the order, a command for each tenant.
func (o order) orderActions(ctx context.Context, p *process, cfg *Config, verb schema.Verb, as []*schema.Action) error {
	to, err := openOrders(ctx, cfg)
	if err != nil {
		return err
	}
	defer to.close()
	ids := map[string][]string{}
	var tenants []string
	for _, a := range as {
		if ids[a.Tenant] == nil {
			tenants = append(tenants, a.Tenant)
		}
		ids[a.Tenant] = append(ids[a.Tenant], a.EntryID())
	}
	for _, tenant := range tenants {
		c, err := o.command(p, verb, tenant)
		if err != nil {
			return err
		}
		c.Actions = ids[tenant]
		if err := to.give(ctx, p, c, fmt.Sprintf("%s %s%s", verb, counted(len(c.Actions), "action"), ofTenant(tenant)), o.Wait); err != nil {
			return err
		}
	}
	return nil
}

// ofTenant names a tenant where there is one to name.
func ofTenant(tenant string) string {
	if tenant == "" {
		return ""
	}
	return " of tenant " + string(schema.CleanText(tenant, 100))
}
