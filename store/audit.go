package store

import (
	"context"
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

// InsertAudit writes lines of the audit trail. Writing one again changes nothing.
func (db *DB) InsertAudit(ctx context.Context, lines []schema.Audit) error {
	if len(lines) == 0 {
		return nil
	}
	if err := db.insertAudit(ctx, lines); err != nil {
		return fmt.Errorf("insert audit lines: %w", err)
	}
	return nil
}

func (db *DB) insertAudit(ctx context.Context, lines []schema.Audit) error {
	ctx, done := db.inserting(ctx)
	defer done()
	batch, err := db.conn.PrepareBatch(ctx, "INSERT INTO audit_log (tenant, id, time, kind, what, about, subject, `by`, via, why, detail)")
	if err != nil {
		return err
	}
	defer batch.Close()
	for i := range lines {
		a := &lines[i]
		err := batch.Append(a.Tenant, a.ID, since1900(a.Time), a.Kind, a.What, a.About, a.Subject, a.By, a.Via, a.Why, a.Detail)
		if err != nil {
			return err
		}
	}
	return batch.Send()
}
