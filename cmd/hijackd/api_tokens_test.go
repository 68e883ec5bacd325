package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// storedList is ClickHouse with some tokens, or away.
type storedList struct {
	tokens map[string]store.Token
	fail   error
	asked  int
}

func (l *storedList) Tokens(_ context.Context, tenant *string, tokens []string, each func(*store.Token)) error {
	l.asked++
	if l.fail != nil {
		return l.fail
	}
	for _, name := range tokens {
		if t, ok := l.tokens[name]; ok && t.Tenant == *tenant {
			each(&t)
		}
	}
	return nil
}

func revocationRecord(t *testing.T, v revocation) *schema.Record {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return &schema.Record{Key: []byte(v.Token), Value: b}
}

var statusNow = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func statusOf(t *testing.T, l *storedList, most int, revoked ...revocation) *tokenStatus {
	t.Helper()
	r := newRevokedTokens(most)
	for _, v := range revoked {
		r.add(revocationRecord(t, v))
	}
	r.heard = []time.Time{statusNow, statusNow}
	return &tokenStatus{bearer: apiToken, revoked: r, stored: l, now: func() time.Time { return statusNow }, asking: make(chan struct{}, storedAtOnce)}
}

func ask(t *testing.T, s *tokenStatus, token, query string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /v1/tokens/{fingerprint}", s)
	r := httptest.NewRequest(http.MethodGet, "/v1/tokens/"+url.PathEscape(token)+query, nil)
	r.Header.Set("Authorization", "Bearer "+apiToken)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestTokenStates(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 3, 0, time.UTC)
	l := &storedList{tokens: map[string]store.Token{
		"id:active": {State: "active"}, "id:other": {Tenant: "acme", State: "active"}, "id:rotated": {State: "rotated"}, "id:ended": {State: "ended"},
		"id:idp": {State: "revoked"}, "id:expired": {State: "active", ExpiresAt: statusNow.Add(-time.Hour)}, "id:revoked": {State: "active"},
	}}
	s := statusOf(t, l, 100,
		revocation{Token: "id:revoked", Reason: "impossible-travel", ActionID: "act_1", RevokedAt: at},
		revocation{Token: "id:a/b c", Tenant: "acme", Reason: "replay", ActionID: "act_2", RevokedAt: at})
	for _, c := range []struct{ token, query, want string }{
		{"id:revoked", "", `{"token":"id:revoked","state":"revoked","at":"2026-11-21T09:00:03Z","why":"impossible-travel","action_id":"act_1"}`},
		{"id:a/b c", "?tenant=acme", `{"token":"id:a/b c","state":"revoked","at":"2026-11-21T09:00:03Z","why":"replay","action_id":"act_2"}`},
		{"id:a/b c", "", `{"token":"id:a/b c","state":"unknown"}`},
		{"id:active", "", `{"token":"id:active","state":"active"}`},
		{"id:other", "?tenant=acme", `{"token":"id:other","state":"active"}`},
		{"id:other", "", `{"token":"id:other","state":"unknown"}`},
		{"id:rotated", "", `{"token":"id:rotated","state":"ended","why":"rotated"}`},
		{"id:ended", "", `{"token":"id:ended","state":"ended"}`},
		{"id:idp", "", `{"token":"id:idp","state":"revoked"}`},
		{"id:expired", "", `{"token":"id:expired","state":"ended","at":"2026-11-21T09:00:00Z","why":"expired"}`},
		{"id:nobody", "", `{"token":"id:nobody","state":"unknown"}`},
	} {
		if status, got := ask(t, s, c.token, c.query); status != 200 || got != c.want {
			t.Errorf("%s%s: %d %s, want %s", c.token, c.query, status, got, c.want)
		}
	}
}

func TestClickHouseAwayChangesNothingOfWhatIsRevoked(t *testing.T) {
	l := &storedList{fail: errors.New("away")}
	s := statusOf(t, l, 100, revocation{Token: "id:revoked", Reason: "r", ActionID: "act_1", RevokedAt: statusNow})
	for range 3 {
		if _, got := ask(t, s, "id:revoked", ""); !strings.Contains(got, `"revoked"`) {
			t.Error(got)
		}
		if _, got := ask(t, s, "id:x", ""); got != `{"token":"id:x","state":"not_revoked"}` {
			t.Error(got)
		}
	}
	if l.asked != 1 {
		t.Errorf("ClickHouse was asked %d times within its pause", l.asked)
	}
	now := statusNow.Add(storedPause)
	s.now = func() time.Time { return now }
	l.fail, l.tokens = nil, map[string]store.Token{"id:x": {State: "active"}}
	if _, got := ask(t, s, "id:x", ""); !strings.Contains(got, tokenActive) {
		t.Error("it is back: " + got)
	}
	for range storedAtOnce {
		s.asking <- struct{}{}
	}
	if _, got := ask(t, s, "id:x", ""); !strings.Contains(got, tokenNotRevoked) {
		t.Error("too many ask it: " + got)
	}
}

