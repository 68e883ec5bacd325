package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func TestPing(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		if err := conn.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err := conn.ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(shared.Version, strings.TrimSuffix(v.Version.String(), ".0")) {
			t.Fatalf("driver sees version %s, the engine says %s", v.Version, shared.Version)
		}
		want(t, "database", strings.HasPrefix(one[string](t, conn, "SELECT currentDatabase()"), "TestPing"), true)
	})
}

func TestParameters(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		awkward := "a'b\n\t\\ {x} é"
		want(t, "string", one[string](t, conn, "SELECT {s:String}", clickhouse.Named("s", awkward)), awkward)
		want(t, "number", one[int64](t, conn, "SELECT {n:Int32} + 1", clickhouse.Named("n", -3)), -2)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		want(t, "time", one[time.Time](t, conn, "SELECT {t:DateTime('UTC')}", clickhouse.Named("t", at)).Unix(), at.Unix())
		want(t, "array", one[bool](t, conn, "SELECT has({a:Array(UInt64)}, 13) = 1 AS v", clickhouse.Named("a", []uint64{3, 13})), true)
		want(t, "positional", one[string](t, conn, "SELECT ?", awkward), awkward)
		keys := make([]uint64, 10_000)
		for i := range keys {
			keys[i] = uint64(2 * i)
		}
		want(t, "10,000 keys", one[uint64](t, conn, "SELECT count() FROM numbers(100000) WHERE number IN (?)", keys), 10_000)
	})
}

func TestExternalTable(t *testing.T) {
	conn := shared.open(t, protocols[1], "default")
	for range 2 { // the second replaces the first
		table, err := ext.NewTable("wanted", ext.Column("k", "UInt64"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if err := table.Append(uint64(3 * i)); err != nil {
				t.Fatal(err)
			}
		}
		ctx := clickhouse.Context(t.Context(), clickhouse.WithExternalTable(table))
		var n uint64
		if err := conn.QueryRow(ctx, "SELECT count() FROM numbers(3000) WHERE number IN wanted").Scan(&n); err != nil {
			t.Fatal(err)
		}
		want(t, "rows", n, 1000)
	}
}

func TestErrorsHaveTheServersCodes(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE small (x UInt8, CONSTRAINT c CHECK x < 10) ENGINE = MergeTree ORDER BY x")
		for _, c := range []struct {
			query string
			code  int32
		}{
			{"SELECT * FROM nosuch", 60}, {"SELEC 1", 62}, {"SELECT nosuch(1)", 46}, {"SELECT * FROM nosuch.t", 81},
			{"SELECT 1 SETTINGS nosuch = 1", 115}, {"INSERT INTO small VALUES (20)", 469}, {"CREATE TABLE small (x UInt8) ENGINE = Memory", 57},
		} {
			want(t, c.query, code(conn.Exec(t.Context(), c.query)), c.code)
			want(t, "usable afterwards", one[uint8](t, conn, "SELECT 1"), 1)
		}
		_, err := conn.PrepareBatch(t.Context(), "INSERT INTO nosuch")
		want(t, "insert into a missing table", code(err), 60)
		_, err = conn.PrepareBatch(t.Context(), "INSERT INTO small (y)")
		if err == nil { // over HTTP the driver itself finds out
			t.Fatal("an insert into a missing column was prepared")
		}
		batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO small")
		if err != nil {
			t.Fatal(err)
		}
		defer batch.Close()
		if err := batch.Append(uint8(20)); err != nil {
			t.Fatal(err)
		}
		want(t, "insert against a constraint", code(batch.Send()), 469)
		want(t, "rows after refused inserts", one[uint64](t, conn, "SELECT count() FROM small"), 0)
	})
}

func code(err error) int32 {
	if exception, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return exception.Code
	}
	return -1
}

func TestErrorInTheMiddleOfAResult(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		rows, err := conn.Query(t.Context(), "SELECT throwIf(number = 700000), number FROM numbers(1000000) SETTINGS max_block_size = 65536, max_threads = 1")
		n := 0
		if err == nil {
			defer rows.Close()
			for rows.Next() {
				n++
			}
			err = rows.Err()
		}
		want(t, "code", code(err), 395)
		want(t, "a result that is cut short is not taken for whole", n < 1_000_000, true)
		want(t, "usable afterwards", one[uint8](t, conn, "SELECT 1"), 1)
	})
}

func TestSettingsOfOneQueryDoNotReachTheNext(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		const query = "SELECT toString(getSetting('max_block_size'))"
		before := one[string](t, conn, query)
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 777, "max_threads": 1}))
		var inside string
		if err := conn.QueryRow(ctx, query).Scan(&inside); err != nil {
			t.Fatal(err)
		}
		want(t, "inside", inside, "777")
		want(t, "after", one[string](t, conn, query), before)
	})
}

func TestNothingIsCompiledAtRunTime(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		settings := clickhouse.Settings{}
		for _, name := range []string{"compile_expressions", "compile_aggregate_expressions", "compile_sort_description"} {
			settings[name] = 1
		}
		for _, ctx := range []context.Context{clickhouse.Context(t.Context(), clickhouse.WithSettings(settings)), t.Context()} {
			for name := range settings {
				var value string
				if err := conn.QueryRow(ctx, "SELECT toString(getSetting('"+name+"'))").Scan(&value); err != nil {
					t.Fatal(err)
				}
				want(t, name, value, "false")
			}
		}
	})
}

func TestStreamedResult(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		rows, err := conn.Query(t.Context(), "SELECT number, toString(number) FROM numbers(300000)")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var n, number uint64
		var text string
		for ; rows.Next(); n++ {
			if err := rows.Scan(&number, &text); err != nil {
				t.Fatal(err)
			}
			if number != n {
				t.Fatalf("row %d is %d", n, number)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		want(t, "rows", n, 300_000)
	})
}

func TestResultWithoutRowsHasColumns(t *testing.T) {
	for _, way := range protocols[:3] { // over HTTP the real server sends no block either
		conn := shared.open(t, way, "default")
		rows, err := conn.Query(t.Context(), "SELECT number AS a, 'x' AS b FROM numbers(0)")
		if err != nil {
			t.Fatal(err)
		}
		want(t, way.name, strings.Join(rows.Columns(), ","), "a,b")
		want(t, "rows", rows.Next(), false)
		_ = rows.Close()
	}
}

func TestCancelEndsTheQueryInTheEngine(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		running := func() uint64 {
			return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number)%' AND query NOT LIKE '%system.processes%'")
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- conn.Exec(ctx, "SELECT count() FROM numbers(1e13) WHERE NOT ignore(sipHash64(number)) SETTINGS max_threads = 1")
		}()
		eventually(t, "the query runs", func() bool { return running() == 1 })
		cancel()
		if err := <-ended; err == nil {
			t.Fatal("a cancelled query returned no error")
		}
		eventually(t, "the query has ended", func() bool { return running() == 0 })
	})
}

func TestEarlyCloseOfALargeResult(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		rows, err := conn.Query(t.Context(), "SELECT number FROM numbers(1000000)")
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
		_ = rows.Close()
		want(t, "usable afterwards", one[uint8](t, conn, "SELECT 1 FORMAT Native"), 1)
	})
}
