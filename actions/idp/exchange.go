package idp

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/outbound"
)

// authorised makes a call, and again with a new token where one from memory is answered with 401.
func (p *Preset) authorised(ctx context.Context, c *call) actions.Result {
	for first := true; ; first = false {
		authorization, cached, failed := p.system.auth.header(ctx)
		if failed != nil {
			return *failed
		}
		reply, failed := p.send(ctx, c.method, p.system.base+c.path, "application/json", c.body, authorization)
		if failed != nil {
			return *failed
		}
		if reply.Status == http.StatusUnauthorized {
			p.system.auth.refuse(authorization)
			if cached && first {
				continue
			}
		}
		return p.judge(c, reply)
	}
}

// judge says what an answer means, from its status and what the system documents of its body.
func (p *Preset) judge(c *call, reply outbound.Reply) actions.Result {
	res := outbound.Answer(reply.Status, reply.Header.Get("Retry-After"), p.now())
	res.RetryAfter = p.wait(reply, res)
	switch {
	case slices.Contains(c.ok, reply.Status):
		if c.effect != nil && !c.effect(reply.Body) {
			res.Class, res.Detail = actions.Again, res.Detail+", and the answer does not say that it was done"
		}
	case res.Class == actions.Done:
		res.Class, res.Detail = actions.Refused, res.Detail+", which this call never answers: is "+p.section+".url right?"
	case reply.Status == http.StatusUnauthorized:
		res.Detail += ": the credentials are not accepted"
	case reply.Status == http.StatusForbidden:
		res.Detail += ": the credentials lack " + p.system.right
	case reply.Status == http.StatusNotFound && c.gone != nil && c.gone(reply.Body):
		res.Class, res.Detail = actions.Done, "404: no such session, or it has ended"
	case reply.Status == http.StatusNotFound && reply.Cut:
		res.Class, res.Detail = actions.Again, "404, and the answer broke off"
	case reply.Status == http.StatusNotFound:
		res.Detail += ": not there: a user that is unknown, or " + p.section + ".url is wrong"
	}
	return res
}

// wait is how long a system asks to be left alone.
func (p *Preset) wait(reply outbound.Reply, res actions.Result) time.Duration {
	if reply.Status == http.StatusTooManyRequests && res.RetryAfter == 0 && p.system.limit != nil {
		return p.system.limit(reply.Header, p.now())
	}
	return res.RetryAfter
}

// send makes one request; a Result is why there is no answer.
func (p *Preset) send(ctx context.Context, method, url, kind, body, authorization string) (outbound.Reply, *actions.Result) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil { // its text holds the URL
		return outbound.Reply{}, &actions.Result{Class: actions.Refused, Detail: "no request can be made of " + p.section + ".url"}
	}
	req.Header.Set("User-Agent", "hijackd")
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", kind)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	reply, err := outbound.Do(p.client, req)
	if err != nil {
		res := outbound.Failure(err)
		return outbound.Reply{}, &res
	}
	return reply, nil
}
