package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	sql "github.com/hijackd/hijackd/schema/clickhouse"
)

func auditLine(why string) schema.Audit {
	return schema.Audit{ID: schema.AuditID("command", "release", "act_1", why), Time: noon, Tenant: "acme", Kind: "command", What: "release", About: "act_1",
		Subject: "h1:k:a", By: "ann@soc-1", Via: "cli", Why: why, Detail: "1 of 1 released"}
}

func TestAuditView(t *testing.T) {
	db := newDB(t)
	if err := db.InsertAudit(t.Context(), nil); err != nil {
		t.Error(err)
	}
	for range 3 { // what is told again after a crash is the same line
		if err := db.InsertAudit(t.Context(), []schema.Audit{auditLine("it's a 'test' — \x00\n"), auditLine("another")}); err != nil {
			t.Fatal(err)
		}
	}
	if n := one[uint64](t, db, "SELECT count() FROM audit"); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	got := one[string](t, db, "SELECT toString(tuple(id, tenant, kind, what, about, subject, `by`, via, detail)) FROM audit WHERE why = 'another'")
	a := auditLine("another")
	want := `('` + strings.Join([]string{a.ID, a.Tenant, a.Kind, a.What, a.About, a.Subject, a.By, a.Via, a.Detail}, "','") + `')`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := one[time.Time](t, db, "SELECT time FROM audit WHERE why = ?", "it's a 'test' — \x00\n"); !got.Equal(noon) {
		t.Errorf("time %s, want %s", got, noon)
	}
}

func TestAuditIsReadBack(t *testing.T) {
	db := newDB(t)
	first, second, other := auditLine("first"), auditLine("second"), auditLine("third")
	second.Time = noon.Add(time.Second)
	other.Kind, other.What, other.Tenant = "switch", "kill", ""
	if err := db.InsertAudit(t.Context(), []schema.Audit{first, second, other}); err != nil {
		t.Fatal(err)
	}
	acme := "acme"
	for _, tt := range []struct {
		f     AuditFilter
		limit int
		want  []schema.Audit
	}{
		{AuditFilter{Tenant: &acme}, 9, []schema.Audit{second, first}},
		{AuditFilter{Kinds: []string{"command"}}, 1, []schema.Audit{second}},
		{AuditFilter{Kinds: []string{"switch"}, Whats: []string{"kill", "unkill"}}, 9, []schema.Audit{other}},
		{AuditFilter{Whats: []string{"unkill"}}, 9, nil},
	} {
		got, err := db.Audit(t.Context(), tt.f, tt.limit)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %+v, %v; want %+v", tt.f, got, err, tt.want)
		}
	}
}

// An action has a row at each destination, and each shows the highest state of its last round, whatever the order of writing.
func TestActionsViewByDestination(t *testing.T) {
	db := newDB(t)
	at := func(to string, round int, s schema.ActionState, attempts int) schema.Action {
		return schema.Action{ID: "act_1", Action: schema.RevokeSession, To: to, Round: round, State: s, Attempts: attempts, DecidedAt: noon, By: "ann"}
	}
	for _, a := range []schema.Action{
		at("", 1, schema.ActionPending, 0), at("", 0, schema.ActionFailed, 9), at("", 0, schema.ActionPending, 2),
		at("caep", 0, schema.ActionDelivered, 1), at("caep", 0, schema.ActionPending, 7),
		at("keycloak", 2, schema.ActionFailed, 1), at("keycloak", 1, schema.ActionDelivered, 3),
	} {
		if err := db.InsertActions(t.Context(), []schema.Action{a}); err != nil {
			t.Fatal(err)
		}
	}
	got := one[string](t, db, "SELECT toString(arraySort(groupArray((action_id, destination, round, state, attempts, ordered_by)))) FROM actions")
	want := `[('act_1','',1,'pending',0,'ann'),('act_1','caep',0,'delivered',1,'ann'),('act_1','keycloak',2,'failed',1,'ann')]`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if n := one[uint64](t, db, "SELECT count() FROM actions WHERE action_id = 'act_1' AND destination = ''"); n != 1 {
		t.Errorf("%d actions at the primary destination, want 1", n)
	}
}

// What was written before the audit migration is shown after it, and the program before it may go on writing.
func TestAuditMigrationKeepsWhatIsThere(t *testing.T) {
	db := open(t, testDSN(t), 90)
	ctx := t.Context()
	if err := db.createDatabase(ctx); err != nil {
		t.Fatal(err)
	}
	ms, err := sql.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms[:4] {
		if err := db.apply(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	old := func(id string, version uint64, state uint8) {
		t.Helper()
		exec(ctx, t, db, "INSERT INTO action_states (tenant, action_id, version, action, state) VALUES ('', ?, ?, 'revoke_session', ?)", id, version, state)
	}
	old("act_1", uint64(schema.ActionFailed)<<32|8, uint8(schema.ActionFailed))
	exec(ctx, t, db, "INSERT INTO finding_versions (id, strength, rule, summary) VALUES ('fnd_1', 5, 'replay', 'as before')")

	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	old("act_2", uint64(schema.ActionPending)<<32, uint8(schema.ActionPending))
	reopened := schema.Action{ID: "act_1", Action: schema.RevokeSession, Round: 1, State: schema.ActionPending}
	if err := db.InsertActions(ctx, []schema.Action{reopened}); err != nil {
		t.Fatal(err)
	}
	got := one[string](t, db, "SELECT toString(arraySort(groupArray((action_id, destination, round, state)))) FROM actions")
	if want := `[('act_1','',1,'pending'),('act_2','',0,'pending')]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := one[string](t, db, "SELECT toString((id, rule, summary, risk, signals, targets)) FROM findings"); got != `('fnd_1','replay','as before',0,'','')` {
		t.Error(got)
	}
}

func exec(ctx context.Context, t *testing.T, db *DB, query string, args ...any) {
	t.Helper()
	if err := db.conn.Exec(ctx, query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestFindingsViewShowsWhatTheyAddUpTo(t *testing.T) {
	db := newDB(t)
	f := finding("h1:k:a")
	f.Risk = 0.97
	f.Signals = []schema.Weight{{Signal: schema.SignalDistance, P: 0.9}, {Signal: schema.SignalDevice, P: 0.5}}
	f.Targets = []schema.Target{{Token: "h1:k:b", User: "u-2", Epoch: 1, Partition: 3}}
	if err := db.InsertFindings(t.Context(), []schema.Finding{f}); err != nil {
		t.Fatal(err)
	}
	got := one[string](t, db, "SELECT concat(toString(risk), signals, targets) FROM findings")
	want := `0.97[{"signal":"distance","p":0.9},{"signal":"device","p":0.5}][{"token":"h1:k:b","user":"u-2","epoch":1,"partition":3}]`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
