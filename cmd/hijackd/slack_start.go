package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/hijackd/hijackd/actions/slack"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
)

// startSlack turns clicks on the cards into orders: those of Socket Mode from now on; those that come by HTTP where the result is mounted
// (slack.InteractivityPath). It is nil where there is no Slack with a bot token.
func startSlack(s *slack.Slack, out *publisher, log *slog.Logger, later func(func(context.Context) error)) *slack.Clicks {
	if s == nil {
		return nil
	}
	clicks := s.Clicks(out.order, log)
	background(later, clicks.Run)
	return clicks
}

// order publishes a person's command to the response lane of its tenant; nil means that it is there for good.
func (p *publisher) order(ctx context.Context, c *schema.Command) error {
	r, err := p.signal(c.Tenant, schema.Signal{Command: c})
	if err != nil {
		return err
	}
	if err := p.publish(ctx, []lane.Outgoing{r}); err != nil {
		return fmt.Errorf("publish the order: %w", err)
	}
	return nil
}
