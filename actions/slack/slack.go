package slack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/slack-go/slack"
)

const (
	callTime  = 10 * time.Second
	maxAnswer = 4 << 20 // a page of history holds 100 messages of 50 blocks at most
)

// Slack sends messages to one channel and keeps cards up to date. It is safe for concurrent use; messages go out one at a time.
type Slack struct {
	cfg     Config
	api     *slack.Client
	now     func() time.Time
	pace    *pace
	seal    *sealer
	members *members

	mu      sync.Mutex
	channel string // becomes the id once Slack has told it
}

// New returns a Slack that has connected to nothing yet.
func New(cfg Config, token Token, now func() time.Time) (*Slack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Channel == "" || token.secret == "" {
		return nil, errors.New("actions.slack: channel and token are needed")
	}
	api := slack.New(token.secret, apiOptions(cfg, &http.Client{Timeout: callTime, Transport: transport()})...)
	return &Slack{cfg: cfg, api: api, now: now, pace: newPace(now), seal: newSealer(token.secret), members: newMembers(api, cfg.UserGroup, now),
		channel: cfg.Channel}, nil
}

func apiOptions(cfg Config, client *http.Client) []slack.Option {
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	opts := []slack.Option{slack.OptionHTTPClient(client)}
	if cfg.APIURL != "" {
		opts = append(opts, slack.OptionAPIURL(strings.TrimSuffix(cfg.APIURL, "/")+"/"))
	}
	return opts
}

// transport is Slack's own: no proxy from the environment, TLS 1.2 or newer, answers bounded.
func transport() http.RoundTripper {
	return capped{&http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: callTime, ResponseHeaderTimeout: callTime}}
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

// Alert sends one message, at Slack's pace, into the thread that the alert names, if any. Where it may have been sent before, it is
// looked for first, by its metadata.
func (s *Slack) Alert(ctx context.Context, a *actions.Alert) actions.Result {
	if res, ok := s.pace.take(ctx); !ok {
		return res
	}
	defer s.pace.give()
	m, thread := render(a), a.Thread
	if a.Uncertain {
		at, err := s.find(ctx, thread, m)
		if gone(err) { // with its thread; it may stand by itself by now
			thread = actions.Message{}
			at, err = s.find(ctx, thread, m)
		}
		switch {
		case at.TS != "":
			return actions.Result{Class: actions.Done, Detail: "found"}
		case err != nil && !unreadable(err):
			return result(err)
		}
	}
	_, res := s.post(ctx, m, thread)
	return res
}

// post sends a message, in the thread of another one if that is given; the caller has the turn.
func (s *Slack) post(ctx context.Context, m *message, thread actions.Message) (actions.Message, actions.Result) {
	if res, ok := s.pace.wait(ctx); !ok {
		return actions.Message{}, res
	}
	opts, channel := m.options(), thread.Channel
	if thread.TS != "" {
		opts = append(opts, slack.MsgOptionTS(thread.TS))
	}
	if channel == "" {
		channel = s.where()
	}
	id, ts, err := s.api.PostMessageContext(ctx, channel, opts...)
	res := s.told(ts, err, "sent")
	if gone(err) && thread.TS != "" {
		return s.post(ctx, m, actions.Message{}) // the card was deleted: the details stand by themselves
	}
	if res.Class != actions.Done {
		return actions.Message{}, res
	}
	if id != "" && thread.Channel == "" {
		s.mu.Lock()
		s.channel = id
		s.mu.Unlock()
	}
	return actions.Message{Channel: id, TS: ts}, res
}

// told is the result of a message that was tried. An answer without a timestamp is none: slack-go takes {} for success.
func (s *Slack) told(ts string, err error, detail string) actions.Result {
	res := actions.Result{Class: actions.Done, Detail: detail}
	switch {
	case err != nil:
		res = result(err)
	case ts == "":
		res = actions.Result{Class: actions.Again, Detail: "an answer without a timestamp"}
	}
	s.pace.sent(res)
	return res
}

func (s *Slack) where() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channel
}

// Check asks Slack whose token it is and, where there are buttons, who may press them, for doctor.
func (s *Slack) Check(ctx context.Context) error {
	if _, err := s.api.AuthTestContext(ctx); err != nil {
		return fmt.Errorf("slack auth.test: %s", result(err).Detail)
	}
	if s.cfg.clickable() {
		if _, err := s.members.list(ctx); err != nil {
			return fmt.Errorf("slack usergroups.users.list: %s", result(err).Detail)
		}
	}
	return nil
}
