package store

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// incident stores a stolen session: u-7 in Paris, a thief with curl in Tokyo, the finding, the revocation, and a use after it.
func incident(t *testing.T, db *DB) {
	t.Helper()
	e := running(t, db, EventsDefaults())
	const token = "h1:k1:mallory"
	at := func(o int64, after time.Duration) schema.Event {
		x := use(token, o)
		x.Time, x.User, x.ID = noon.Add(after).UnixNano(), "u-7", "e-"+strconv.FormatInt(o, 10)
		return x
	}
	thief := func(x schema.Event) schema.Event {
		x.IP, x.UserAgent = netip.MustParseAddr("203.0.113.9"), "curl Linux"
		x.Agent = parseAgent(x.UserAgent)
		x.Geo = schema.Geo{Country: "JP", City: "Tokyo", Lat: 35.6762, Lon: 139.6503, HasPlace: true, AccuracyKM: 10, ASN: 2497, ASOrg: "IIJ", Network: schema.NetworkHosting}
		return x
	}
	start := at(0, 0)
	start.Type = schema.SessionStarted
	other := use("h1:k1:bob", 9)
	other.User = "u-8"
	es := []schema.Event{start, at(1, time.Minute), thief(at(2, 2*time.Minute)), at(3, 3*time.Minute), thief(at(4, 10*time.Minute)), thief(other)}
	put(t, e, es...)
	put(t, e, es...)
	f := finding(token)
	f.User = "u-7"
	a := schema.Action{ID: "act_1", Action: schema.RevokeSession, State: schema.ActionDelivered, Token: token, Subject: token, Epoch: "0", User: "u-7",
		Reason: f.Rule, Risk: 0.97, Mode: "enforce", Findings: []schema.Finding{f}, DecidedAt: noon.Add(2 * time.Minute), Attempts: 1,
		FinishedAt: noon.Add(2*time.Minute + 120*time.Millisecond), Outcome: "204"}
	for range 2 {
		if err := db.InsertFindings(t.Context(), []schema.Finding{f}); err != nil {
			t.Fatal(err)
		}
		if err := db.InsertActions(t.Context(), []schema.Action{a}); err != nil {
			t.Fatal(err)
		}
		if err := db.InsertAudit(t.Context(), []schema.Audit{auditLine("false alarm")}); err != nil {
			t.Fatal(err)
		}
	}
}

// Every query of docs/schema.md runs and answers what its text promises.
func TestDocumentedQueries(t *testing.T) {
	text, err := os.ReadFile("../docs/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := sqlBlock.FindAllStringSubmatch(string(text), -1)
	want := []string{ // a part of the answer to each
		"session.used 203.0.113.9 JP Tokyo IIJ curl Linux",
		"203.0.113.9 JP Tokyo IIJ curl Linux",
		"h1:k1:mallory active 2 ",
		"impossible-travel revoke_session 1 1 0.95",
		"9 672 km in 4 min (145 080 km/h) 9672 240 145080 Paris Tokyo Firefox on Windows Chrome on Linux",
		"revoke_session delivered 1 0.12 1",
		"shop 1 ",
		"h1:k1:mallory",
		"IIJ hosting 203.0.113.9 2 2 0",
		" 3 6 0 9 0 ",
		"ann@soc-1 cli release act_1 h1:k:a false alarm 1 of 1 released",
	}
	if len(blocks) != len(want) {
		t.Fatalf("%d queries, want %d", len(blocks), len(want))
	}
	db := newDB(t)
	incident(t, db)
	for i, b := range blocks {
		if got := answer(t, db, b[1]); !strings.Contains(got, want[i]) {
			t.Errorf("query %d: %q is not in\n%s", i+1, want[i], got)
		}
	}
}

// answer runs a query and writes its rows as text, a space between columns.
func answer(t *testing.T, db *DB, query string) string {
	t.Helper()
	rows, err := db.conn.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		values := make([]any, len(rows.ColumnTypes()))
		for i, c := range rows.ColumnTypes() {
			values[i] = reflect.New(c.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			value := reflect.ValueOf(v).Elem()
			for value.Kind() == reflect.Pointer && !value.IsNil() {
				value = value.Elem()
			}
			fmt.Fprint(&b, value.Interface(), " ")
		}
		b.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return b.String()
}

// Every column of the public views is in the documentation.
func TestDocumentedColumns(t *testing.T) {
	text, err := os.ReadFile("../docs/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	db := newDB(t)
	for _, view := range []string{"events", "findings", "actions", "tokens", "audit"} {
		_, part, _ := strings.Cut(string(text), "## `"+view+"`")
		part, _, _ = strings.Cut(part, "\n## ")
		columns := one[[]string](t, db, "SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = ?", view)
		if len(columns) == 0 {
			t.Errorf("%s has no columns", view)
		}
		for _, c := range columns {
			if !strings.Contains(part, "`"+c+"`") && !strings.HasPrefix(c, "to_") {
				t.Errorf("docs/schema.md says nothing of %s.%s", view, c)
			}
		}
	}
}
