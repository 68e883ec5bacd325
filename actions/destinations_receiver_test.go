package actions_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// passing are the faults after which the same call may succeed; final the answers that a receiver goes on giving.
var (
	passing = []string{
		"timeout before effect", "timeout after effect", "effect after timeout", "reset before effect", "reset after effect", "answer torn before effect",
		"answer torn after effect", "no HTTP", "slow body of 503", "endless body of 503", "408", "425", "429", "429 Retry-After seconds",
		"429 Retry-After date", "500", "502", "503 Retry-After seconds", "504 after effect",
	}
	final = []string{"204", "slow body of 200", "endless body of 200", "400", "401", "404", "410", "redirect 302", "redirect 307"}
)

// plan is how the receiver answers the calls of one id: the faults in turn, then end for ever.
type plan struct {
	faults []string
	end    string
}

func (p *plan) answer(call int) string {
	if call < len(p.faults) {
		return p.faults[call]
	}
	return p.end
}

// succeeds reports whether the receiver takes the action at last.
func (p *plan) succeeds() bool { return p.end == "204" || strings.HasSuffix(p.end, "of 200") }

// pipe is a connection in memory that can be reset and torn like one of TCP.
type pipe struct {
	net.Conn
	of    *member
	reset *atomic.Bool
}

func (p pipe) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	return n, p.why("read", err)
}

func (p pipe) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	return n, p.why("write", err)
}

func (p pipe) why(op string, err error) error {
	if err != nil && p.reset.Load() {
		return &net.OpError{Op: op, Net: "tcp", Err: syscall.ECONNRESET}
	}
	return err
}

// listener hands pipes to the receiver's server.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { close(l.closed); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// dial connects a member to the receiver, wherever it wants to go.
func (m *member) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if m.s.away() {
		m.s.count("away: connection refused")
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	a, b := net.Pipe()
	reset := new(atomic.Bool)
	near, far := pipe{a, m, reset}, pipe{b, m, reset}
	m.s.mu.Lock()
	m.conns = append(m.conns, near)
	m.s.mu.Unlock()
	select {
	case m.s.listener.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type connKey struct{}

func (s *site) serve() *http.Server {
	server := &http.Server{
		Handler: s, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(pipe))
		},
	}
	go func() { _ = server.Serve(s.listener) }()
	return server
}

// ServeHTTP is the receiver. It acts once per webhook-id, as Standard Webhooks says.
func (s *site) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	conn := req.Context().Value(connKey{}).(pipe)
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if req.Host != "receiver.test" || req.URL.Path != "/hook" {
		s.fail("redirect followed", "%s%s", req.Host, req.URL.Path)
		return
	}
	if err := s.verifier.Verify(body, req.Header); err != nil {
		s.fail("signature", "%v", err)
	}
	var m struct {
		Data struct {
			ActionID string `json:"action_id"`
			Token    string
		}
	}
	id := req.Header.Get("webhook-id")
	if err := json.Unmarshal(body, &m); err != nil || m.Data.ActionID != id || req.Header.Get("Idempotency-Key") != id {
		s.fail("id", "%s in the header, %s in the body, %v", id, m.Data.ActionID, err)
	}
	answer := s.called(conn.of, id, m.Data.Token)
	time.Sleep(s.short(100 * time.Millisecond))
	s.answer(w, req, conn, id, answer)
}

func (s *site) answer(w http.ResponseWriter, req *http.Request, conn pipe, id, answer string) {
	if strings.Contains(answer, "after effect") || strings.HasSuffix(answer, "of 200") || answer == "204" {
		s.effect(id, false)
	}
	gone := req.Context().Done()
	switch {
	case strings.HasPrefix(answer, "timeout"):
		<-gone
	case answer == "effect after timeout":
		<-gone
		time.Sleep(s.short(time.Minute))
		s.effect(id, true)
	case strings.HasPrefix(answer, "reset"):
		conn.reset.Store(true)
		panic(http.ErrAbortHandler)
	case strings.HasPrefix(answer, "answer torn"):
		hijacked(w, "HTTP/1.1 204 No Con")
	case answer == "no HTTP":
		hijacked(w, "SSH-2.0-OpenSSH_9.2\r\n")
	case strings.HasPrefix(answer, "slow body"), strings.HasPrefix(answer, "endless body"):
		s.body(w, gone, answer)
	case strings.HasPrefix(answer, "redirect"):
		w.Header().Set("Location", "http://elsewhere.test/hook")
		w.WriteHeader(code(answer[len("redirect "):]))
	default:
		if strings.Contains(answer, "Retry-After") {
			s.retryAfter(w.Header(), conn.of, id, strings.HasSuffix(answer, "date"))
		}
		w.WriteHeader(code(answer[:3]))
	}
}

func code(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func hijacked(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// body sends a status and a body that comes slowly or never ends, until the client has had enough.
func (s *site) body(w http.ResponseWriter, gone <-chan struct{}, answer string) {
	w.WriteHeader(code(answer[len(answer)-3:]))
	piece, wait := make([]byte, 16<<10), time.Duration(0)
	if strings.HasPrefix(answer, "slow") {
		piece, wait = piece[:1], time.Second
	}
	flush := w.(http.Flusher)
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
		flush.Flush()
		select {
		case <-gone:
			return
		case <-time.After(wait):
		}
	}
}

// retryAfter asks for some time, seldom for more than the hour that is believed.
func (s *site) retryAfter(h http.Header, m *member, id string, date bool) {
	d := s.short(10 * time.Minute)
	if s.pct(5) {
		d += time.Hour
	}
	d = d.Truncate(time.Second)
	h.Set("Retry-After", strconv.Itoa(int(d/time.Second)))
	until := time.Now().Add(min(d, time.Hour))
	if date {
		until = time.Now().Add(d).Truncate(time.Second)
		h.Set("Retry-After", until.UTC().Format(http.TimeFormat))
		if most := time.Now().Add(time.Hour); until.After(most) {
			until = most
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notBefore[id] = asked{m, until}
}

func verifier() *webhooks.Webhook {
	v, err := webhooks.NewWebhook(hookSecret)
	if err != nil {
		panic(err)
	}
	return v
}