func TestWhatCanNotBeSaidIsNotSaid(t *testing.T) {
	s := statusOf(t, &storedList{fail: errors.New("away")}, 2)
	for i := range 5 {
		s.revoked.add(revocationRecord(t, revocation{Token: "id:" + strconv.Itoa(i), RevokedAt: statusNow}))
	}
	if _, got := ask(t, s, "id:0", ""); !strings.Contains(got, tokenUnknown) {
		t.Error("forgotten, and " + got)
	}
	if _, got := ask(t, s, "id:4", ""); !strings.Contains(got, tokenRevoked) {
		t.Error(got)
	}
	s.revoked.heard[1] = time.Time{}
	if status, got := ask(t, s, "id:x", ""); status != http.StatusServiceUnavailable {
		t.Errorf("before the topic is read: %d %s", status, got)
	}
	if status, _ := ask(t, s, "id:4", ""); status != 200 {
		t.Error("what is known to be revoked needs no more")
	}
	s.revoked.heard[1] = statusNow.Add(-time.Minute)
	if status, got := ask(t, s, "id:x", ""); status != http.StatusServiceUnavailable {
		t.Errorf("kafka is away: %d %s", status, got)
	}
}

func TestWhoMayAskAndWhat(t *testing.T) {
	s := statusOf(t, new(storedList), 10)
	for _, c := range []struct {
		token, query, authorization string
		status                      int
	}{
		{"id:x", "", "Bearer " + apiToken, 200}, {"id:x", "", "bearer " + apiToken, 200},
		{"id:x", "", "", 401}, {"id:x", "", "Bearer ", 401}, {"id:x", "", "Bearer x" + apiToken, 401}, {"id:x", "", "Basic " + apiToken, 401},
		{"raw-token", "", "", 401}, {"raw-token", "", "Bearer " + apiToken, 400}, {"id:" + strings.Repeat("x", 129), "", "Bearer " + apiToken, 400},
		{"id:x", "?tenant=a&tenant=b", "Bearer " + apiToken, 400}, {"id:x", "?tenant=" + strings.Repeat("x", 257), "Bearer " + apiToken, 400},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/tokens/x"+c.query, nil)
		r.SetPathValue("fingerprint", c.token)
		r.Header.Set("Authorization", c.authorization)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != c.status || (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%s%s as %q: %d", c.token, c.query, c.authorization, w.Code)
		}
	}
}

func TestRevokedTokensStayBounded(t *testing.T) {
	const most = 100
	r := newRevokedTokens(most)
	for i := range 10 * most {
		r.add(revocationRecord(t, revocation{Token: "id:" + strconv.Itoa(i), Reason: "reason " + strconv.Itoa(i%3), RevokedAt: statusNow}))
		if len(r.entries) > most || len(r.order)-r.head != len(r.entries) || len(r.order) > 2*most {
			t.Fatalf("after %d: %d entries, %d in order from %d", i, len(r.entries), len(r.order), r.head)
		}
	}
	for i := range 10 * most {
		if _, ok := r.find("", "id:"+strconv.Itoa(i)); ok != (i >= 9*most) {
			t.Errorf("token %d: %v", i, ok)
		}
	}
	if r.dropped != 9*most || len(r.seen) != 3 {
		t.Errorf("%d dropped, %d reasons", r.dropped, len(r.seen))
	}
	r.add(&schema.Record{Value: []byte("x")})
	r.add(&schema.Record{})
	r.add(&schema.Record{Broken: "crc"})
	r.add(revocationRecord(t, revocation{Token: "id:999", Reason: "later", RevokedAt: statusNow.Add(time.Hour)}))
	r.add(revocationRecord(t, revocation{Token: "id:999", Reason: "earlier, read again", RevokedAt: statusNow}))
	if got, _ := r.find("", "id:999"); got.why != "later" || len(r.entries) != most {
		t.Errorf("%+v", got)
	}
}

// TestRevocationsAreFollowed reads what publisher.Revoked writes: what was there, and what comes.
func TestRevocationsAreFollowed(t *testing.T) {
	client, tops := kafkaTopics(t)
	p := &publisher{client: client, topics: tops}
	revoke := func(n int) {
		t.Helper()
		a := &schema.Action{ID: "act_" + strconv.Itoa(n), Action: schema.RevokeSession, Tenant: "acme", Token: "id:" + strconv.Itoa(n), Reason: "replay", FinishedAt: statusNow}
		if err := p.Revoked(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 {
		revoke(n)
	}
	r := newRevokedTokens(maxRevoked)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		r.follow(ctx, client, tops.revocations, tops.revokedPartitions, slog.New(slog.DiscardHandler))
		close(done)
	}()
	await(t, "the topic's end", func() bool { return r.current(time.Now()) })
	for n := range 20 {
		if got, ok := r.find("acme", "id:"+strconv.Itoa(n)); !ok || got.action != "act_"+strconv.Itoa(n) || got.why != "replay" || got.at != statusNow.UnixNano() {
			t.Errorf("token %d: %+v, %v", n, got, ok)
		}
	}
	revoke(20)
	await(t, "one more", func() bool { _, ok := r.find("acme", "id:20"); return ok })
	cancel()
	<-done
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
