package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func prepare(t *testing.T, conn driver.Conn, query string) driver.Batch {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	t.Cleanup(func() { _ = batch.Close() })
	return batch
}

func send(t *testing.T, batch driver.Batch) {
	t.Helper()
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

func TestInsertOfSeveralBlocks(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE blocks (id UInt64, s Nullable(String)) ENGINE = MergeTree ORDER BY id")
		batch := prepare(t, conn, "INSERT INTO blocks")
		for block := range 10 {
			for i := range 1000 {
				if err := batch.Append(uint64(block*1000+i), "x"); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Flush(); err != nil { // sends a block; over HTTP it waits for Send
				t.Fatal(err)
			}
		}
		send(t, batch)
		want(t, "rows", one[uint64](t, conn, "SELECT uniqExact(id) FROM blocks"), 10_000)
		send(t, prepare(t, conn, "INSERT INTO blocks (id)")) // nothing
		want(t, "rows", one[uint64](t, conn, "SELECT count() FROM blocks"), 10_000)
	})
}

func TestInsertWithColumnLists(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE `odd, name` (id UInt64, s String DEFAULT 'd', `a b` UInt8 DEFAULT 9, twice UInt64 MATERIALIZED id * 2, "+
			"text String ALIAS toString(id), n Nested(k String, v UInt8)) ENGINE = MergeTree ORDER BY id")
		for i, query := range []string{
			"INSERT INTO `odd, name` (s, id)",
			"INSERT INTO `odd, name` (`s`, `id`) VALUES",
			"insert into `odd, name` ( s ,\n id ) values",
			"-- why\nINSERT INTO `odd, name` (s, id) SETTINGS max_threads = 1",
		} {
			batch := prepare(t, conn, query)
			if err := batch.Append("s", uint64(i)); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			send(t, batch)
		}
		batch := prepare(t, conn, "INSERT INTO `odd, name` (id, `a b`, n.k, n.v)")
		if err := batch.Append(uint64(100), uint8(1), []string{"k"}, []uint8{2}); err != nil {
			t.Fatal(err)
		}
		send(t, batch)
		batch = prepare(t, conn, "INSERT INTO `odd, name`")
		if err := batch.Append(uint64(101), "all", uint8(1), []string{}, []uint8{}); err != nil {
			t.Fatal(err)
		}
		send(t, batch)
		want(t, "computed columns", one[uint64](t, conn, "SELECT countIf(twice = id * 2 AND text = toString(id)) FROM `odd, name`"), 6)
		want(t, "defaults", one[string](t, conn, "SELECT concat(s, toString(`a b`), n.k[1]) FROM `odd, name` WHERE id = 100"), "d1k")
	})
}

func TestInsertOfLargeBlocks(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE large (id UInt64, s String, c LowCardinality(String), a Array(UInt32)) ENGINE = MergeTree ORDER BY id")
		const rows = 120_000
		batch := prepare(t, conn, "INSERT INTO large")
		ids, texts, countries, lists := make([]uint64, rows), make([]string, rows), make([]string, rows), make([][]uint32, rows)
		for i := range rows {
			ids[i], texts[i], countries[i], lists[i] = uint64(i), "some text", "FR", []uint32{1, 2}
		}
		for i, values := range []any{ids, texts, countries, lists} {
			if err := batch.Column(i).Append(values); err != nil {
				t.Fatal(err)
			}
		}
		send(t, batch)
		want(t, "rows", one[uint64](t, conn, "SELECT countIf(s = 'some text' AND c = 'FR' AND a = [1, 2]) FROM large"), rows)
		wide := strings.Repeat("0123456789", 1_000_000) // 10 MB
		batch = prepare(t, conn, "INSERT INTO large (id, s)")
		if err := batch.Append(uint64(rows), wide); err != nil {
			t.Fatal(err)
		}
		send(t, batch)
		want(t, "a long value", one[string](t, conn, "SELECT s FROM large WHERE id = 120000") == wide, true)
	})
}

func TestAbortedInsertStoresNothing(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE aborted (id UInt64) ENGINE = MergeTree ORDER BY id")
		batch := prepare(t, conn, "INSERT INTO aborted")
		if err := batch.Append(uint64(1)); err != nil {
			t.Fatal(err)
		}
		if err := batch.Abort(); err != nil {
			t.Fatal(err)
		}
		want(t, "rows", one[uint64](t, conn, "SELECT count() FROM aborted"), 0)
	})
}

func TestStatements(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE latest (k UInt64, version Int64, v String) ENGINE = ReplacingMergeTree(version) PARTITION BY k % 2 ORDER BY k TTL toDateTime(k) + INTERVAL 99 YEAR")
		exec1(t, conn, "SYSTEM STOP MERGES latest")
		for version := range 3 {
			exec1(t, conn, fmt.Sprintf("INSERT INTO latest SELECT number, -%d, 'v%d' FROM numbers(1000)", version, version))
		}
		want(t, "raw rows", one[uint64](t, conn, "SELECT count() FROM latest"), 3000)
		want(t, "FINAL", one[uint64](t, conn, "SELECT countIf(v = 'v0') FROM latest FINAL"), 1000)
		exec1(t, conn, "CREATE VIEW seen AS SELECT k, argMax(v, version) AS v FROM latest GROUP BY k")
		want(t, "view", one[string](t, conn, "SELECT v FROM seen WHERE k = 7"), "v0")
		exec1(t, conn, "INSERT INTO latest (k, version, v) VALUES (5000, 1, 'SELECT (x), y'), (5001, 1, 'it''s')")
		exec1(t, conn, "ALTER TABLE latest ADD COLUMN extra LowCardinality(String) DEFAULT 'e'")
		want(t, "new column", one[string](t, conn, "SELECT extra FROM latest WHERE k = 5000"), "e")
		exec1(t, conn, "SYSTEM START MERGES latest")
		exec1(t, conn, "ALTER TABLE latest DELETE WHERE k >= 5000 SETTINGS mutations_sync = 2")
		exec1(t, conn, "OPTIMIZE TABLE latest FINAL")
		want(t, "merged rows", one[uint64](t, conn, "SELECT count() FROM latest"), 1000)
		want(t, "parts", one[uint64](t, conn, "SELECT count() FROM system.parts WHERE active AND table = 'latest' AND database = currentDatabase()"), 2)
		want(t, "SHOW", strings.Contains(one[string](t, conn, "SHOW CREATE TABLE latest"), "ReplacingMergeTree(version)"), true)
		exec1(t, conn, "EXCHANGE TABLES latest AND latest") // a no-op that must parse
		exec1(t, conn, "TRUNCATE TABLE latest")
		exec1(t, conn, "DROP VIEW seen")
	})
}

func TestManyConnectionsAtOnce(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		exec1(t, conn, "CREATE TABLE busy (g UInt32, i UInt64) ENGINE = MergeTree ORDER BY (g, i)")
		var group sync.WaitGroup
		for g := range 8 {
			group.Go(func() {
				for round := range 5 {
					batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO busy")
					if err != nil {
						t.Error(err)
						return
					}
					for i := range 1000 {
						if err := batch.Append(uint32(g), uint64(round*1000+i)); err != nil {
							t.Error(err)
						}
					}
					if err := batch.Send(); err != nil {
						t.Error(err)
					}
					_ = batch.Close()
				}
			})
			group.Go(func() {
				for range 20 {
					var n uint64
					if err := conn.QueryRow(t.Context(), "SELECT count() FROM busy WHERE g = ?", g).Scan(&n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		want(t, "rows", one[uint64](t, conn, "SELECT uniqExact(g, i) FROM busy"), 40_000)
	})
}
