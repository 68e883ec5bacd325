package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
)

// PagerDuty sends alerts to one integration. It is safe for concurrent use.
type PagerDuty struct {
	cfg    Config
	now    func() time.Time
	client *http.Client
}

// New returns a PagerDuty that has connected to nothing yet.
func New(cfg Config, now func() time.Time) (*PagerDuty, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.RoutingKey == "" {
		return nil, errors.New("actions.pagerduty: the routing key is needed")
	}
	client, err := outbound.Client(cfg.outbound())
	if err != nil {
		return nil, fmt.Errorf("actions.pagerduty: %w", err)
	}
	return &PagerDuty{cfg: cfg, now: now, client: client}, nil
}

// Format keeps the routing key out of whatever a PagerDuty is printed into.
func (p *PagerDuty) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pagerduty") }

// Alert makes one attempt. The event's key makes a second one harmless. Weaker findings than configured and digests wake nobody.
func (p *PagerDuty) Alert(ctx context.Context, a *actions.Alert) actions.Result {
	if a.Finding != nil && !a.Finding.Severity.AtLeast(p.cfg.Least) {
		return actions.Result{Class: actions.Done, Detail: "below severity"}
	}
	if a.Digest != nil {
		return actions.Result{Class: actions.Done, Detail: "no digests"}
	}
	b, err := json.Marshal(trigger(p.cfg.RoutingKey, a))
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "the event can't be encoded"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(p.cfg.URL, "/")+"/v2/enqueue", bytes.NewReader(b))
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "no request can be made of actions.pagerduty.url"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hijackd")
	reply, err := outbound.Do(p.client, req)
	if err != nil {
		return outbound.Failure(err)
	}
	return outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), p.now())
}

// Close gives idle connections up.
func (p *PagerDuty) Close() { p.client.CloseIdleConnections() }
