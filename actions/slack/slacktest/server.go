// Package slacktest is a Slack that listens on loopback: the methods of the Web API that hijackd uses, Socket Mode with a person who
// presses buttons, signed interactivity requests and an incoming webhook, with the faults that the real one has. Tests and the demo use
// it; it keeps every message in memory and refuses to be anything else.
package slacktest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// There is one channel, one bot token, one app token, one signing secret and one user group.
const (
	Channel       = "C0HIJACKD1"
	Token         = "xoxb-slacktest-token"
	AppToken      = "xapp-slacktest-token"
	SigningSecret = "51ac4e5751ac4e5751ac4e5751ac4e57"
	UserGroup     = "S0HIJACKD1"
	hookPath      = "/services/T0HIJACKD/B0HIJACKD/slacktest-secret"
)

// Fault is one misbehaviour of the next call of a method.
type Fault struct {
	Status     int    // answer with this HTTP status …
	RetryAfter int    // … and this Retry-After, seconds
	Error      string // answer ok=false with this code
	Empty      bool   // answer {}
	Cut        bool   // do what is asked, then break the connection without an answer
}

// Whisper is a message that one person alone sees.
type Whisper struct{ Channel, User, Text string }

// Server is the fake. Its fields may be set before the first request.
type Server struct {
	// OnMessage, where set, is called with every message that was posted, and OnUpdate with every message that was updated.
	OnMessage, OnUpdate func(Message)

	http     *httptest.Server
	mu       sync.Mutex
	msgs     []Message
	hooked   []Message // through the incoming webhook
	whispers []Whisper
	posted   int
	next     map[string][]Fault
	calls    map[string]int
	group    []string
	socket   socket
}

// New starts a server on a free loopback port.
func New() *Server {
	s := &Server{next: map[string][]Fault{}, calls: map[string]int{}}
	s.socket.init()
	s.http = httptest.NewServer(s)
	return s
}

// Close stops the server.
func (s *Server) Close() {
	s.Disconnect()
	s.http.Close()
}

// URL is what actions.slack.api_url must be.
func (s *Server) URL() string { return s.http.URL + "/api/" }

// WebhookURL is the incoming webhook.
func (s *Server) WebhookURL() string { return s.http.URL + hookPath }

// Fail makes the next calls of chat.postMessage misbehave, one fault each.
func (s *Server) Fail(fs ...Fault) { s.FailOn("chat.postMessage", fs...) }

// FailOn makes the next calls of a method misbehave, one fault each; the incoming webhook is the method "webhook".
func (s *Server) FailOn(method string, fs ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next[method] = append(s.next[method], fs...)
}

// SetGroup says who is in the user group.
func (s *Server) SetGroup(users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.group = users
}

// Messages returns what the channel holds, replies too, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.msgs)
}

// Hooked returns what came through the incoming webhook.
func (s *Server) Hooked() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooked)
}

// Whispers returns what single people were told.
func (s *Server) Whispers() []Whisper {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.whispers)
}

// Calls is how often a method was called.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Delete removes a message.
func (s *Server) Delete(ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.msgs = slices.DeleteFunc(s.msgs, func(m Message) bool { return m.TS == ts })
}

// ServeHTTP answers the Web API, the webhook and Socket Mode.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case hookPath:
		s.hook(w, r)
		return
	case socketPath:
		s.link(w, r)
		return
	}
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		refuse(w, "invalid_form_data")
		return
	}
	want := Token
	if method == "apps.connections.open" {
		want = AppToken
	}
	if r.PostForm.Get("token") != want && r.Header.Get("Authorization") != "Bearer "+want {
		refuse(w, "invalid_auth")
		return
	}
	f, bad := s.fault(method, w)
	if bad {
		return
	}
	s.method(method, w, r, f.Cut)
}

func (s *Server) method(method string, w http.ResponseWriter, r *http.Request, cut bool) {
	switch method {
	case "auth.test":
		answer(w, map[string]any{"ok": true, "team": "hijackd", "user": "hijackd", "team_id": "T1", "user_id": "U1", "bot_id": "B1"})
	case "chat.postMessage":
		s.post(w, r, cut)
	case "chat.update":
		s.update(w, r, cut)
	case "chat.postEphemeral":
		s.whisper(w, r)
	case "conversations.history", "conversations.replies":
		s.read(w, r, method == "conversations.replies")
	case "usergroups.users.list":
		s.members(w, r)
	case "apps.connections.open":
		answer(w, map[string]any{"ok": true, "url": "ws" + strings.TrimPrefix(s.http.URL, "http") + socketPath + "?ticket=slacktest-ticket"})
	default:
		refuse(w, "unknown_method")
	}
}

// fault counts a call and misbehaves, if it is to.
func (s *Server) fault(method string, w http.ResponseWriter) (f Fault, answered bool) {
	s.mu.Lock()
	s.calls[method]++
	if fs := s.next[method]; len(fs) > 0 {
		f, s.next[method] = fs[0], fs[1:]
	}
	s.mu.Unlock()
	switch {
	case f.Status != 0:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.WriteHeader(f.Status)
	case f.Error != "":
		refuse(w, f.Error)
	case f.Empty:
		answer(w, map[string]any{})
	default:
		return f, false
	}
	return f, true
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // a caller that went away learns nothing anyway
}

func refuse(w http.ResponseWriter, code string) {
	answer(w, map[string]any{"ok": false, "error": code})
}

// members answers usergroups.users.list.
func (s *Server) members(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("usergroup") != UserGroup {
		refuse(w, "no_such_subteam")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, map[string]any{"ok": true, "users": append([]string{}, s.group...)})
}
