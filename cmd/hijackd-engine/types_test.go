package main

import (
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// column is a type of the engine and values of it, which must come back as they went in.
type columnCase struct {
	typ    string
	values []any
}

func columnCases() []columnCase {
	text, number := "x", uint32(7)
	moment := time.Date(2026, 11, 21, 10, 0, 2, 900_123_456, time.UTC)
	return []columnCase{
		{"UInt8", []any{uint8(0), uint8(255)}},
		{"UInt16", []any{uint16(0), uint16(math.MaxUint16)}},
		{"UInt32", []any{uint32(0), uint32(math.MaxUint32)}},
		{"UInt64", []any{uint64(0), uint64(math.MaxUint64)}},
		{"Int8", []any{int8(-128), int8(127)}},
		{"Int16", []any{int16(math.MinInt16), int16(math.MaxInt16)}},
		{"Int32", []any{int32(math.MinInt32), int32(math.MaxInt32)}},
		{"Int64", []any{int64(math.MinInt64), int64(math.MaxInt64)}},
		{"Float32", []any{float32(-1.5), float32(math.MaxFloat32)}},
		{"Float64", []any{-1.5, math.Inf(1)}},
		{"Bool", []any{true, false}},
		{"String", []any{"", "Zoë \x00 ' \\ \n"}},
		{"FixedString(16)", []any{"0123456789abcdef", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"}},
		{"Date", []any{moment.Truncate(24 * time.Hour), time.Unix(0, 0).UTC()}},
		{"DateTime('UTC')", []any{moment.Truncate(time.Second), time.Unix(0, 0).UTC()}},
		{"DateTime64(3, 'UTC')", []any{moment.Truncate(time.Millisecond), time.Unix(0, 0).UTC()}},
		{"DateTime64(9, 'UTC')", []any{moment, time.Unix(0, 1).UTC()}},
		{"IPv6", []any{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.1")}},
		{"UUID", []any{uuid.UUID{}, uuid.MustParse("6b1f9c1e-6c0c-4d43-9d5c-2f0f5a7f0a11")}},
		{"Enum8('pending' = 1, 'held, (' = 2)", []any{"pending", "held, ("}},
		{"LowCardinality(String)", []any{"", "FR"}},
		{"LowCardinality(Nullable(String))", []any{&text, (*string)(nil)}},
		{"Nullable(UInt32)", []any{&number, (*uint32)(nil)}},
		{"Nullable(String)", []any{(*string)(nil), &text}},
		{"Array(String)", []any{[]string{}, []string{"a", ""}}},
		{"Array(UInt64)", []any{[]uint64{1, 2}, []uint64{}}},
		{"Array(LowCardinality(String))", []any{[]string{"FR", "FR"}, []string{}}},
		{"Array(Array(UInt32))", []any{[][]uint32{{1}, {}}, [][]uint32{}}},
		{"Map(String, UInt64)", []any{map[string]uint64{"a": 1, "b": 2}, map[string]uint64{}}},
		{"Map(LowCardinality(String), Array(Nullable(UInt32)))", []any{map[string][]*uint32{"k": {&number, nil}}, map[string][]*uint32{}}},
		{"SimpleAggregateFunction(max, UInt64)", []any{uint64(3), uint64(4)}},
	}
}

func TestTypesComeBackAsTheyWentIn(t *testing.T) {
	eachProtocol(t, func(t *testing.T, conn driver.Conn) {
		for _, c := range columnCases() {
			t.Run(c.typ, func(t *testing.T) {
				exec1(t, conn, "CREATE OR REPLACE TABLE roundtrip (i UInt32, v "+c.typ+") ENGINE = MergeTree ORDER BY i")
				const repeat = 500
				batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO roundtrip")
				if err != nil {
					t.Fatal(err)
				}
				defer batch.Close()
				for i := range repeat {
					if err := batch.Append(uint32(i), c.values[i%len(c.values)]); err != nil {
						t.Fatal(err)
					}
				}
				if err := batch.Send(); err != nil {
					t.Fatal(err)
				}
				rows, err := conn.Query(t.Context(), "SELECT v FROM roundtrip ORDER BY i")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				n := 0
				for ; rows.Next(); n++ {
					wanted := c.values[n%len(c.values)]
					got := reflect.New(reflect.TypeOf(wanted))
					if err := rows.Scan(got.Interface()); err != nil {
						t.Fatal(err)
					}
					if g := got.Elem().Interface(); !same(g, wanted) {
						t.Fatalf("row %d: got %#v, want %#v", n, g, wanted)
					}
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				want(t, "rows", n, repeat)
			})
		}
	})
}

func same(got, wanted any) bool {
	if moment, ok := wanted.(time.Time); ok {
		return moment.Equal(got.(time.Time))
	}
	return reflect.DeepEqual(got, wanted)
}
