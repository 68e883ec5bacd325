// Package clickhouse holds the SQL that makes hijackd's tables and views, as numbered migrations for package store to run.
//
// It renders text and nothing else: it opens no connection and knows no driver.
package clickhouse

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

//go:embed *.sql
var files embed.FS

// Migration is one numbered step. Once released it never changes: a correction is a new migration.
type Migration struct {
	Version uint32
	Name    string
	SHA256  string // of the file as it is embedded, before rendering, so that settings don't change it
	text    string
}

// Params is what differs from one installation to the next.
type Params struct {
	Cluster       string // for ON CLUSTER and Replicated engines; empty on a single server
	RetentionDays int    // after which events are dropped, counted from the record time
}

// OnCluster is the clause that follows the name in every CREATE, with a space before it, empty on a single server.
func (p Params) OnCluster() string {
	if p.Cluster == "" {
		return ""
	}
	return " ON CLUSTER `" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(p.Cluster) + "`"
}

// ReplacingMergeTree is the engine that keeps, of rows with one key, that of the greatest version. Replicated ones take their path from
// the server's default_replica_path.
func (p Params) ReplacingMergeTree(version string) string {
	if p.Cluster == "" {
		return "ReplacingMergeTree(" + version + ")"
	}
	return "ReplicatedReplacingMergeTree(" + version + ")"
}

// AgentDays is how long a user agent is kept: it is written once in a week of use, and needed as long as any event of that week.
func (p Params) AgentDays() int { return p.RetentionDays + 28 }

var name = regexp.MustCompile(`^(\d{4})_([a-z_]+)\.sql$`)

// Migrations returns all migrations in the order in which they are applied.
func Migrations() ([]Migration, error) {
	entries, err := files.ReadDir(".") // sorted by name
	if err != nil {
		return nil, err
	}
	var ms []Migration
	for _, e := range entries {
		m := name.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("migration %s: the name is not NNNN_words.sql", e.Name())
		}
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		v, err := strconv.ParseUint(m[1], 10, 32)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		ms = append(ms, Migration{Version: uint32(v), Name: m[2], SHA256: hex.EncodeToString(sum[:]), text: string(text)})
	}
	return ms, nil
}

// Statements renders the migration and splits it at semicolons that end a line.
func (m Migration) Statements(p Params) ([]string, error) {
	t, err := template.New(m.Name).Option("missingkey=error").Parse(m.text)
	if err != nil {
		return nil, fmt.Errorf("migration %d: %w", m.Version, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("migration %d: %w", m.Version, err)
	}
	var out []string
	for s := range strings.SplitSeq(b.String(), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}
