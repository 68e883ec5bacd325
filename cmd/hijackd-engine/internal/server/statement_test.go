package server

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDataInsert(t *testing.T) {
	for _, c := range []struct{ text, head, format string }{
		{"INSERT INTO t", "INSERT INTO t", "Native"},
		{"insert into t (a, `b c`) values", "insert into t (a, `b c`)", "Native"},
		{"INSERT INTO t (a) FORMAT Native", "INSERT INTO t (a)", "Native"},
		{"INSERT INTO t FORMAT JSONEachRow;\n", "INSERT INTO t", "JSONEachRow"},
		{"-- why\n/* and */ INSERT INTO t VALUES", "INSERT INTO t", "Native"},
		{"INSERT INTO t SETTINGS async_insert = 0 VALUES", "INSERT INTO t SETTINGS async_insert = 0", "Native"},
	} {
		head, format, ok := dataInsert(c.text)
		if !ok || head != c.head || format != c.format {
			t.Errorf("%q: got %q, %q, %v", c.text, head, format, ok)
		}
	}
	for _, text := range []string{
		"SELECT 1", "INSERT INTO t VALUES (1)", "INSERT INTO t (a) VALUES\n('x'), ('INSERT INTO t')", "INSERT INTO t SELECT 1",
		"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x", "INSERT INTO t FORMAT JSONEachRow {\"a\": 1}",
		"INSERT INTO t FROM INFILE 'x'", "ALTER TABLE t DELETE WHERE 1", "EXPLAIN INSERT INTO t",
	} {
		if head, format, ok := dataInsert(text); ok {
			t.Errorf("%q: taken for an insert of data: %q, %q", text, head, format)
		}
	}
}

func TestInsertTarget(t *testing.T) {
	for _, c := range []struct {
		head, table string
		columns     []string
	}{
		{"INSERT INTO t", "t", nil},
		{"INSERT INTO TABLE db.t", "db.t", nil},
		{"INSERT INTO `a, b`.\"c.d\" ( x ,\n`y z`,n.k )", "`a, b`.\"c.d\"", []string{"x", "y z", "n.k"}},
		{"INSERT INTO t(a)", "t", []string{"a"}},
		{"INSERT INTO t (a) SETTINGS async_insert = 0", "t", []string{"a"}},
		{"INSERT INTO FUNCTION null('x UInt8')", "FUNCTION null('x UInt8')", nil},
	} {
		table, columns, ok := insertTarget(c.head)
		if !ok || table != c.table || !slices.Equal(columns, c.columns) {
			t.Errorf("%q: got %q, %q, %v", c.head, table, columns, ok)
		}
	}
	if _, _, ok := insertTarget("INSERT INTO"); ok {
		t.Error("found a table where there is none")
	}
}

func TestIsSelect(t *testing.T) {
	for text, wanted := range map[string]bool{
		"select 1": true, "  WITH 1 AS x SELECT x": true, "((SELECT 1))": true, "/* SHOW */ -- x\nSELECT 1": true,
		"SHOW TABLES": false, "EXPLAIN SELECT 1": false, "INSERT INTO t SELECT 1": false, "SELECTED": false,
	} {
		if isSelect(text) != wanted {
			t.Errorf("%q: got %v", text, !wanted)
		}
	}
	if got := withoutFormat("SELECT 1 FORMAT  JSON ;"); got != "SELECT 1" {
		t.Errorf("got %q", got)
	}
}

// The server's own quoting: unquote(literal(s)) == s for all text, control characters included.
func TestUnquoteUndoesLiteral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if got := unquote(literal(s)); got != s {
			t.Fatalf("got %q, want %q", got, s)
		}
	})
	for quoted, wanted := range map[string]string{`'a\nb\t\r\0\'\\'`: "a\nb\t\r\x00'\\", "17": "17", "": "", "'": "'"} {
		if got := unquote(quoted); got != wanted {
			t.Errorf("%q: got %q, want %q", quoted, got, wanted)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, text := range []string{"INSERT INTO t (a) VALUES", "SELECT 1", "'a\\", "INSERT INTO t()", "INSERT INTO FUNCTION f(("} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		unquote(text)
		head, _, ok := dataInsert(text)
		if !ok {
			return
		}
		if !strings.Contains(text, head) {
			t.Fatalf("%q is not of %q", head, text)
		}
		if table, _, ok := insertTarget(head); ok && !strings.Contains(head, table) {
			t.Fatalf("%q is not of %q", table, head)
		}
	})
}

func TestExceptionCode(t *testing.T) {
	for text, wanted := range map[string]int{
		"Code: 60. DB::Exception: Unknown table": 60, "Code: x. DB::Exception": codeUnknown, "broken": codeUnknown, "": codeUnknown,
	} {
		if got := exceptionCode(textError(text)); got != wanted {
			t.Errorf("%q: got %d, want %d", text, got, wanted)
		}
	}
	if got := exceptionCode(exception(codeNoSuchColumn, "no %s", "x")); got != codeNoSuchColumn {
		t.Errorf("got %d", got)
	}
}

type textError string

func (e textError) Error() string { return string(e) }
