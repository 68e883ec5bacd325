package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// maxAgents bounds each cache of user agents. A flood of made-up ones empties a cache; it costs work, not memory.
const maxAgents = 1 << 15

const week = 7 * 24 * time.Hour

// agentID is the number that stands for a user agent in session_events, 0 for none. Anybody can send user agents, so it is cut from a
// hash for which nobody finds a second text to a given one: else one client could rename another's browser in every stored session.
func agentID(text string) uint64 {
	if text == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(text))
	return max(binary.LittleEndian.Uint64(sum[:8]), 1)
}

// agent is one row of user_agents.
type agent struct {
	id   uint64
	text string
	schema.Agent
	seen time.Time
}

// known remembers which user agents were already handed to the blocks of this process.
type known struct {
	agents map[string]knownAgent
}

type knownAgent struct {
	id   uint64
	week int64 // of the record time that it was last written for
}

// number returns the number of e's user agent, and adds its text to fresh where the block with e has to bring it.
func (k *known) number(e *schema.Event, fresh *[]agent) uint64 {
	if e.UserAgent == "" {
		return 0
	}
	w := e.RecordTime / int64(week)
	a, ok := k.agents[e.UserAgent]
	if ok && a.week >= w {
		return a.id
	}
	if !ok {
		a.id = agentID(e.UserAgent)
	}
	if k.agents == nil || len(k.agents) >= maxAgents {
		k.agents = make(map[string]knownAgent)
	}
	text := strings.Clone(e.UserAgent)
	k.agents[text] = knownAgent{a.id, w}
	*fresh = append(*fresh, agent{id: a.id, text: text, Agent: e.Agent, seen: day(e.RecordTime)})
	return a.id
}

// day is the date of a record time as ClickHouse's Date can hold it, from 1970 to 2149: clickhouse-go refuses any other, and one row that is
// refused would hold up all that come after it.
func day(ns int64) time.Time {
	const last = 65535 * 24 * int64(time.Hour/time.Second)
	return time.Unix(min(max(ns/int64(time.Second), 0), last), 0).UTC()
}

func insertAgents(ctx context.Context, db *DB, agents []agent) error {
	ctx, done := db.inserting(ctx)
	defer done()
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO user_agents (id, text, family, os, class, major, seen)")
	if err != nil {
		return err
	}
	defer batch.Close()
	for _, a := range agents {
		if err := batch.Append(a.id, a.text, a.Family, a.OS, uint8(a.Class), a.Major, a.seen); err != nil {
			return err
		}
	}
	return batch.Send()
}

// texts gives the user agents of stored events back, parsed, from a bounded cache.
type texts struct {
	parse func(string) schema.Agent
	mu    sync.Mutex
	known map[uint64]parsed
}

type parsed struct {
	text string
	schema.Agent
}

func newTexts(parse func(string) schema.Agent) *texts {
	return &texts{parse: parse, known: make(map[uint64]parsed)}
}

// fill sets the user agents of es, whose numbers are ids.
func (t *texts) fill(ctx context.Context, db *DB, es []schema.Event, ids []uint64) error {
	found := make(map[uint64]parsed)
	var missing []uint64
	t.mu.Lock()
	for _, id := range ids {
		if _, ok := found[id]; ok || id == 0 {
			continue
		}
		p, ok := t.known[id]
		if !ok {
			missing = append(missing, id)
		}
		found[id] = p
	}
	t.mu.Unlock()
	for part := range slices.Chunk(missing, 10_000) {
		if err := t.load(ctx, db, part, found); err != nil {
			return fmt.Errorf("load user agents: %w", err)
		}
	}
	for i, id := range ids {
		if id != 0 {
			es[i].UserAgent, es[i].Agent = found[id].text, found[id].Agent
		}
	}
	return nil
}

func (t *texts) load(ctx context.Context, db *DB, ids []uint64, found map[uint64]parsed) error {
	rows, err := db.conn.Query(ctx, "SELECT id, any(text) FROM user_agents WHERE id IN ("+numbers(ids)+") GROUP BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id uint64
		var p parsed
		if err := rows.Scan(&id, &p.text); err != nil {
			return err
		}
		p.Agent = t.parse(p.text)
		found[id] = p
		t.remember(id, p)
	}
	return rows.Err()
}

func (t *texts) remember(id uint64, p parsed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxAgents {
		clear(t.known)
	}
	t.known[id] = p
}
