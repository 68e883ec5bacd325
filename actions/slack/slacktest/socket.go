package slacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	socketPath = "/link"
	pingEvery  = 5 * time.Second
)

// socket is the server's side of Socket Mode.
type socket struct {
	mu        sync.Mutex
	change    chan struct{} // closed and replaced at every change
	conns     []*websocket.Conn
	opened    int
	envelopes int
	acked     map[string]int
	strange   []string // envelope ids that were acknowledged and must not be
	quick     bool
}

func (k *socket) init() { k.change, k.acked = make(chan struct{}), map[string]int{} }

func (k *socket) changed() {
	close(k.change)
	k.change = make(chan struct{})
}

// until waits for a condition on the socket, which holds its lock.
func (k *socket) until(within time.Duration, cond func() bool) bool {
	deadline := time.After(within)
	for {
		k.mu.Lock()
		ok, change := cond(), k.change
		k.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-change:
		case <-deadline:
			return false
		}
	}
}

// HangUpAtOnce makes every connection end right after its hello.
func (s *Server) HangUpAtOnce(on bool) {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	s.socket.quick = on
}

// Connections is how many were opened so far.
func (s *Server) Connections() int {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	return s.socket.opened
}

// Connected waits until an app is connected.
func (s *Server) Connected(within time.Duration) bool {
	return s.socket.until(within, func() bool { return len(s.socket.conns) > 0 })
}

// link is a connection of Socket Mode.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	k := &s.socket
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	k.mu.Lock()
	k.opened++
	quick := k.quick
	hello := map[string]any{"type": "hello", "num_connections": 1, "connection_info": map[string]string{"app_id": "A1"}, "debug_info": map[string]any{"host": "slacktest"}}
	err = conn.WriteJSON(hello)
	if err == nil && !quick {
		k.conns = append(k.conns, conn)
	}
	k.changed()
	k.mu.Unlock()
	if err != nil || quick {
		return
	}
	stop := make(chan struct{})
	go ping(conn, stop)
	k.listen(conn)
	close(stop)
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.conns {
		if k.conns[i] == conn {
			k.conns = append(k.conns[:i], k.conns[i+1:]...)
			break
		}
	}
	k.changed()
}

func ping(conn *websocket.Conn, stop <-chan struct{}) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		if conn.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(time.Second)) != nil {
			return
		}
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}

// listen takes acknowledgements until the connection ends.
func (k *socket) listen(conn *websocket.Conn) {
	for {
		var in struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if conn.ReadJSON(&in) != nil {
			return
		}
		k.mu.Lock()
		if _, ok := k.acked[in.EnvelopeID]; ok {
			k.acked[in.EnvelopeID]++
		} else {
			k.strange = append(k.strange, in.EnvelopeID)
		}
		k.changed()
		k.mu.Unlock()
	}
}

// Disconnect tells every connected app to come again, and hangs up.
func (s *Server) Disconnect() {
	k := &s.socket
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.conns {
		_ = c.WriteJSON(map[string]any{"type": "disconnect", "reason": "refresh_requested", "debug_info": map[string]any{"host": "slacktest"}})
		_ = c.Close()
	}
}

// Strange lists the ids of envelopes that were acknowledged though there were none: those of hello and disconnect are empty.
func (s *Server) Strange() []string {
	s.socket.mu.Lock()
	defer s.socket.mu.Unlock()
	return append([]string(nil), s.socket.strange...)
}

// Press is a person pressing a button of a message.
type Press struct {
	User, Name string
	TS         string // of the message
	ActionID   string
	Value      string // empty: the button's own
}

// Payload is the interaction as Slack sends it.
func (s *Server) Payload(p Press) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	message, value := map[string]any{"type": "message", "ts": p.TS}, p.Value
	if i := s.index(p.TS); i >= 0 {
		message["text"], message["blocks"] = s.msgs[i].Fallback, s.msgs[i].Raw
		if e, ok := s.msgs[i].Button(p.ActionID); ok && value == "" {
			value = e.Value
		}
	}
	b, err := json.Marshal(map[string]any{
		"type": "block_actions", "api_app_id": "A1", "token": "slacktest-verification", "trigger_id": "1.2.3",
		"user":      map[string]any{"id": p.User, "username": p.Name, "name": p.Name, "team_id": "T1"},
		"team":      map[string]any{"id": "T1", "domain": "hijackd"},
		"container": map[string]any{"type": "message", "message_ts": p.TS, "channel_id": Channel, "is_ephemeral": false},
		"channel":   map[string]any{"id": Channel, "name": "soc"},
		"message":   message, "state": map[string]any{"values": map[string]any{}}, "response_url": s.http.URL + "/never",
		"actions": []map[string]any{{"type": "button", "action_id": p.ActionID, "block_id": "hijackd_orders", "value": value, "action_ts": "1795255300.000100",
			"text": map[string]any{"type": "plain_text", "text": "x", "emoji": false}}},
	})
	if err != nil {
		panic(err) // of texts alone
	}
	return b
}

// Send brings an envelope to a connected app and returns its id; Again brings one with the same id. It fails where no app is connected.
func (s *Server) Send(kind string, payload json.RawMessage) (id string, err error) {
	s.socket.mu.Lock()
	s.socket.envelopes++
	id = fmt.Sprintf("env-%d", s.socket.envelopes)
	s.socket.acked[id] = 0
	s.socket.mu.Unlock()
	return id, s.Again(id, kind, payload)
}

// Again brings an envelope that was not acknowledged once more.
func (s *Server) Again(id, kind string, payload json.RawMessage) error {
	k := &s.socket
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.conns) == 0 {
		return fmt.Errorf("no app is connected")
	}
	return k.conns[len(k.conns)-1].WriteJSON(map[string]any{"envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": false})
}

// Acked waits for an envelope's acknowledgement.
func (s *Server) Acked(id string, within time.Duration) bool {
	return s.socket.until(within, func() bool { return s.socket.acked[id] > 0 })
}
