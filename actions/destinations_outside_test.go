package actions_test

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// A member is the outside of its own lane: what it is asked to do is a step at which it may end.

func (m *member) Append(_ context.Context, es []actions.Entry) error {
	m.at("before append")
	m.s.mu.Lock()
	for _, e := range es {
		m.s.wrote(e.Value)
	}
	m.s.mu.Unlock()
	m.at("after append")
	return nil
}

func (m *member) Read(_ context.Context, from int64, each func(int64, time.Time, []byte, []byte) error) (int64, error) {
	m.s.mu.Lock()
	ls := m.s.log[from:len(m.s.log):len(m.s.log)]
	m.s.mu.Unlock()
	for i, l := range ls {
		if err := each(from+int64(i), l.at, nil, l.value); err != nil {
			return from + int64(i), err
		}
	}
	return from + int64(len(ls)), nil
}

func (m *member) Revoke(ctx context.Context, a *schema.Action) actions.Result {
	m.at("before call")
	res := m.webhook.Revoke(ctx, a)
	m.at("after call")
	return m.mutated(ctx, res)
}

// mutated is what a mutant makes of an answer.
func (m *member) mutated(ctx context.Context, res actions.Result) actions.Result {
	switch {
	case m.s.mutant == "Retry-After ignored":
		res.RetryAfter = 0
	case m.s.mutant == "410 is tried again" && res.Detail == "410", m.s.mutant == "a redirect is tried again" && strings.HasPrefix(res.Detail, "30"):
		res.Class = actions.Again
	case m.s.mutant == "a timeout is success" && res.Detail == "timeout":
		res.Class = actions.Done
	case m.s.mutant == "a reset is success" && res.Detail == "connection reset":
		res.Class = actions.Done
	case m.s.mutant == "5xx is final" && strings.HasPrefix(res.Detail, "50"), m.s.mutant == "408 is final" && res.Detail == "408":
		res.Class = actions.Refused
	case m.s.mutant == "redirects followed" && strings.HasPrefix(res.Detail, "30"):
		c := http.Client{Transport: &http.Transport{DialContext: m.dial, DisableKeepAlives: true}, Timeout: time.Second}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://elsewhere.test/hook", http.NoBody)
		if err != nil {
			panic(err)
		}
		if resp, err := c.Do(req); err == nil {
			_ = resp.Body.Close()
		}
		res.Class = actions.Done
	}
	return res
}

func (m *member) Revoked(_ context.Context, a *schema.Action) error {
	m.at("before session.revoked")
	m.s.mu.Lock()
	m.s.published[a.ID]++
	m.s.mu.Unlock()
	m.at("after session.revoked")
	return nil
}

func (m *member) Announce(context.Context, []schema.Finding) error {
	m.at("before announce")
	return nil
}

func (m *member) InsertFindings(context.Context, []schema.Finding) error {
	m.at("before archive")
	return nil
}

func (m *member) InsertActions(_ context.Context, as []schema.Action) error {
	m.s.mu.Lock()
	for i := range as {
		m.s.archived[as[i].ID] = max(m.s.archived[as[i].ID], as[i].State)
	}
	m.s.mu.Unlock()
	m.at("after archive")
	return nil
}

func (m *member) InsertAudit(context.Context, []schema.Audit) error {
	m.at("after the audit trail")
	return nil
}

func (m *member) Alert(_ context.Context, a *actions.Alert) actions.Result {
	m.at("before message")
	m.s.mu.Lock()
	if !a.Uncertain || m.s.messages[a.ID] == 0 {
		m.s.messages[a.ID]++
	}
	m.s.mu.Unlock()
	m.at("after message")
	return actions.Result{Class: actions.Done}
}
