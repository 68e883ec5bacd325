package actions

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	"github.com/prometheus/client_golang/prometheus"
)

// memory is a response log, an archive, a publisher, a revoker and an alerter that never fail.
type memory struct {
	mu        sync.Mutex
	log       []Entry
	times     []time.Time
	calls     []string
	revoked   []string
	announced []schema.Finding
	findings  []schema.Finding
	actions   []schema.Action
	audits    []schema.Audit
	alerts    []Alert
}

func (m *memory) Append(_ context.Context, es []Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range es {
		m.log, m.times = append(m.log, e), append(m.times, time.Now())
	}
	return nil
}

func (m *memory) Read(_ context.Context, from int64, each func(int64, time.Time, []byte, []byte) error) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := from; i < int64(len(m.log)); i++ {
		if err := each(i, m.times[i], m.log[i].Key, m.log[i].Value); err != nil {
			return i, err
		}
	}
	return int64(len(m.log)), nil
}

func (m *memory) Revoke(_ context.Context, a *schema.Action) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, a.ID)
	return Result{Class: Done, Detail: "204"}
}

func (m *memory) Revoked(_ context.Context, a *schema.Action) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revoked = append(m.revoked, a.ID)
	return nil
}

func (m *memory) Announce(_ context.Context, fs []schema.Finding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.announced = append(m.announced, fs...)
	return nil
}

func (m *memory) InsertFindings(_ context.Context, fs []schema.Finding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.findings = append(m.findings, fs...)
	return nil
}

func (m *memory) InsertActions(_ context.Context, as []schema.Action) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.actions = append(m.actions, as...)
	return nil
}

func (m *memory) InsertAudit(_ context.Context, lines []schema.Audit) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.audits = append(m.audits, lines...)
	return nil
}

func (m *memory) Alert(_ context.Context, a *Alert) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alerts = append(m.alerts, *a)
	return Result{Class: Done}
}

func enforcing(t testing.TB) *Policy {
	t.Helper()
	c := Defaults()
	c.Mode, c.Limits.RevokesPerUserPerHour = Enforce, 1_000_000
	p, err := NewPolicy(c, map[string]Mode{"parallel-use": Enforce, "device-change": Warn, "not-rotated": Shadow})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func conclusive(token string) *schema.Finding {
	return &schema.Finding{
		ID: schema.FindingID("", "parallel-use", schema.ScopeToken, token, 0, "a|b"), Rule: "parallel-use", Severity: schema.High,
		Confidence: 0.9, Conclusive: true, Scope: schema.ScopeToken, Subject: token, Token: token, User: "u-1", Session: "sid-1",
		Time: time.Now(), Summary: "Paris → Tokyo",
	}
}

func signal(t testing.TB, offset int64, s schema.Signal) schema.Record {
	t.Helper()
	v, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return schema.Record{Offset: offset, Time: time.Now().UnixNano(), Value: v}
}

// called is how many calls there have been.
func (m *memory) called() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

func (m *memory) deps() Deps {
	return Deps{
		Log: m, Publisher: m, Archive: m, Revoker: m, Alerter: m,
		Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry(), time.Now),
	}
}

// workUntil runs the lane as its runner does, until done.
func workUntil(t *testing.T, r *Response, done func() bool) {
	t.Helper()
	for !done() {
		<-r.Wake()
		if err := r.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFindingIsRevokedPublishedAndRecorded(t *testing.T) {
	m := &memory{}
	r := NewResponse(enforcing(t), LaneDefaults(), m.deps())
	from, err := r.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 1, Start: 1}, Committed: 7})
	if err != nil || from != 7 {
		t.Fatalf("Open = %d, %v", from, err)
	}
	f := conclusive("h1:k1:a")
	if err := r.Process(t.Context(), []schema.Record{signal(t, 7, schema.Signal{Finding: f}), signal(t, 8, schema.Signal{Finding: f})}); err != nil {
		t.Fatal(err)
	}
	id := schema.ActionID("", "h1:k1:a", "revoke_session", "0")
	workUntil(t, r, func() bool {
		return r.fold.entries[id].state == schema.ActionDelivered && r.fold.entries[f.ID].finished()
	})
	workUntil(t, r, func() bool { return r.Durable() == 9 })
	r.Close(t.Context())
	if len(m.calls) != 1 || m.calls[0] != id || len(m.revoked) != 1 || m.revoked[0] != id {
		t.Errorf("calls %v, published %v, want one of %s each", m.calls, m.revoked, id)
	}
	if len(m.announced) != 1 || m.announced[0].Decision != schema.RevokeSession {
		t.Errorf("announced %+v", m.announced)
	}
	if len(m.alerts) != 1 || m.alerts[0].Action == nil || m.alerts[0].Action.State != schema.ActionDelivered {
		t.Errorf("alerts %+v, want one that tells the outcome", m.alerts)
	}
}
