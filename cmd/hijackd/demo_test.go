package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/segmentio/kafka-go"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/schema"
)

func testBoard() (*board, *strings.Builder) {
	var out strings.Builder
	return newBoard(newScreen(&process{stdout: &out})), &out
}

// attackNews is an attack with everything that a working daemon makes of it.
func attackNews(kind simulate.Attack, token string) (news, found, revoked, alerted) {
	now := time.Now()
	f := schema.Finding{ID: "fnd_" + token, Rule: kind.Rule(), Token: token, Severity: schema.High, Conclusive: true, Confidence: 0.95,
		Decision: schema.RevokeSession, Time: now, Summary: strings.Repeat("somebody else ", 20),
		Evidence: map[string]any{"kmh": 2500.0, "networks": []any{"residential", "hosting"}, "about": "x", "same_asn": false}}
	return attackBegan{kind: kind, token: token, user: "u-1", city: "Tokyo", at: now}, found{f},
		revoked{id: "act_" + token, token: token, findings: []string{f.ID}, completed: now, at: now.Add(40 * time.Millisecond)},
		alerted{token: token, lines: []string{"Session revoked", "Rules: " + kind.Rule(), strings.Repeat("what was done ", 20)}}
}

func TestDemoSucceedsWhenEveryAttackIsAnswered(t *testing.T) {
	b, out := testBoard()
	for i, kind := range demoAttacks() {
		a, f, r, s := attackNews(kind, "h1:sim:"+string(rune('a'+i)))
		for _, n := range []news{a, arrived(100), f, r, s} {
			if b.complete() {
				t.Fatalf("complete before the %d. attack was answered", i+1)
			}
			b.take(n)
		}
	}
	if !b.complete() {
		t.Error("not complete")
	}
	b.rows = 300
	if err := b.summary(false); err != nil {
		t.Error(err)
	}
	if want := "300 events in, 300 rows stored, 3 findings, 3 revocations delivered, 3 Slack messages and 0 updates\nmedian event → webhook: 40 ms"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line); n > 110 || strings.Contains(line, "\x1b") {
			t.Errorf("%d columns, or colour: %q", n, line)
		}
	}
}

func TestDemoFailsWhenAnAttackIsNotAnswered(t *testing.T) {
	for name, leftOut := range map[string]int{"not found": 1, "not revoked": 2, "not alerted": 3} {
		t.Run(name, func(t *testing.T) {
			b, _ := testBoard()
			for i, kind := range demoAttacks() {
				a, f, r, s := attackNews(kind, "h1:sim:"+string(rune('a'+i)))
				for k, n := range []news{a, f, r, s} {
					if kind != simulate.ParallelProxy || k != leftOut {
						b.take(n)
					}
				}
				b.tick()
			}
			if err := b.summary(false); err == nil || err.Error() != "not found, revoked and alerted: parallel-proxy" {
				t.Errorf("got %v", err)
			}
		})
	}
	b, _ := testBoard()
	if err := b.summary(false); err == nil {
		t.Error("no attack at all is a success")
	}
}

func TestFindingOfAnotherRuleAnswersNothing(t *testing.T) {
	b, _ := testBoard()
	a, f, r, s := attackNews(simulate.StolenCookie, "h1:sim:a")
	f.finding.Rule, s.lines[1] = "parallel-use", "Rules: parallel-use"
	for _, n := range []news{a, f, r, s} {
		b.take(n)
	}
	if b.attacks[0].found || b.attacks[0].alerted {
		t.Errorf("%+v", b.attacks[0])
	}
}

func TestScreenShowsTheFindingBeforeWhatWasDone(t *testing.T) {
	b, out := testBoard()
	a, f, r, s := attackNews(simulate.StolenCookie, "h1:sim:a")
	for _, n := range []news{a, s, r, f} {
		b.take(n)
	}
	text := out.String()
	attack, finding, message, revocation := strings.Index(text, "ATTACK"), strings.Index(text, "FINDING"), strings.Index(text, "SLACK"), strings.Index(text, "REVOKED")
	if attack < 0 || finding < attack || message < finding || revocation < finding {
		t.Errorf("in this order:\n%s", text)
	}
}

