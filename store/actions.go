package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

// InsertActions writes actions as they stand, a row for each destination. Writing one again changes nothing, and of several states of one the
// view shows the highest of the last round, whatever their order.
func (db *DB) InsertActions(ctx context.Context, as []schema.Action) error {
	if len(as) == 0 {
		return nil
	}
	if err := db.insertActions(ctx, as); err != nil {
		return fmt.Errorf("insert actions: %w", err)
	}
	return nil
}

func (db *DB) insertActions(ctx context.Context, as []schema.Action) error {
	ctx, done := db.inserting(ctx)
	defer done()
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO action_states (tenant, action_id, version, action, state, subject, epoch, token, session, user, "+
		"partition, reason, risk, mode, findings, decided_at, released, attempts, finished_at, outcome, destination, round, ordered_by)")
	if err != nil {
		return err
	}
	defer batch.Close()
	for i := range as {
		a := &as[i]
		findings, err := json.Marshal(a.Findings)
		if err != nil {
			return fmt.Errorf("findings: %w", err)
		}
		err = batch.Append(a.Tenant, a.EntryID(), standing(a), string(a.Action), uint8(a.State), a.Subject, a.Epoch, a.Token, a.Session, a.User,
			a.Partition, a.Reason, a.Risk, a.Mode, string(findings), since1900(a.DecidedAt), a.Released, int64(a.Attempts), since1900(a.FinishedAt), a.Outcome,
			a.To, int64(a.Round), a.By)
		if err != nil {
			return err
		}
	}
	return batch.Send()
}

// standing orders the records of one action at one destination: by round, then by state, then by attempts.
func standing(a *schema.Action) uint64 {
	round, attempts := min(max(a.Round, 0), 1<<24-1), min(max(a.Attempts, 0), 1<<31)
	return uint64(round)<<40 | uint64(a.State)<<32 | uint64(attempts) // #nosec G115 -- 24, 8 and 32 bits
}
