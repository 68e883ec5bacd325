// Package idptest is identity providers on the loopback interface, for tests: each checks credentials, ends sessions that it holds, and
// gives the answers that the real one documents, or the fault that the test asks for.
//
// It refuses to be lenient: a path that the real one does not have is its 404.
package idptest

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions/idp"
)

// What the configured client is known by.
const (
	ClientID = "hijackd-client"
	Secret   = "canary-secret-of-the-client"
)

// Fault is what befalls one request.
type Fault struct {
	Status int    // answered instead of the system's own; 0: none
	Body   string // with Status
	Header map[string]string
	Effect bool // what the request asks for is done first
	Drop   bool // the connection breaks off
	Hang   bool // no answer comes until the server closes
}

// Server is one identity provider.
type Server struct {
	URL    string
	system string
	api    api
	closed chan struct{}

	mu       sync.Mutex
	sessions map[string]string // live ones: id to user
	known    map[string]bool   // sessions and users that there are or were
	tokens   map[string]bool   // accepted ones
	issued   int
	life     int // seconds of a token
	forbid   bool
	faults   []Fault // of the interface
	tokening []Fault // of the token endpoint
	requests []string
}

// New starts a system that ends with the test.
func New(tb testing.TB, system string) *Server {
	s := &Server{
		system: system, api: apis[system], closed: make(chan struct{}), sessions: map[string]string{}, known: map[string]bool{}, tokens: map[string]bool{}, life: 300,
	}
	if s.api.token == "" {
		s.tokens[s.api.scheme+Secret] = true
	}
	h := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.Start()
	s.URL = h.URL
	tb.Cleanup(func() {
		close(s.closed)
		h.CloseClientConnections()
		h.Close()
	})
	return s
}

// Config is the configuration of a client that the server accepts.
func (s *Server) Config() idp.Config {
	c := idp.Defaults(s.system)
	c.URL, c.LoginURL, c.Realm, c.Tenant, c.ClientID, c.Secret, c.AllowPrivate = s.URL, s.URL, realm, tenant, ClientID, Secret, true
	c.Timeout = 5 * time.Second
	return c
}

// Open begins a session of a user. An id that ends in " offline" is Keycloak's second one of that id.
func (s *Server) Open(session, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[session], s.known[session], s.known[user] = user, true, true
}

// Live lists the sessions that have not ended.
func (s *Server) Live() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]string, 0, len(s.sessions))
	for id := range s.sessions {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// Befall queues faults of requests to the interface, BefallTokens of those to the token endpoint.
func (s *Server) Befall(f ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f...)
}

// BefallTokens queues faults of requests to the token endpoint.
func (s *Server) BefallTokens(f ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokening = append(s.tokening, f...)
}

// Forbid takes the client's rights away.
func (s *Server) Forbid() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forbid = true
}

// Expire makes the tokens issued so far, or the static one, worthless.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Life sets the life of tokens issued from now on, in seconds.
func (s *Server) Life(seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = seconds
}

// Issued is how many tokens were issued.
func (s *Server) Issued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

// Requests lists the requests to the interface, as they came: "DELETE /v2/sessions/7".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api.token != "" && r.URL.Path == s.api.token {
		s.answer(w, &s.tokening, func() reply { return s.issue(r) })
		return
	}
	s.requests = append(s.requests, r.Method+" "+r.RequestURI)
	s.answer(w, &s.faults, func() reply { return s.act(r) })
}

// answer gives what do comes to, or the next fault. The lock is held, and given up while a request hangs.
func (s *Server) answer(w http.ResponseWriter, faults *[]Fault, do func() reply) {
	var f Fault
	if len(*faults) > 0 {
		f, *faults = (*faults)[0], (*faults)[1:]
	}
	faulty := f.Status != 0 || f.Drop || f.Hang
	var rep reply
	if !faulty || f.Effect {
		rep = do()
	}
	switch {
	case f.Hang:
		s.mu.Unlock()
		<-s.closed
		s.mu.Lock()
		return
	case f.Drop:
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = c.Close()
		}
		return
	case f.Status != 0:
		rep = reply{f.Status, f.Body}
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	if strings.HasPrefix(rep.body, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(rep.status)
	_, _ = io.WriteString(w, rep.body)
}

// issue is the token endpoint (RFC 6749, 4.4 and 5).
func (s *Server) issue(r *http.Request) reply {
	refused := func(why string) reply {
		return reply{http.StatusUnauthorized, `{"error":"invalid_client","error_description":"` + why + `"}`}
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return refused("no form was posted")
	}
	want := map[string]string{"grant_type": "client_credentials", "client_id": ClientID, "client_secret": Secret}
	if s.api.ask != "" {
		want[s.api.ask] = s.URL + s.api.askFor
	}
	for k, v := range want {
		if r.PostForm.Get(k) != v {
			return refused("canary: " + k + " " + r.PostForm.Get(k))
		}
	}
	s.issued++
	token := "canary-token-" + strconv.Itoa(s.issued)
	s.tokens[s.api.scheme+token] = true
	b, _ := json.Marshal(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": s.life})
	return reply{http.StatusOK, string(b)}
}

// act does what a request to the interface asks for.
func (s *Server) act(r *http.Request) reply {
	if !s.tokens[r.Header.Get("Authorization")] {
		return s.api.unauthorised
	}
	for _, route := range s.api.routes {
		id, ok := route.match(r)
		if !ok {
			continue
		}
		if s.forbid {
			return s.api.forbidden
		}
		return s.end(route, id)
	}
	return s.api.noPath
}

func (s *Server) end(route route, id string) reply {
	ended := 0
	for session, user := range s.sessions {
		if route.user && user == id || !route.user && session == id {
			delete(s.sessions, session)
			ended++
		}
	}
	switch {
	case ended > 0, s.known[id] && (route.user && s.api.userAgain || !route.user && s.api.sessionAgain), route.always:
		return reply{route.done.status, strings.ReplaceAll(route.done.body, "N", strconv.Itoa(ended))}
	case route.user:
		return s.api.noUser
	}
	return s.api.noSession
}
