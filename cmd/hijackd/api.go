package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/actions/outbound"
	"github.com/hijackd/hijackd/actions/slack"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/receive"
)

// apiParts is what the API is made of.
type apiParts struct {
	client    *broker.Client
	publisher *publisher
	store     storedTokens
	registry  prometheus.Registerer
	log       *slog.Logger
	outlets   *outlets
	clicks    *slack.Clicks // nil where no clicks come by HTTP
}

// startAPI serves what other systems call: pushed revocations, back-channel logout, the state of a token, hijackd's public keys. Only what
// is configured is there; with an empty address nothing listens. It is stopped by later, before what it uses.
func startAPI(ctx context.Context, cfg *Config, p apiParts, later func(func(context.Context) error)) error {
	if cfg.API.Listen == "" {
		return nil
	}
	mux, err := apiRoutes(cfg, p, later) //nolint:contextcheck // what it starts ends after the server, not with ctx
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.API.Listen)
	if err != nil {
		return fmt.Errorf("api.listen: %w", err)
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: stdlog.New(io.Discard, "", 0)} // it would hold clients' addresses
	go func() { _ = s.Serve(l) }()
	later(s.Shutdown)
	p.log.Info("api listens", slog.String("address", l.Addr().String()))
	return nil
}

func apiRoutes(cfg *Config, p apiParts, later func(func(context.Context) error)) (http.Handler, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hijackd_api_requests_total", Help: "Requests to the API, by route and status."},
		[]string{"route", "status"})
	p.registry.MustRegister(requests)
	a := &api{requests: requests, log: p.log, mux: http.NewServeMux()}
	if s := &cfg.API.CAEP; s.Issuer != "" {
		d, err := senderDeps(s, &cfg.API, p)
		if err != nil {
			return nil, fmt.Errorf("api.caep: %w", err)
		}
		a.handle("POST /v1/events", "events", receive.Events(s.receive(), d))
	}
	if s := &cfg.API.BackChannel; s.Issuer != "" {
		d, err := senderDeps(s, &cfg.API, p)
		if err != nil {
			return nil, fmt.Errorf("api.backchannel: %w", err)
		}
		a.handle("POST /v1/backchannel-logout", "backchannel-logout", receive.Logout(s.receive(), d))
	}
	if p.outlets != nil && p.outlets.caep != nil {
		a.handle("GET /.well-known/jwks.json", "jwks", p.outlets.caep)
	}
	if p.clicks != nil && cfg.Slack.SigningSecret.Set() {
		a.handle("POST "+slack.InteractivityPath, "slack-interactivity", p.clicks)
	}
	if cfg.API.Token.Set() {
		known := newRevokedTokens(maxRevoked)
		p.registry.MustRegister(known)
		t := p.publisher.topics
		background(later, func(ctx context.Context) { known.follow(ctx, p.client, t.revocations, t.revokedPartitions, p.log) })
		a.handle("GET /v1/tokens/{fingerprint}", "tokens", &tokenStatus{bearer: cfg.API.Token.line(), revoked: known, stored: p.store, now: time.Now, asking: make(chan struct{}, storedAtOnce)})
	}
	return a.mux, nil
}

func senderDeps(s *SenderConfig, cfg *APIConfig, p apiParts) (receive.Deps, error) {
	d := receive.Deps{Publish: p.publisher.Received, Now: time.Now, Log: p.log}
	if s.JWKSURL == "" {
		keys, err := receive.ParseKeys([]byte(s.JWKS.Reveal()))
		d.Keys = keys
		return d, err
	}
	client, err := outbound.Client(cfg.client())
	if err != nil {
		return d, err
	}
	d.Keys = receive.FetchKeys(s.JWKSURL, client, time.Now)
	return d, nil
}

// api counts its routes' answers and keeps a defect in one from saying more than 500.
type api struct {
	requests *prometheus.CounterVec
	log      *slog.Logger
	mux      *http.ServeMux
}

func (a *api) handle(pattern, route string, h http.Handler) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if recover() != nil { // its text may hold what was sent
				a.log.Error("an api handler panicked", slog.String("route", route))
				seen.WriteHeader(http.StatusInternalServerError)
			}
			a.requests.WithLabelValues(route, strconv.Itoa(seen.status)).Inc()
		}()
		seen.Header().Set("X-Content-Type-Options", "nosniff")
		h.ServeHTTP(seen, r)
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status  int
	written bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.written {
		w.status, w.written = status, true
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.written = true
	return w.ResponseWriter.Write(b)
}

// bearerIs compares a request's bearer token in time that tells nothing of it.
func bearerIs(r *http.Request, want string) bool {
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer") && want != ""
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who went away has no use for it
}
