package revoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/schema"
)

// Webhook sends actions to one receiver. It is safe for concurrent use.
type Webhook struct {
	cfg     Config
	secrets []Secret
	now     func() time.Time
	client  *http.Client
}

// New returns a Webhook that has connected to nothing yet.
func New(cfg Config, secrets []Secret, now func() time.Time) (*Webhook, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.URL == "" || len(secrets) == 0 {
		return nil, errors.New("actions.revoke: url and secret are needed")
	}
	client, err := outbound.Client(cfg.outbound())
	if err != nil {
		return nil, fmt.Errorf("actions.revoke: %w", err)
	}
	return &Webhook{cfg: cfg, secrets: secrets, now: now, client: client}, nil
}

// Format keeps the secrets out of whatever a Webhook is printed into.
func (w *Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "webhook") }

// Takes reports whether a message type exists for an action.
func (w *Webhook) Takes(d schema.Decision) bool { return types[d] != "" }

// Revoke makes one attempt at an action. After anything but Done the same action may be sent again: its id makes that harmless.
func (w *Webhook) Revoke(ctx context.Context, a *schema.Action) actions.Result {
	b, err := body(a)
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: err.Error()}
	}
	return w.post(ctx, a.ID, b)
}

// Test sends a message of type webhook.test, which revokes nothing.
func (w *Webhook) Test(ctx context.Context) actions.Result {
	at := w.now().UTC()
	id := "test_" + strconv.FormatInt(at.UnixNano(), 36)
	return w.post(ctx, id, []byte(`{"type":"webhook.test","timestamp":"`+at.Format(time.RFC3339Nano)+`","data":{}}`))
}

func (w *Webhook) post(ctx context.Context, id string, body []byte) actions.Result {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "no request can be made of actions.revoke.url"}
	}
	now := w.now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "hijackd")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", signature(w.secrets, id, now, body))
	req.Header.Set("Idempotency-Key", id)
	reply, err := outbound.Do(w.client, req)
	if err != nil {
		return outbound.Failure(err)
	}
	return outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), now)
}

// Close gives idle connections up.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }
