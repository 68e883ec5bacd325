package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parse reads a message as it is posted or updated, and refuses what the real Slack refuses.
func parse(form url.Values) (m Message, code string) {
	m = Message{Channel: Channel, ThreadTS: form.Get("thread_ts"), Fallback: form.Get("text"), Raw: json.RawMessage(form.Get("blocks"))}
	if length(m.Fallback) > MaxFallback {
		return m, "msg_too_long"
	}
	if Check(m.Raw) != nil || json.Unmarshal(m.Raw, &m.Blocks) != nil {
		return m, "invalid_blocks"
	}
	if md := form.Get("metadata"); md != "" {
		if err := json.Unmarshal([]byte(md), &m.Metadata); err != nil || m.Metadata.EventType == "" {
			return m, "invalid_metadata_format"
		}
	}
	return m, ""
}

func (s *Server) index(ts string) int {
	return slices.IndexFunc(s.msgs, func(m Message) bool { return m.TS == ts })
}

func (s *Server) post(w http.ResponseWriter, r *http.Request, cut bool) {
	m, code := parse(r.PostForm)
	if c := r.PostForm.Get("channel"); c != Channel && !strings.HasPrefix(c, "#") {
		code = "channel_not_found"
	}
	s.mu.Lock()
	if code == "" && m.ThreadTS != "" && s.index(m.ThreadTS) < 0 {
		code = "thread_not_found"
	}
	if code != "" {
		s.mu.Unlock()
		refuse(w, code)
		return
	}
	s.posted++
	m.TS = fmt.Sprintf("1795255200.%06d", s.posted)
	s.msgs = append(s.msgs, m)
	s.mu.Unlock()
	if s.OnMessage != nil {
		s.OnMessage(m)
	}
	s.sent(w, m, cut)
}

func (s *Server) update(w http.ResponseWriter, r *http.Request, cut bool) {
	m, code := parse(r.PostForm)
	if r.PostForm.Get("channel") != Channel {
		code = "channel_not_found"
	}
	s.mu.Lock()
	i := s.index(r.PostForm.Get("ts"))
	if code == "" && i < 0 {
		code = "message_not_found"
	}
	if code != "" {
		s.mu.Unlock()
		refuse(w, code)
		return
	}
	was := s.msgs[i]
	m.TS, m.ThreadTS, m.Edits = was.TS, was.ThreadTS, was.Edits+1
	if m.Metadata.EventType == "" {
		m.Metadata = was.Metadata
	}
	s.msgs[i] = m
	s.mu.Unlock()
	if s.OnUpdate != nil {
		s.OnUpdate(m)
	}
	s.sent(w, m, cut)
}

func (s *Server) sent(w http.ResponseWriter, m Message, cut bool) {
	if cut {
		panic(http.ErrAbortHandler)
	}
	answer(w, map[string]any{"ok": true, "channel": m.Channel, "ts": m.TS, "message": map[string]any{"ts": m.TS, "text": m.Fallback}})
}

func (s *Server) whisper(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whispers = append(s.whispers, Whisper{r.PostForm.Get("channel"), r.PostForm.Get("user"), r.PostForm.Get("text")})
	answer(w, map[string]any{"ok": true, "message_ts": "1795255200.900000"})
}

// read answers a page of at most limit messages: the channel's newest first and without replies, or a thread's oldest first, its parent
// in front.
func (s *Server) read(w http.ResponseWriter, r *http.Request, thread bool) {
	if r.PostForm.Get("channel") != Channel {
		refuse(w, "channel_not_found")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ts := r.PostForm.Get("ts")
	if thread && s.index(ts) < 0 {
		refuse(w, "thread_not_found")
		return
	}
	var all []map[string]any
	for _, m := range s.msgs {
		if thread && m.TS != ts && m.ThreadTS != ts || !thread && m.ThreadTS != "" {
			continue
		}
		one := map[string]any{"type": "message", "ts": m.TS, "text": m.Fallback}
		if r.PostForm.Get("include_all_metadata") == "1" {
			one["metadata"] = m.Metadata
		}
		all = append(all, one)
	}
	if !thread {
		slices.Reverse(all)
	}
	skip, _ := strconv.Atoi(r.PostForm.Get("cursor"))
	limit, _ := strconv.Atoi(r.PostForm.Get("limit"))
	skip = min(skip, len(all))
	page := all[skip:min(len(all), skip+limit)]
	out := map[string]any{"ok": true, "messages": page}
	if more := skip + len(page); more < len(all) {
		out["has_more"], out["response_metadata"] = true, map[string]any{"next_cursor": strconv.Itoa(more)}
	}
	answer(w, out)
}

// hook takes a message of the incoming webhook: JSON in, the word ok out.
func (s *Server) hook(w http.ResponseWriter, r *http.Request) {
	f, bad := s.fault("webhook", w)
	if bad {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	var in struct {
		Text   string          `json:"text"`
		Blocks json.RawMessage `json:"blocks"`
	}
	if err != nil || json.Unmarshal(body, &in) != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	m, code := parse(url.Values{"text": {in.Text}, "blocks": {string(in.Blocks)}})
	if code != "" {
		http.Error(w, code, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.hooked = append(s.hooked, m)
	s.mu.Unlock()
	if f.Cut {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write([]byte("ok")) // a caller that went away learns nothing anyway
}
