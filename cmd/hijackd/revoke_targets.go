package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// tokenFacts is what ClickHouse knows of a token.
type tokenFacts = store.Token

// targetOf is a known token as an order names it. The lane is the one where the token's key belongs.
func targetOf(t *tokenFacts) tenantTarget {
	return tenantTarget{t.Tenant, schema.Target{Token: t.Token, User: t.User, Session: t.Session, Epoch: t.Epoch, Partition: -1}}
}

// targetsOf looks tokens up, so that the revocation names their user, session and life. Where nobody knows them they are ordered to be revoked
// all the same: a person says so.
func targetsOf(ctx context.Context, p *process, cfg *Config, verb schema.Verb, tokens []string, tenant *string) ([]tenantTarget, error) {
	known, err := lookUp(ctx, cfg, tokens, tenant)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		p.warn("the tokens' users, sessions and lives are not known: %v", err)
	}
	targets := make([]tenantTarget, 0, len(tokens))
	for _, token := range tokens {
		switch facts := known[token]; {
		case len(facts) > 1:
			return nil, usageError{fmt.Errorf("%s is a token of %d tenants: --tenant is needed", schema.CleanText(token, 200), len(facts))}
		case len(facts) == 1:
			if f := facts[0]; f.State == "revoked" && verb == schema.Revoke {
				p.warn("%s is revoked already; if that had no effect: hijackd revoke again", schema.CleanText(token, 200))
			}
			targets = append(targets, targetOf(facts[0]))
		default:
			if err == nil {
				p.warn("%s was never seen", schema.CleanText(token, 200))
			}
			t := tenantTarget{Target: schema.Target{Token: token, Partition: -1}}
			if tenant != nil {
				t.tenant = *tenant
			}
			targets = append(targets, t)
		}
	}
	if err != nil && tenant == nil && !errors.Is(err, errEmbedded) {
		p.warn("without --tenant they are taken for those of the tenant without a name")
	}
	return targets, nil
}

// lookUp asks ClickHouse for tokens, in all tenants or in one.
func lookUp(ctx context.Context, cfg *Config, tokens []string, tenant *string) (map[string][]*tokenFacts, error) {
	db, err := openServer(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // it was only read
	known := map[string][]*tokenFacts{}
	err = db.Tokens(ctx, tenant, tokens, func(t *tokenFacts) { known[t.Token] = append(known[t.Token], t) })
	return known, err
}
