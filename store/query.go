package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
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

const (
	maxSubjects = 8192    // per query: the cost of one grows far slower than their number
	maxList     = 2 << 20 // bytes of their list
	maxQuery    = 4 << 20 // bytes of a query; ClickHouse's own limit is 256 KiB
)

// list writes subjects as a list for IN, as many as go into one query, and returns how many those are.
func list(subjects []schema.Subject, write func(*strings.Builder, schema.Subject)) (in string, n int) {
	var b strings.Builder
	for n < len(subjects) && n < maxSubjects && b.Len() < maxList {
		if n > 0 {
			b.WriteByte(',')
		}
		write(&b, subjects[n])
		n++
	}
	return b.String(), n
}

// writeToken writes a token as (tenant, token).
func writeToken(b *strings.Builder, s schema.Subject) {
	b.WriteByte('(')
	quote(b, s.Tenant)
	b.WriteByte(',')
	quote(b, s.Name)
	b.WriteByte(')')
}

// quote writes a string literal of which nothing but plain ASCII stands for itself.
func quote(b *strings.Builder, s string) {
	b.WriteByte('\'')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			fmt.Fprintf(b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
}

// quiet is for queries that name tokens, many of them: ClickHouse keeps them out of its query log.
func quiet(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"log_queries": 0, "max_query_size": maxQuery}))
}

var codeName = regexp.MustCompile(`\(([A-Z][A-Z0-9_]+)\)`)

// unquoted replaces ClickHouse's own words, which quote the query and so the tokens in it, by the name of the error.
func unquoted(err error) error {
	var x *clickhouse.Exception
	if !errors.As(err, &x) {
		return err
	}
	name := "an exception"
	if m := codeName.FindAllStringSubmatch(x.Message, -1); m != nil {
		name = m[len(m)-1][1]
	}
	return fmt.Errorf("clickhouse answered %s (code %d)", name, x.Code)
}
