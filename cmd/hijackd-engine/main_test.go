package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// binary is the program under test, and shared the process that most tests talk to.
var (
	binary string
	shared *process
)

// How the binary is built.
var buildFlags, buildEnv = []string(nil), []string{"CGO_ENABLED=0"}

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (code int, err error) {
	if _, err := findLibrary(""); err != nil {
		return 0, fmt.Errorf("%w; run make test", err)
	}
	folder, err := os.MkdirTemp("", "hijackd-engine-test")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "hijackd-engine")
	build := exec.Command("go", append(append([]string{"build", "-trimpath"}, buildFlags...), "-o", binary, ".")...)
	build.Env = append(os.Environ(), buildEnv...)
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build: %w\n%s", err, out)
	}
	if shared, err = start(filepath.Join(folder, "data")); err != nil {
		return 0, err
	}
	code = m.Run()
	return code, shared.stop(syscall.SIGTERM)
}

// process is a running hijackd-engine.
type process struct {
	ready
	cmd   *exec.Cmd
	lease io.Closer
}

func start(data string, args ...string) (*process, error) {
	cmd := exec.Command(binary, append([]string{"-path", data, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-lease"}, args...)...)
	cmd.Stderr = os.Stderr
	lease, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, lease: lease}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("engine not ready: %w, %w", err, cmd.Wait())
	}
	return p, json.Unmarshal(line, &p.ready)
}

func (p *process) stop(how os.Signal) error {
	if err := p.cmd.Process.Signal(how); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// protocol is a way in which clickhouse-go can talk to the engine.
type protocol struct {
	name        string
	protocol    clickhouse.Protocol
	compression clickhouse.CompressionMethod
}

var protocols = []protocol{
	{"native", clickhouse.Native, clickhouse.CompressionNone},
	{"native-lz4", clickhouse.Native, clickhouse.CompressionLZ4},
	{"native-zstd", clickhouse.Native, clickhouse.CompressionZSTD},
	{"http", clickhouse.HTTP, clickhouse.CompressionNone},
	{"http-lz4", clickhouse.HTTP, clickhouse.CompressionLZ4},
	{"http-zstd", clickhouse.HTTP, clickhouse.CompressionZSTD},
	{"http-gzip", clickhouse.HTTP, clickhouse.CompressionGZIP},
}

func (p *process) open(t *testing.T, way protocol, database string) driver.Conn {
	t.Helper()
	address := p.TCP
	if way.protocol == clickhouse.HTTP {
		address = strings.TrimPrefix(p.HTTP, "http://")
	}
	options := &clickhouse.Options{Addr: []string{address}, Protocol: way.protocol, MaxOpenConns: 16, Auth: clickhouse.Auth{Database: database}}
	if way.compression != clickhouse.CompressionNone {
		options.Compression = &clickhouse.Compression{Method: way.compression, Level: 1}
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// eachProtocol runs a test over every protocol and compression, in a database of its own.
func eachProtocol(t *testing.T, test func(t *testing.T, conn driver.Conn)) {
	t.Helper()
	for _, way := range protocols {
		t.Run(way.name, func(t *testing.T) {
			database := strings.NewReplacer("/", "_", "-", "_").Replace(t.Name())
			admin := shared.open(t, way, "default")
			exec1(t, admin, "CREATE DATABASE "+database)
			t.Cleanup(func() { exec1(t, admin, "DROP DATABASE "+database+" SYNC") })
			test(t, shared.open(t, way, database))
		})
	}
}

func exec1(t *testing.T, conn driver.Conn, query string, args ...any) {
	t.Helper()
	// t.Context ends before clean-ups run.
	if err := conn.Exec(context.WithoutCancel(t.Context()), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// one returns the only value of a query.
func one[T any](t *testing.T, conn driver.Conn, query string, args ...any) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func want[T comparable](t *testing.T, what string, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("%s: got %v, want %v", what, got, wanted)
	}
}

// eventually waits for what happens in another process.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 300 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("never happened: " + what)
}

func reachable(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
