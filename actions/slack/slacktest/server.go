// Package slacktest is a Slack that listens on loopback: auth.test, chat.postMessage and conversations.history as hijackd uses them,
// with the faults that the real one has. Tests and the demo use it; it keeps every message in memory and refuses to be anything else.
package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Channel is the id of the one channel there is; Token is the one token that is accepted.
const (
	Channel = "C0HIJACKD1"
	Token   = "xoxb-slacktest-token"
)

// Fault is one misbehaviour of the next chat.postMessage.
type Fault struct {
	Status     int    // answer with this HTTP status …
	RetryAfter int    // … and this Retry-After, seconds
	Error      string // answer ok=false with this code
	Cut        bool   // keep the message, then break the connection without an answer
}

// Server is the fake. Its fields may be set before the first request.
type Server struct {
	// OnMessage, where set, is called with every message that was taken.
	OnMessage func(Message)

	http *httptest.Server
	mu   sync.Mutex
	msgs []Message
	next []Fault
}

// New starts a server on a free loopback port.
func New() *Server {
	s := &Server{}
	s.http = httptest.NewServer(s)
	return s
}

// Close stops the server.
func (s *Server) Close() { s.http.Close() }

// URL is what actions.slack.api_url must be.
func (s *Server) URL() string { return s.http.URL + "/api/" }

// Fail makes the next calls of chat.postMessage misbehave, one fault each.
func (s *Server) Fail(fs ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, fs...)
}

// Messages returns what the channel holds, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.msgs)
}

// ServeHTTP answers the Web API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		answer(w, map[string]any{"ok": false, "error": "invalid_form_data"})
		return
	}
	if r.PostForm.Get("token") != Token && r.Header.Get("Authorization") != "Bearer "+Token {
		answer(w, map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	switch strings.TrimPrefix(r.URL.Path, "/api/") {
	case "auth.test":
		answer(w, map[string]any{"ok": true, "team": "hijackd", "user": "hijackd", "team_id": "T1", "user_id": "U1", "bot_id": "B1"})
	case "chat.postMessage":
		s.post(w, r)
	case "conversations.history":
		s.history(w, r)
	default:
		answer(w, map[string]any{"ok": false, "error": "unknown_method"})
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // a caller that went away learns nothing anyway
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var f Fault
	if len(s.next) > 0 {
		f, s.next = s.next[0], s.next[1:]
	}
	switch {
	case f.Status != 0:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.WriteHeader(f.Status)
		return
	case f.Error != "":
		answer(w, map[string]any{"ok": false, "error": f.Error})
		return
	}
	if c := r.PostForm.Get("channel"); c != Channel && !strings.HasPrefix(c, "#") {
		answer(w, map[string]any{"ok": false, "error": "channel_not_found"})
		return
	}
	m := Message{TS: fmt.Sprintf("1795255200.%06d", len(s.msgs)+1), Fallback: r.PostForm.Get("text"), Raw: json.RawMessage(r.PostForm.Get("blocks"))}
	if err := json.Unmarshal(m.Raw, &m.Blocks); err != nil || !valid(m.Blocks) {
		answer(w, map[string]any{"ok": false, "error": "invalid_blocks"})
		return
	}
	if md := r.PostForm.Get("metadata"); md != "" {
		if err := json.Unmarshal([]byte(md), &m.Metadata); err != nil || m.Metadata.EventType == "" {
			answer(w, map[string]any{"ok": false, "error": "invalid_metadata_format"})
			return
		}
	}
	s.msgs = append(s.msgs, m)
	if s.OnMessage != nil {
		s.OnMessage(m)
	}
	if f.Cut {
		panic(http.ErrAbortHandler)
	}
	answer(w, map[string]any{"ok": true, "channel": Channel, "ts": m.TS, "message": map[string]any{"ts": m.TS, "text": m.Fallback}})
}

// history answers newest first, a page of at most limit messages at a time.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("channel") != Channel {
		answer(w, map[string]any{"ok": false, "error": "channel_not_found"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	skip, _ := strconv.Atoi(r.PostForm.Get("cursor"))
	limit, _ := strconv.Atoi(r.PostForm.Get("limit"))
	var page []map[string]any
	for i := len(s.msgs) - 1 - skip; i >= 0 && len(page) < limit; i-- {
		m := map[string]any{"type": "message", "ts": s.msgs[i].TS, "text": s.msgs[i].Fallback}
		if r.PostForm.Get("include_all_metadata") == "1" {
			m["metadata"] = s.msgs[i].Metadata
		}
		page = append(page, m)
	}
	out := map[string]any{"ok": true, "messages": page}
	if more := skip + len(page); more < len(s.msgs) {
		out["has_more"], out["response_metadata"] = true, map[string]any{"next_cursor": strconv.Itoa(more)}
	}
	answer(w, out)
}

// valid holds blocks to Slack's documented limits, as the real one does.
func valid(bs []Block) bool {
	ok := len(bs) > 0 && len(bs) <= 50
	text := func(t *Text, most int) {
		ok = ok && (t == nil || t.Text != "" && utf8.RuneCountInString(t.Text) <= most)
	}
	for _, b := range bs {
		switch b.Type {
		case "header":
			text(b.Text, 150)
			ok = ok && b.Text != nil && b.Text.Type == "plain_text"
		case "section":
			text(b.Text, 3000)
			ok = ok && len(b.Fields) <= 10 && (b.Text != nil || len(b.Fields) > 0)
			for _, f := range b.Fields {
				text(f, 2000)
			}
		case "context":
			ok = ok && len(b.Elements) > 0 && len(b.Elements) <= 10
			for _, e := range b.Elements {
				text(e, 2000)
			}
		case "divider":
		default:
			ok = false
		}
	}
	return ok
}
