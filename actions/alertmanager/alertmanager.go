package alertmanager

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

// Alertmanager sends alerts to one Alertmanager. It is safe for concurrent use.
type Alertmanager struct {
	cfg    Config
	now    func() time.Time
	client *http.Client
}

// New returns an Alertmanager that has connected to nothing yet.
func New(cfg Config, now func() time.Time) (*Alertmanager, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.URL == "" {
		return nil, errors.New("actions.alertmanager: url is needed")
	}
	client, err := outbound.Client(cfg.outbound())
	if err != nil {
		return nil, fmt.Errorf("actions.alertmanager: %w", err)
	}
	return &Alertmanager{cfg: cfg, now: now, client: client}, nil
}

// Format keeps the URL, which may hold a password, out of whatever an Alertmanager is printed into.
func (m *Alertmanager) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "alertmanager") }

// Alert makes one attempt. Sent again, it is the same alert, that fires longer. Weaker findings than configured and digests are left out.
func (m *Alertmanager) Alert(ctx context.Context, a *actions.Alert) actions.Result {
	if a.Finding != nil && !a.Finding.Severity.AtLeast(m.cfg.Least) {
		return actions.Result{Class: actions.Done, Detail: "below severity"}
	}
	if a.Digest != nil {
		return actions.Result{Class: actions.Done, Detail: "no digests"}
	}
	now := m.now()
	b, err := json.Marshal([]alert{render(&m.cfg, a, now)})
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "the alert can't be encoded"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(m.cfg.URL, "/")+"/api/v2/alerts", bytes.NewReader(b))
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "no request can be made of actions.alertmanager.url"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hijackd")
	reply, err := outbound.Do(m.client, req)
	if err != nil {
		return outbound.Failure(err)
	}
	return outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), now)
}

// Test asks Alertmanager for its status, which alerts nobody.
func (m *Alertmanager) Test(ctx context.Context) actions.Result {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(m.cfg.URL, "/")+"/api/v2/status", nil)
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "no request can be made of actions.alertmanager.url"}
	}
	reply, err := outbound.Do(m.client, req)
	if err != nil {
		return outbound.Failure(err)
	}
	return outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), m.now())
}

// Close gives idle connections up.
func (m *Alertmanager) Close() { m.client.CloseIdleConnections() }
