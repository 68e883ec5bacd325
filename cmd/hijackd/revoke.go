package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

type revokeCommand struct {
	Tokens revokeTokensCommand `cmd:"" default:"withargs" help:"Revoke tokens by their fingerprints, or all live tokens of a user."`
	Again  revokeAgainCommand  `cmd:"" help:"Revoke tokens anew whose revocation had no effect: a new id, so that no receiver takes it for a repetition."`
	Retry  revokeRetryCommand  `cmd:"" help:"Reopen failed actions, under their ids."`
	Test   revokeTestCommand   `cmd:"" help:"Call every destination without effect, and say how it answers."`
}

type revokeTokensCommand struct {
	order
	Tokens []string `arg:"" optional:"" name:"TOKEN" help:"Fingerprints (h1:…, sha256:…, id:…). Never raw tokens: hijackd fingerprint reads those from standard input."`
	User   string   `placeholder:"USER" help:"All live tokens of this user that ClickHouse knows, instead of fingerprints."`
	Tenant *string  `placeholder:"TENANT" help:"The tenant of the tokens; else the one that ClickHouse knows them of."`
	Since  span     `default:"30d" placeholder:"TIME" help:"With --user: tokens that were seen so lately."`
	Yes    bool     `help:"With --user: don't ask."`
}

func (c revokeTokensCommand) Run(ctx context.Context, p *process) error {
	if (c.User == "") == (len(c.Tokens) == 0) {
		return usageError{errors.New("either fingerprints or --user")}
	}
	if c.User != "" {
		return c.revokeUser(ctx, p)
	}
	return c.orderTokens(ctx, p, schema.Revoke, c.Tokens, c.Tenant)
}

type revokeAgainCommand struct {
	order
	Tokens []string `arg:"" name:"TOKEN" help:"Fingerprints."`
	Tenant *string  `placeholder:"TENANT" help:"The tenant of the tokens; else the one that ClickHouse knows them of."`
}

func (c revokeAgainCommand) Run(ctx context.Context, p *process) error {
	return c.orderTokens(ctx, p, schema.Again, c.Tokens, c.Tenant)
}

type revokeRetryCommand struct {
	order
	IDs []string `arg:"" name:"ACTION-ID" help:"Ids of failed actions: at every destination where they failed, or at one (act_…@destination)."`
}

func (c revokeRetryCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if _, err := c.command(p, schema.Retry, ""); err != nil {
		return err
	}
	as, err := (&heldFilter{}).inState(ctx, p, cfg, schema.ActionFailed)
	if err != nil {
		return err
	}
	if as, err = named(as, c.IDs); err != nil {
		return err
	}
	return c.orderActions(ctx, p, cfg, schema.Retry, as)
}

// fingerprints brings fingerprints to their one spelling. It refuses anything else and quotes nothing of it, since it may be a raw token.
func fingerprints(args []string) ([]string, error) {
	tokens := make([]string, len(args))
	for i, arg := range args {
		form := []byte(strings.TrimSpace(arg))
		fingerprint.Canonical(form)
		if tokens[i] = string(form); !fingerprint.Valid(tokens[i]) {
			return nil, usageError{fmt.Errorf("token %d is not a fingerprint; if it is a raw token, your shell remembers it now: `hijackd fingerprint` reads one from standard input", i+1)}
		}
	}
	slices.Sort(tokens)
	return slices.Compact(tokens), nil
}

// orderTokens orders the revocation of tokens, a command for each tenant.
func (o order) orderTokens(ctx context.Context, p *process, verb schema.Verb, args []string, tenant *string) error {
	tokens, err := fingerprints(args)
	if err != nil {
		return err
	}
	cfg, err := o.load(p)
	if err != nil {
		return err
	}
	if _, err := o.command(p, verb, ""); err != nil {
		return err
	}
	targets, err := targetsOf(ctx, p, cfg, verb, tokens, tenant)
	if err != nil {
		return err
	}
	return o.orderTargets(ctx, p, cfg, verb, targets)
}

// tenantTarget is a target and whose it is.
type tenantTarget struct {
	tenant string
	schema.Target
}

func (o order) orderTargets(ctx context.Context, p *process, cfg *Config, verb schema.Verb, targets []tenantTarget) error {
	to, err := openOrders(ctx, cfg)
	if err != nil {
		return err
	}
	defer to.close()
	byTenant := map[string][]schema.Target{}
	var tenants []string
	for _, t := range targets {
		if byTenant[t.tenant] == nil {
			tenants = append(tenants, t.tenant)
		}
		byTenant[t.tenant] = append(byTenant[t.tenant], t.Target)
	}
	for _, tenant := range tenants {
		c, err := o.command(p, verb, tenant)
		if err != nil {
			return err
		}
		c.Targets = byTenant[tenant]
		what := "revoke"
		if verb == schema.Again {
			what = "revoke again"
		}
		if err := to.give(ctx, p, c, fmt.Sprintf("%s %s%s", what, counted(len(c.Targets), "token"), ofTenant(tenant)), o.Wait); err != nil {
			return err
		}
	}
	return nil
}

// maxOfUser bounds how many tokens one order about a user may name.
const maxOfUser = 1000

// revokeUser revokes the live tokens of a user that ClickHouse knows.
func (c *revokeTokensCommand) revokeUser(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	if _, err := c.command(p, schema.Revoke, ""); err != nil {
		return err
	}
	tenant := ""
	if c.Tenant != nil {
		tenant = *c.Tenant
	}
	db, err := openServer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the tokens of a user are looked up in ClickHouse: %w", err)
	}
	defer func() { _ = db.Close() }() // it was only read
	tokens, err := db.UserTokens(ctx, tenant, c.User, time.Now().Add(-time.Duration(c.Since)), maxOfUser+1)
	if err != nil {
		return err
	}
	if len(tokens) > maxOfUser {
		return fmt.Errorf("the user has more than %d tokens of that time: a shorter --since is needed", maxOfUser)
	}
	var live []tenantTarget
	rows := [][]string{{"TOKEN", "LAST USE (UTC)", "APPS", "SESSION"}}
	err = db.Tokens(ctx, &tenant, tokens, func(t *tokenFacts) {
		if t.Live(time.Now()) {
			live = append(live, targetOf(t))
			rows = append(rows, []string{t.Token, when(t.LastUse), strings.Join(t.Apps, ","), t.Session})
		}
	})
	if err != nil {
		return err
	}
	if len(live) == 0 {
		return errors.New("no live token of this user is known")
	}
	if err := p.table(rows); err != nil {
		return err
	}
	if err := p.agree(c.Yes, fmt.Sprintf("Revoke %s?", counted(len(live), "token"))); err != nil {
		return err
	}
	return c.orderTargets(ctx, p, cfg, schema.Revoke, live)
}
