package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hijackd/hijackd/cmd/hijackd-engine/internal/libchdb"
)

type setting struct{ name, value string }

// session is one client's connection to the engine.
type session struct {
	*libchdb.Conn
	engine *Engine
}

func (e *Engine) session(database string) (*session, error) {
	conn, err := e.lib.Connect(e.args...)
	if err != nil {
		return nil, err
	}
	if database != "" && database != "default" {
		if err := conn.Run("USE " + identifier(database)); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return &session{Conn: conn, engine: e}, nil
}

// set applies settings and returns what takes them back, so that those of one query do not reach the next.
func (s *session) set(settings []setting) (reset func(), err error) {
	settings = slices.DeleteFunc(settings, func(s setting) bool { return slices.Contains(neverCompiled, s.name) })
	if len(settings) == 0 {
		return func() {}, nil
	}
	var set, unset []string
	for _, s := range settings {
		set = append(set, identifier(s.name)+" = "+literal(s.value))
		unset = append(unset, identifier(s.name)+" = DEFAULT")
	}
	if err := s.Run("SET " + strings.Join(set, ", ")); err != nil {
		return nil, err
	}
	return func() { _ = s.Run("SET " + strings.Join(unset, ", ")) }, nil
}

// killOn ends the query that runs next when ctx does. release must be called when the query has ended
// and before its client knows: from then on nothing of it reaches the session's next query.
func (s *session) killOn(ctx context.Context) (release func(), err error) {
	tag := fmt.Sprintf("engine-%d", s.engine.ids.Add(1))
	if err := s.Run("SET log_comment = " + literal(tag)); err != nil {
		return nil, err
	}
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(killed)
		s.engine.kill("Settings['log_comment'] = " + literal(tag))
	})
	return func() {
		if !stop() {
			<-killed
		}
	}, nil
}

// start begins a statement and returns its result chunk by chunk, nil at the end. Only SELECTs come in
// several; what else has a result (SHOW, EXPLAIN, …) comes in one.
func (s *session) start(text, format string, params map[string]string) (*chunks, error) {
	if isSelect(text) {
		stream, err := s.Stream(text, format, params)
		if err == nil {
			return &chunks{stream: stream}, nil
		}
		if !strings.Contains(err.Error(), "Streaming query is not supported") {
			return nil, err
		}
	}
	r, err := s.Query(text, format, params)
	if err != nil {
		return nil, err
	}
	return &chunks{whole: r}, nil
}

// chunks is the result of a statement: a stream, or one chunk.
type chunks struct {
	stream *libchdb.Stream
	whole  *libchdb.Result
	ended  bool
}

func (c *chunks) next() (*libchdb.Result, error) {
	if c.stream == nil {
		r := c.whole
		c.whole = nil
		return r, nil
	}
	r, err := c.stream.Next()
	c.ended = r == nil
	return r, err
}

func (c *chunks) close() {
	switch {
	case c.whole != nil:
		c.whole.Free()
	case c.stream != nil:
		if !c.ended {
			c.stream.Cancel()
		}
		c.stream.Close()
	}
}
