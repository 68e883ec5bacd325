package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/hijackd/hijackd/schema"
)

// ActionFilter says which actions to read; what is empty is no condition.
type ActionFilter struct {
	IDs    []string // ids, at whichever destination
	States []schema.ActionState
	Tenant *string
	User   string
	Rule   string    // that decided it
	Since  time.Time // decided at or after
}

// Actions calls each for every action that fits, the oldest decision first, once for each of its destinations. A released one is pending. It
// stops at the first error of each.
func (db *DB) Actions(ctx context.Context, f ActionFilter, each func(*schema.Action) error) error {
	rows, err := db.conn.Query(quiet(ctx), `SELECT action_id, action, state, tenant, destination, round, ordered_by, subject, epoch, token, session, user, partition,
		reason, risk, mode, findings, decided_at, released, attempts, finished_at, outcome FROM actions WHERE `+f.where()+` ORDER BY decided_at, action_id, destination`)
	if err == nil {
		err = readActions(rows, each)
	}
	if err != nil {
		return fmt.Errorf("read actions: %w", unquoted(err))
	}
	return nil
}

func (f *ActionFilter) where() string {
	conditions := []string{"true"}
	add := func(column string, values ...string) {
		if len(values) > 0 {
			conditions = append(conditions, column+" IN ("+literals(values)+")")
		}
	}
	add("action_id", f.IDs...)
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = s.String()
	}
	add("state", states...)
	if f.Tenant != nil {
		add("tenant", *f.Tenant)
	}
	if f.User != "" {
		add("user", f.User)
	}
	if f.Rule != "" {
		add("reason", f.Rule)
	}
	if !f.Since.IsZero() {
		conditions = append(conditions, fmt.Sprintf("decided_at >= fromUnixTimestamp64Nano(%d, 'UTC')", f.Since.UnixNano()))
	}
	return strings.Join(conditions, " AND ")
}

// literals writes texts as a list for IN.
func literals(texts []string) string {
	var b strings.Builder
	for i, s := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		quote(&b, s)
	}
	return b.String()
}

// stateNamed is the state that the view shows under a name.
func stateNamed(name string) schema.ActionState {
	for s := schema.ActionPending; s <= schema.ActionDelivered; s++ {
		if s.String() == name {
			return s
		}
	}
	return 0
}

func readActions(rows driver.Rows, each func(*schema.Action) error) error {
	defer rows.Close()
	for rows.Next() {
		var a schema.Action
		var action, state, findings string
		var round, attempts int64
		var finished *time.Time
		if err := rows.Scan(&a.ID, &action, &state, &a.Tenant, &a.To, &round, &a.By, &a.Subject, &a.Epoch, &a.Token, &a.Session, &a.User, &a.Partition,
			&a.Reason, &a.Risk, &a.Mode, &findings, &a.DecidedAt, &a.Released, &attempts, &finished, &a.Outcome); err != nil {
			return err
		}
		a.Action, a.State, a.Round, a.Attempts = schema.Decision(action), stateNamed(state), int(round), int(attempts)
		if finished != nil {
			a.FinishedAt = *finished
		}
		if json.Unmarshal([]byte(findings), &a.Findings) != nil {
			a.Findings = nil // what somebody else wrote
		}
		if err := each(&a); err != nil {
			return err
		}
	}
	return rows.Err()
}
