package revoke

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// maxAnswer is how much of an answer is read, so that its connection can serve the next call.
const maxAnswer = 64 << 10

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
	dialer := &net.Dialer{Timeout: cfg.Timeout, Control: control(cfg.AllowPrivate)}
	return &Webhook{cfg: cfg, secrets: secrets, now: now, client: &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext, // Proxy stays nil: none from the environment
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxAnswer,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    cfg.Timeout,
		},
	}}, nil
}

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
	resp, err := w.client.Do(req)
	if err != nil {
		return failure(err)
	}
	defer func() { _ = resp.Body.Close() }()          // the status has been read: nothing that follows changes the outcome
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // likewise
	return answer(resp.StatusCode, resp.Header.Get("Retry-After"), now)
}

// Close gives idle connections up.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }
