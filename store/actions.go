package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

// InsertActions writes actions as they stand. Writing one again changes nothing, and of several states of one the view shows the highest,
// whatever their order.
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
		"partition, reason, risk, mode, findings, decided_at, released, attempts, finished_at, outcome)")
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
		err = batch.Append(a.Tenant, a.ID, standing(a), string(a.Action), uint8(a.State), a.Subject, a.Epoch, a.Token, a.Session, a.User,
			a.Partition, a.Reason, a.Risk, a.Mode, string(findings), since1900(a.DecidedAt), a.Released, int64(a.Attempts), since1900(a.FinishedAt), a.Outcome)
		if err != nil {
			return err
		}
	}
	return batch.Send()
}

// standing orders the records of one action: by state, then by attempts.
func standing(a *schema.Action) uint64 {
	return uint64(a.State)<<32 | uint64(min(max(a.Attempts, 0), 1<<31)) // #nosec G115 -- 31 bits
}
