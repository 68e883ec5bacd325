package slack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/slack-go/slack"
)

const (
	callTime  = 10 * time.Second
	maxAnswer = 4 << 20 // a page of history holds 100 messages of 50 blocks at most
	// interval is Slack's own pace: about one message per second and channel.
	interval  = time.Second
	eventType = "hijackd_finding"
	lookBack  = 25 * time.Hour // longer than an alert is tried
	lookPages = 10
)

// Slack sends alerts to one channel. It is safe for concurrent use; messages go out one at a time.
type Slack struct {
	api      *slack.Client
	now      func() time.Time
	interval time.Duration

	mu      sync.Mutex
	channel string // becomes the id once Slack has told it
	last    time.Time
}

// New returns a Slack that has connected to nothing yet.
func New(cfg Config, token Token, now func() time.Time) (*Slack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Channel == "" || token.secret == "" {
		return nil, errors.New("actions.slack: channel and token are needed")
	}
	opts := []slack.Option{slack.OptionHTTPClient(&http.Client{
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     capped{&http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}},
	})}
	if cfg.APIURL != "" {
		opts = append(opts, slack.OptionAPIURL(strings.TrimSuffix(cfg.APIURL, "/")+"/"))
	}
	return &Slack{api: slack.New(token.secret, opts...), channel: cfg.Channel, now: now, interval: interval}, nil
}

// capped bounds what is read of every answer.
type capped struct{ next http.RoundTripper }

func (c capped) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// Alert sends one message, at Slack's pace. Where it may have been sent before, it is looked for first, by its metadata.
func (s *Slack) Alert(ctx context.Context, a *actions.Alert) actions.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Uncertain {
		found, err := s.find(ctx, a.ID)
		switch {
		case found:
			return actions.Result{Class: actions.Done, Detail: "found"}
		case err != nil && !unreadable(err):
			return result(err)
		}
	}
	if wait := s.last.Add(s.interval).Sub(s.now()); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return actions.Result{Class: actions.Again, Detail: "stopped"}
		}
	}
	fallback, blocks := message(a)
	channel, _, err := s.api.PostMessageContext(ctx, s.channel,
		slack.MsgOptionText(fallback, false), // escaped already
		slack.MsgOptionBlocks(blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{"id": a.ID}}))
	s.last = s.now()
	if err != nil {
		return result(err)
	}
	if channel != "" {
		s.channel = channel
	}
	return actions.Result{Class: actions.Done, Detail: "sent"}
}

// Check asks Slack whose token it is, for doctor.
func (s *Slack) Check(ctx context.Context) error {
	if _, err := s.api.AuthTestContext(ctx); err != nil {
		return fmt.Errorf("slack auth.test: %s", result(err).Detail)
	}
	return nil
}

// find reports whether the channel holds the message of an alert.
func (s *Slack) find(ctx context.Context, id string) (bool, error) {
	p := slack.GetConversationHistoryParameters{
		ChannelID: s.channel, IncludeAllMetadata: true, Limit: 100,
		Oldest: strconv.FormatInt(s.now().Add(-lookBack).Unix(), 10),
	}
	for range lookPages {
		h, err := s.api.GetConversationHistoryContext(ctx, &p)
		if err != nil {
			return false, err
		}
		for _, m := range h.Messages {
			if m.Metadata.EventType == eventType && m.Metadata.EventPayload["id"] == id {
				return true, nil
			}
		}
		if p.Cursor = h.ResponseMetaData.NextCursor; p.Cursor == "" {
			return false, nil
		}
	}
	return false, nil
}
