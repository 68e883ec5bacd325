package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/store"
)

// States of a token, as GET /v1/tokens answers.
const (
	tokenActive     = "active"
	tokenRevoked    = "revoked"
	tokenEnded      = "ended"
	tokenUnknown    = "unknown"     // nobody has seen it, or nobody can say now
	tokenNotRevoked = "not_revoked" // ClickHouse is away: it is on no list of revoked tokens, and no more is known
)

const (
	storedAtOnce  = 8               // look-ups in ClickHouse at a time, so that apps that ask can't slow what detection needs
	storedWithin  = time.Second     // what a look-up may take
	storedPause   = 5 * time.Second // after a failed one
	maxTenantName = 256
)

// storedTokens is what ClickHouse knows of tokens.
type storedTokens interface {
	Tokens(ctx context.Context, tenant *string, tokens []string, each func(*store.Token)) error
}

// tokenStatus answers what has become of a token. What hijackd revoked it knows from Kafka, so ClickHouse away changes nothing there.
type tokenStatus struct {
	bearer  string
	revoked *revokedTokens
	stored  storedTokens
	now     func() time.Time
	asking  chan struct{}
	paused  atomic.Int64 // until when ClickHouse is left alone, Unix nanoseconds
}

// tokenAnswer is the answer's body.
type tokenAnswer struct {
	Token    string    `json:"token"`
	State    string    `json:"state"`
	At       time.Time `json:"at,omitzero"`
	Why      string    `json:"why,omitempty"`
	ActionID string    `json:"action_id,omitempty"`
}

func (s *tokenStatus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	problem := func(status int, text string) { answerJSON(w, status, map[string]string{"error": text}) }
	if !bearerIs(r, s.bearer) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		problem(http.StatusUnauthorized, "a bearer token is needed")
		return
	}
	token, tenants := r.PathValue("fingerprint"), r.URL.Query()["tenant"]
	if !fingerprint.Valid(token) { // it may be a raw token, so nothing repeats it
		problem(http.StatusBadRequest, "not a fingerprint: h1:…, sha256:… or id:…")
		return
	}
	if len(tenants) > 1 || len(tenants) == 1 && len(tenants[0]) > maxTenantName {
		problem(http.StatusBadRequest, "want one tenant of at most 256 bytes")
		return
	}
	tenant := ""
	if len(tenants) == 1 {
		tenant = tenants[0]
	}
	if t, ok := s.revoked.find(tenant, token); ok {
		answerJSON(w, http.StatusOK, tokenAnswer{Token: token, State: tokenRevoked, At: time.Unix(0, t.at).UTC(), Why: t.why, ActionID: t.action})
		return
	}
	if !s.revoked.current(s.now()) {
		w.Header().Set("Retry-After", "1")
		problem(http.StatusServiceUnavailable, "the revocations are not read to their end")
		return
	}
	a := s.ask(r.Context(), tenant, token)
	a.Token = token
	answerJSON(w, http.StatusOK, a)
}

// ask looks a token up that is not known as revoked by hijackd.
func (s *tokenStatus) ask(ctx context.Context, tenant, token string) tokenAnswer {
	away := tokenAnswer{State: tokenNotRevoked}
	if s.revoked.forgot() {
		away.State = tokenUnknown
	}
	now := s.now()
	if now.UnixNano() < s.paused.Load() {
		return away
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		return away
	}
	ctx, cancel := context.WithTimeout(ctx, storedWithin)
	defer cancel()
	found := tokenAnswer{State: tokenUnknown}
	err := s.stored.Tokens(ctx, &tenant, []string{token}, func(t *store.Token) {
		switch {
		case t.State == "revoked":
			found = tokenAnswer{State: tokenRevoked} // who did it, and why, is not in the events
		case t.State == "rotated":
			found = tokenAnswer{State: tokenEnded, Why: "rotated"}
		case t.State == "ended":
			found = tokenAnswer{State: tokenEnded}
		case !t.Live(now):
			found = tokenAnswer{State: tokenEnded, At: t.ExpiresAt.UTC(), Why: "expired"}
		default:
			found = tokenAnswer{State: tokenActive}
		}
	})
	if err != nil {
		s.paused.Store(now.Add(storedPause).UnixNano())
		return away
	}
	return found
}
