package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// AuditFilter says which lines of the audit trail to read; what is empty is no condition.
type AuditFilter struct {
	Kinds, Whats []string
	Tenant       *string
}

// Audit returns the latest lines of the audit trail that fit, at most limit of them, the last one first.
func (db *DB) Audit(ctx context.Context, f AuditFilter, limit int) ([]schema.Audit, error) {
	conditions := []string{"true"}
	if len(f.Kinds) > 0 {
		conditions = append(conditions, "kind IN ("+literals(f.Kinds)+")")
	}
	if len(f.Whats) > 0 {
		conditions = append(conditions, "what IN ("+literals(f.Whats)+")")
	}
	if f.Tenant != nil {
		conditions = append(conditions, "tenant IN ("+literals([]string{*f.Tenant})+")")
	}
	rows, err := db.conn.Query(quiet(ctx), fmt.Sprintf("SELECT id, time, tenant, kind, what, about, subject, `by`, via, why, detail FROM audit WHERE %s "+
		"ORDER BY time DESC, id LIMIT %d", strings.Join(conditions, " AND "), limit))
	if err != nil {
		return nil, fmt.Errorf("read audit lines: %w", unquoted(err))
	}
	defer rows.Close()
	var lines []schema.Audit
	for rows.Next() {
		var a schema.Audit
		if err := rows.Scan(&a.ID, &a.Time, &a.Tenant, &a.Kind, &a.What, &a.About, &a.Subject, &a.By, &a.Via, &a.Why, &a.Detail); err != nil {
			return nil, fmt.Errorf("read audit lines: %w", err)
		}
		lines = append(lines, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read audit lines: %w", unquoted(err))
	}
	return lines, nil
}
