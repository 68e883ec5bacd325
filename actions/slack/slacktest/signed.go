package slacktest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignedRequest is an interactivity request as Slack sends it, signed at a time with a secret.
func (s *Server) SignedRequest(ctx context.Context, target string, p Press, secret string, at time.Time) (*http.Request, error) {
	body := url.Values{"payload": {string(s.Payload(p))}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	Sign(req.Header, secret, at, body)
	return req, nil
}

// Sign sets the headers of a signed request (docs.slack.dev, authentication/verifying-requests-from-slack).
func Sign(h http.Header, secret string, at time.Time, body string) {
	ts := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("v0:" + ts + ":" + body))
	h.Set("X-Slack-Request-Timestamp", ts)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(m.Sum(nil)))
}
