package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/idp"
	"github.com/hijackd/hijackd/actions/revoke"
	"github.com/hijackd/hijackd/schema"
)

// namedRevoker is a configured destination.
type namedRevoker struct {
	Name string
	actions.Revoker
	// Takes says which actions it can carry out.
	Takes func(schema.Decision) bool
	// Check calls it without effect, to see that it answers and accepts the credentials.
	Check func(context.Context) actions.Result
}

// presets are the destinations that the configuration names, in a fixed order: the webhook, then the identity providers.
func presets(cfg *Config) ([]namedRevoker, error) {
	var all []namedRevoker
	if cfg.Revoke.URL != "" {
		secrets, err := revoke.ParseSecrets(cfg.Revoke.Secret.Reveal())
		if err != nil {
			return nil, fmt.Errorf("actions.revoke.secret_file: %w", err)
		}
		w, err := revoke.New(cfg.revoke(), secrets, time.Now)
		if err != nil {
			return nil, err
		}
		all = append(all, namedRevoker{"webhook", w, w.Takes, w.Test})
	}
	for i, name := range idp.Names() {
		c := cfg.idp(i)
		if !c.InUse(name) {
			continue
		}
		p, err := idp.New(name, c, time.Now)
		if err != nil {
			return nil, err
		}
		all = append(all, namedRevoker{name, p, p.Takes, p.Check})
	}
	return all, nil
}
