// Package server makes the embedded engine look like a ClickHouse server: the native protocol over TCP and HTTP.
//
// It speaks what clickhouse-go v2 speaks, at the protocol revision of that driver, and hands statements to the engine
// as they are. It refuses to be a server on a network: it knows no users, no TLS, no roles and no replicas.
package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hijackd/hijackd/cmd/hijackd-engine/internal/libchdb"
)

// neverCompiled are the settings that let the engine generate machine code while it runs, which a service hardened with
// MemoryDenyWriteExecute may not do. They are off in every session, whatever a client asks for.
var neverCompiled = []string{"compile_expressions", "compile_aggregate_expressions", "compile_sort_description"}

// Engine is the running engine: one data folder, one per process.
type Engine struct {
	// Version of the engine, such as 26.7.2.1, and the time zone that it computes in.
	Version, Timezone string

	lib  *libchdb.Library
	args []string
	ids  atomic.Uint64

	mu    sync.Mutex
	admin *libchdb.Conn // kills queries; guarded by mu
}

// Open starts the engine of the library on a data folder, which it creates if need be.
func Open(library, folder string) (*Engine, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w", err)
	}
	// Without an explicit file the engine takes any config.xml that lies in the working folder.
	config := filepath.Join(folder, "engine.xml")
	if err := os.WriteFile(config, []byte("<clickhouse/>\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	lib, err := libchdb.Load(library)
	if err != nil {
		return nil, err
	}
	e := &Engine{lib: lib, args: []string{"--path=" + folder, "--config-file=" + config,
		// Columns of type JSON and Dynamic in the form that clickhouse-go reads.
		"--output_format_native_use_flattened_dynamic_and_json_serialization=1"}}
	for _, name := range neverCompiled {
		e.args = append(e.args, "--"+name+"=0")
	}
	if e.admin, err = lib.Connect(e.args...); err != nil {
		return nil, err
	}
	r, err := e.admin.Query("SELECT version(), timezone()", "TSV", nil)
	if err != nil {
		return nil, fmt.Errorf("ask the engine for its version: %w", err)
	}
	defer r.Free()
	e.Version, e.Timezone, _ = strings.Cut(strings.TrimSpace(string(r.Data)), "\t")
	return e, nil
}

// Close stops the engine: the end of its last session flushes and closes the tables. All others must have ended.
// The library's own shutdown is left out: it joins threads, which the exit of the process does as well.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.admin.Close()
}

func (e *Engine) kill(condition string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	// A query that has ended meanwhile is no error, and nobody could act on another one.
	_ = e.admin.Run("KILL QUERY WHERE " + condition + " ASYNC")
}
