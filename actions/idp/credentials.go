package idp

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
)

// credentials authorise a call.
type credentials interface {
	// header is the value of Authorization, empty for none, and whether it was at hand: one that was may be too old. A Result is why
	// there is none.
	header(ctx context.Context) (value string, cached bool, failed *actions.Result)
	// refuse forgets a value that was answered with 401.
	refuse(value string)
}

// staticToken is a value that only a person can replace.
type staticToken string

func (s staticToken) header(context.Context) (string, bool, *actions.Result) {
	return string(s), false, nil
}
func (staticToken) refuse(string) {}

// issuer makes the credentials of the configured client at a token endpoint; form is what it wants to know beyond the client.
type issuer func(endpoint string, form url.Values) credentials

// clientCredentials fetches a token (RFC 6749, 4.4) and keeps it until shortly before it expires. One call fetches, the others wait for it.
type clientCredentials struct {
	fetch func(context.Context) (answer []byte, failed *actions.Result)
	now   func() time.Time

	turn  chan struct{} // of capacity 1: held by whoever reads or writes what follows, and through a fetch
	value string
	until time.Time
}

const (
	tokenMargin = time.Minute    // before its end a token is not used any more, or a quarter of its life where that is less
	tokenMost   = 24 * time.Hour // the longest that a token is kept, whatever it says
)

func (c *clientCredentials) header(ctx context.Context) (string, bool, *actions.Result) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return "", false, &actions.Result{Class: actions.Again, Detail: "timeout while waiting for a token"}
	}
	asked := c.now()
	if c.value != "" && asked.Before(c.until) {
		return c.value, true, nil
	}
	c.value = ""
	body, failed := c.fetch(ctx)
	if failed != nil {
		failed.Detail = "token endpoint: " + failed.Detail
		return "", false, failed
	}
	var answer struct {
		Token string      `json:"access_token"`
		Type  string      `json:"token_type"`
		Life  json.Number `json:"expires_in"` // seconds; some write it in quotes
	}
	if json.Unmarshal(body, &answer) != nil || answer.Token == "" || !printable(answer.Token) || !strings.EqualFold(answer.Type, "Bearer") {
		return "", false, &actions.Result{Class: actions.Refused, Detail: "token endpoint: the answer holds no bearer token"}
	}
	seconds, _ := answer.Life.Float64() // none said, or nonsense: 0, good for this call alone
	life := time.Duration(max(0, min(seconds, tokenMost.Seconds()))) * time.Second
	c.value, c.until = "Bearer "+answer.Token, asked.Add(life-min(tokenMargin, life/4))
	return c.value, false, nil
}

func (c *clientCredentials) refuse(value string) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if c.value == value { // another call may have a newer one
		c.value = ""
	}
}

// oauth is the issuer of the configured client.
func (p *Preset) oauth(endpoint string, form url.Values) credentials {
	form = maps.Clone(form)
	form.Set("grant_type", "client_credentials")
	form.Set("client_id", p.cfg.ClientID)
	form.Set("client_secret", p.cfg.Secret)
	body := form.Encode()
	return &clientCredentials{now: p.now, turn: make(chan struct{}, 1), fetch: func(ctx context.Context) ([]byte, *actions.Result) {
		reply, failed := p.send(ctx, http.MethodPost, endpoint, "application/x-www-form-urlencoded", body, "")
		if failed != nil {
			return nil, failed
		}
		res := outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), p.now())
		res.RetryAfter = p.wait(reply, res)
		switch {
		case reply.Status == http.StatusOK && reply.Cut:
			res = actions.Result{Class: actions.Again, Detail: "the answer broke off"}
		case reply.Status == http.StatusOK:
			return reply.Body, nil
		case reply.Status == http.StatusBadRequest, reply.Status == http.StatusUnauthorized, reply.Status == http.StatusForbidden:
			res.Detail += ": the client's id or secret is not accepted"
		case res.Class == actions.Done:
			res.Class = actions.Refused
		}
		return nil, &res
	}}
}
