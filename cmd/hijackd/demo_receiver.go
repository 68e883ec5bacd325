package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hijackd/hijackd/schema"
)

// receiver is what a user of hijackd would write: it verifies the signature and ends the session.
type receiver struct {
	secret   string
	verify   *standardwebhooks.Webhook
	server   *http.Server
	listener net.Listener
	tell     func(news)
	revoked  chan string // tokens
}

func newReceiver(ctx context.Context, tell func(news)) (*receiver, error) {
	r := &receiver{secret: newWebhookSecret(), tell: tell, revoked: make(chan string, 1024)}
	var err error
	if r.verify, err = standardwebhooks.NewWebhook(r.secret); err != nil {
		return nil, fmt.Errorf("webhook receiver: %w", err)
	}
	if r.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("webhook receiver: %w", err)
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = r.server.Serve(r.listener) }()
	return r, nil
}

func (r *receiver) url() string  { return "http://" + r.listener.Addr().String() + "/revoke" }
func (r *receiver) close() error { return r.server.Close() }

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 20_000))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err := r.verify.Verify(body, req.Header); err != nil {
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	n := revoked{id: req.Header.Get("webhook-id"), at: at}
	var message struct {
		Type string `json:"type"`
		Data struct {
			Token    string           `json:"token"`
			Session  string           `json:"session"`
			User     string           `json:"user"`
			Reason   string           `json:"reason"`
			Findings []schema.Finding `json:"findings"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &message); err != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	n.token, n.session, n.user, n.reason = message.Data.Token, message.Data.Session, message.Data.User, message.Data.Reason
	for _, f := range message.Data.Findings {
		n.findings = append(n.findings, f.ID)
		n.completed = later(n.completed, f.Time)
	}
	w.WriteHeader(http.StatusNoContent)
	r.revoked <- n.token
	r.tell(n)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
