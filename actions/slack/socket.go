package slack

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

const (
	// Connections that end soon are opened again more and more slowly; slack-go would spin.
	firstDelay = time.Second
	mostDelay  = time.Minute
	livedLong  = time.Minute
	// fatalDelay is the pause after an answer that only a person can mend: a wrong or revoked app token.
	fatalDelay = time.Minute
	// maxFrame bounds a message from Slack: a click brings the whole card along.
	maxFrame = 1 << 20
)

// Run takes clicks through Socket Mode until ctx ends. Without an app token, or where nobody may press buttons, it returns at once.
func (c *Clicks) Run(ctx context.Context) {
	cfg := c.slack.cfg
	if cfg.AppToken == "" || !cfg.clickable() {
		return
	}
	defer c.working.Wait()
	door := &door{next: transport(), now: c.slack.now, first: firstDelay}
	opts := append(apiOptions(cfg, &http.Client{Transport: door, Timeout: mostDelay + callTime}), slack.OptionAppLevelToken(cfg.AppToken))
	for ctx.Err() == nil {
		client := socketmode.New(slack.New("", opts...), socketmode.OptionDialer(dialer(cfg.APIURL)), socketmode.OptionReadLimit(maxFrame))
		session, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() { c.serve(session, client) })
		err := client.RunContext(session)
		cancel()
		wg.Wait()
		if ctx.Err() != nil {
			return
		}
		c.log.Error("slack refuses socket mode", slog.String("reason", result(err).Detail))
		select {
		case <-ctx.Done():
		case <-time.After(fatalDelay):
		}
	}
}

// dialer connects as everything else here does: no proxy from the environment, TLS 1.2 or newer, and in clear only to an API in clear.
func dialer(apiURL string) *websocket.Dialer {
	d := &websocket.Dialer{HandshakeTimeout: callTime, WriteBufferSize: 32 << 10, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if !strings.HasPrefix(apiURL, "http://") {
		over := &tls.Dialer{NetDialer: &net.Dialer{Timeout: callTime}, Config: d.TLSClientConfig}
		d.NetDialTLSContext = over.DialContext
		d.NetDialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("slack names a socket without TLS")
		}
	}
	return d
}

// serve handles what a connection brings. hello and disconnect carry a request, too, which must never be acknowledged: clicks alone are.
func (c *Clicks) serve(ctx context.Context, client *socketmode.Client) {
	for {
		var e socketmode.Event
		select {
		case e = <-client.Events:
		case <-ctx.Done():
			return
		}
		switch e.Type {
		case socketmode.EventTypeConnected:
			c.log.Info("slack socket mode is connected")
		case socketmode.EventTypeConnectionError:
			if f, ok := e.Data.(*slack.ConnectionErrorEvent); ok {
				c.log.Warn("slack socket mode is not connected", slog.String("reason", result(f.ErrorObj).Detail), slog.Duration("again_in", f.Backoff))
			}
		case socketmode.EventTypeErrorBadMessage:
			c.log.Warn("slack sent what is no envelope")
		case socketmode.EventTypeInteractive:
			cb, ok := e.Data.(slack.InteractionCallback)
			if !ok || e.Request == nil || e.Request.EnvelopeID == "" {
				continue
			}
			c.start(ctx, client, *e.Request, &cb)
		}
	}
}

// start handles a click beside others, if there is room.
func (c *Clicks) start(ctx context.Context, client *socketmode.Client, req socketmode.Request, cb *slack.InteractionCallback) {
	select {
	case c.slots <- struct{}{}:
	default:
		c.log.Warn("more clicks than can be looked at: slack will bring this one again")
		return
	}
	c.working.Go(func() {
		defer func() { <-c.slots }()
		a := c.take(ctx, cb)
		if a.ack {
			if err := client.AckCtx(ctx, req.EnvelopeID, nil); err != nil {
				c.log.Debug("a click was not acknowledged", slog.String("envelope", req.EnvelopeID))
			}
		}
		c.tell(ctx, cb, a.tell)
	})
}

// door spaces the openings of connections.
type door struct {
	next  http.RoundTripper
	now   func() time.Time
	first time.Duration

	mu    sync.Mutex
	last  time.Time
	delay time.Duration
}

// RoundTrip waits first if the last connection was opened a short while ago.
func (d *door) RoundTrip(req *http.Request) (*http.Response, error) {
	d.mu.Lock()
	if d.last.IsZero() || d.now().Sub(d.last) > livedLong {
		d.delay = 0
	} else {
		d.delay = min(mostDelay, max(d.first, 2*d.delay))
	}
	wait := d.delay/2 + time.Duration(float64(d.delay/2)*rand.Float64()) // #nosec G404 -- to spread, not to hide
	d.mu.Unlock()
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	d.mu.Lock()
	d.last = d.now()
	d.mu.Unlock()
	return d.next.RoundTrip(req)
}
