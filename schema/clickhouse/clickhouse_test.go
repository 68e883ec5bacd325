package clickhouse

import (
	"regexp"
	"strings"
	"testing"
)

var (
	makes      = regexp.MustCompile(`(?m)^(CREATE|ALTER) .*`)
	repeatable = regexp.MustCompile(`^(CREATE (TABLE|VIEW) IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE) `)
	alters     = regexp.MustCompile(`(?m)^    [A-Z].*`)
)

// Migrations run again after a crash, at the same time in two processes, and on clusters: every statement must bear that.
func TestStatementsCanBeRepeatedEverywhere(t *testing.T) {
	ms, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range ms {
		if m.Version != uint32(i) {
			t.Errorf("migration %d has the number %d", i, m.Version)
		}
		for _, p := range []Params{{RetentionDays: 7}, {RetentionDays: 7, Cluster: "a`b"}} {
			stmts, err := m.Statements(p)
			if err != nil || len(stmts) == 0 {
				t.Fatalf("%s: %d statements, %v", m.Name, len(stmts), err)
			}
			for _, s := range stmts {
				head := makes.FindString(s)
				if !repeatable.MatchString(head) {
					t.Errorf("%s: %q cannot be repeated", m.Name, head)
				}
				if strings.HasPrefix(head, "ALTER") {
					for _, change := range alters.FindAllString(s, -1) {
						if !strings.HasPrefix(change, "    ADD COLUMN IF NOT EXISTS ") {
							t.Errorf("%s: %q cannot be repeated", m.Name, change)
						}
					}
				}
				if on := strings.Contains(head, " ON CLUSTER `a\\`b`"); on != (p.Cluster != "") {
					t.Errorf("%s: %q with cluster %q", m.Name, head, p.Cluster)
				}
				if replicated := strings.Contains(s, "ENGINE = Replicated"); strings.HasPrefix(head, "CREATE TABLE") && replicated != (p.Cluster != "") {
					t.Errorf("%s: %q with cluster %q has the wrong engine", m.Name, head, p.Cluster)
				}
			}
		}
	}
}
