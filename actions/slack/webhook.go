package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/slack-go/slack"
)

// Webhook sends to a Slack incoming webhook, which needs no bot token and can do less: a message is neither updated nor looked for, so
// one whose sending was interrupted may come twice, and it has no buttons and no thread. Each message says so.
type Webhook struct {
	url    string
	client *http.Client
	now    func() time.Time
	pace   *pace
}

// reduced is what a webhook's messages say about themselves.
const reduced = "sent through an incoming webhook: not updated, no buttons"

// NewWebhook returns a Webhook that has connected to nothing yet.
func NewWebhook(cfg Config, now func() time.Time) (*Webhook, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.WebhookURL == "" {
		return nil, errors.New("actions.slack.webhook_url_file: missing")
	}
	client, err := outbound.Client(outbound.Config{Timeout: callTime, AllowPrivate: true}) // the operator's own URL: a gateway may be in front of Slack
	if err != nil {
		return nil, err
	}
	return &Webhook{url: cfg.WebhookURL, client: client, now: now, pace: newPace(now)}, nil
}

// Alert sends one message, at Slack's pace.
func (w *Webhook) Alert(ctx context.Context, a *actions.Alert) actions.Result {
	if res, ok := w.pace.take(ctx); !ok {
		return res
	}
	defer w.pace.give()
	if res, ok := w.pace.wait(ctx); !ok {
		return res
	}
	m := render(a)
	body, err := json.Marshal(map[string]any{
		"text": m.fallback, "blocks": append(m.blocks, slack.NewContextBlock("", plain(reduced))),
		"mrkdwn": false, "unfurl_links": false, "unfurl_media": false,
	})
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "the message can't be encoded"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return actions.Result{Class: actions.Refused, Detail: "the webhook's URL can't be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	reply, err := outbound.Do(w.client, req)
	var res actions.Result
	if err != nil {
		res = outbound.Failure(err)
	} else {
		res = outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), w.now())
		if res.Class == actions.Refused && reply.Status != http.StatusBadRequest {
			res.Class = actions.Again // a removed webhook or an archived channel (403, 404, 410): a person can mend it while the message waits
		}
	}
	w.pace.sent(res)
	return res
}
