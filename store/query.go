package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/hijackd/hijackd/schema"
)

// numbers writes ids as a list for IN.
func numbers(ids []uint64) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(id, 10))
	}
	return b.String()
}

// withSubjects sends the subjects along with a query as a table named subjects: data, not text, so that no query log and no error
// message ever shows a token.
func withSubjects(ctx context.Context, subjects []schema.Subject) (context.Context, error) {
	t, err := ext.NewTable("subjects", ext.Column("tenant", "String"), ext.Column("token", "String"))
	if err != nil {
		return nil, err
	}
	for i := range subjects {
		if err := t.Append(&subjects[i].Tenant, &subjects[i].Name); err != nil {
			return nil, err
		}
	}
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(t)), nil
}
