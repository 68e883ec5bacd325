package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hijackd/hijackd/actions"
)

// revokeTestCommand is `hijackd revoke test`: it calls every destination without effect.
type revokeTestCommand struct {
	configured
}

// Run sends webhook.test to the webhook, asks each identity provider to end a session that does not exist, and prints a line about each.
func (c revokeTestCommand) Run(ctx context.Context, p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	all, err := presets(cfg)
	if err != nil {
		return usageError{err}
	}
	if len(all) == 0 {
		return usageError{errors.New("no destination is configured: set actions.revoke.url or an identity provider's section")}
	}
	failed := 0
	for _, d := range all {
		res := d.Check(ctx)
		word := "ok"
		if res.Class != actions.Done {
			word = "failed"
			failed++
		}
		if _, err := fmt.Fprintf(p.stdout, "%-9s  %-6s  %s\n", d.Name, word, res.Detail); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d destinations failed", failed, len(all))
	}
	return nil
}