func TestReceiverTakesSignedMessagesOnly(t *testing.T) {
	heard := make(chan news, 1)
	r, err := newReceiver(t.Context(), func(n news) { heard <- n })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.close() }()
	body := `{"type":"session.revoke","data":{"token":"h1:sim:a","session":"sid-1","user":"u-1","findings":[{"id":"fnd_1","time":"2026-11-21T10:00:00Z"}]}}`
	post := func(body, secret string) int {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		signature, err := signer.Sign("act_1", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("webhook-id", "act_1")
		req.Header.Set("webhook-timestamp", itoa(int(now.Unix())))
		req.Header.Set("webhook-signature", signature)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if code := post(body, newWebhookSecret()); code != http.StatusUnauthorized {
		t.Errorf("a foreign signature: %d", code)
	}
	if code := post("not JSON", r.secret); code != http.StatusBadRequest {
		t.Errorf("no JSON: %d", code)
	}
	if code := post(strings.Repeat(" ", 30_000), r.secret); code != http.StatusRequestEntityTooLarge {
		t.Errorf("30 kB: %d", code)
	}
	if code := post(body, r.secret); code != http.StatusNoContent {
		t.Fatalf("a signed message: %d", code)
	}
	if token := <-r.revoked; token != "h1:sim:a" {
		t.Errorf("the app is told to end %q", token)
	}
	n := (<-heard).(revoked)
	if n.id != "act_1" || n.session != "sid-1" || n.user != "u-1" || len(n.findings) != 1 || n.completed != time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) {
		t.Errorf("%+v", n)
	}
	if len(heard) > 0 {
		t.Error("a refused message was news")
	}
}

func TestSimulatedAppsSendKeyedEventsInTime(t *testing.T) {
	broker, err := newDemoBroker()
	if err != nil {
		t.Fatal(err)
	}
	defer broker.close()
	w := &demoWorld{broker: broker, receiver: &receiver{revoked: make(chan string, 1)}, news: make(chan news, 1024)}
	g, err := simulate.New(simulate.Config{Seed: 1, Sessions: 50, Pace: 500 * time.Millisecond, Start: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.produce(ctx, g, false) }()
	sent := 0
	for sent < 40 {
		if n, ok := (<-w.news).(arrived); ok {
			sent += int(n)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for len(w.news) > 0 {
		if n, ok := (<-w.news).(arrived); ok {
			sent += int(n)
		}
	}
	read, end := 0, time.Now().UnixNano()
	for p := range demoPartitions {
		conn, err := kafka.DialLeader(t.Context(), "tcp", broker.address(), demoTopic, p)
		if err != nil {
			t.Fatal(err)
		}
		_, last, err := conn.ReadOffsets()
		if err != nil {
			t.Fatal(err)
		}
		for range last {
			m, err := conn.ReadMessage(1 << 16)
			if err != nil {
				t.Fatal(err)
			}
			read++
			var e struct {
				Token string
				Time  time.Time
			}
			if err := json.Unmarshal(m.Value, &e); err != nil || string(m.Key) != e.Token || e.Time.UnixNano() > end {
				t.Errorf("%v: key %s, value %s", err, m.Key, m.Value)
			}
		}
		_ = conn.Close()
	}
	if read != sent {
		t.Errorf("%d events are said to be sent, the topic holds %d", sent, read)
	}
}

func TestGeoIPKnowsTheSimulatedNetworks(t *testing.T) {
	dir := t.TempDir()
	if err := writeGeoIP(dir); err != nil {
		t.Fatal(err)
	}
	databases := enrich.NewDatabases(enrich.Config{City: filepath.Join(dir, "city.mmdb"), ASN: filepath.Join(dir, "asn.mmdb"),
		Anonymous: filepath.Join(dir, "anonymous.mmdb")}, slog.New(slog.DiscardHandler))
	if err := databases.Load(); err != nil {
		t.Fatal(err)
	}
	for _, n := range simulate.Networks() {
		g := databases.Lookup(n.Prefix.Addr().Next())
		if g.City != n.City || g.Country != n.Country || g.ASN != n.ASN || g.ASOrg != n.ASOrg || g.AccuracyKM != n.RadiusKM || g.Lat != n.Lat || g.Lon != n.Lon {
			t.Errorf("%s: %+v, the plan says %+v", n.Prefix, g, n)
		}
		if (n.Class == schema.NetworkHosting) != (g.Network == schema.NetworkHosting) {
			t.Errorf("%s is %q, the plan says %q", n.Prefix, g.Network, n.Class)
		}
	}
}
