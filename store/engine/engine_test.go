package engine

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if data := os.Getenv("ENGINE_TEST_PARENT_OF"); data != "" {
		parent(data)
	}
	goleak.VerifyTestMain(m)
}

// parent is another process that starts an engine, says where it listens, and waits to be killed.
func parent(data string) {
	e, err := Start(context.Background(), Options{DataDir: data})
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(e.DSN() + "\n")
	<-e.Exited()
}

func startReal(t *testing.T, data string) *Engine {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%v: run make test", err)
	}
	e, err := Start(t.Context(), Options{DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.WithoutCancel(t.Context())) })
	return e
}

func address(dsn string) string {
	return strings.TrimSuffix(strings.TrimPrefix(dsn, "clickhouse://"), "/default")
}

func listening(t *testing.T, dsn string) bool {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", address(dsn))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func TestStartAndStop(t *testing.T) {
	data := filepath.Join(t.TempDir(), "not", "there", "yet")
	for range 2 { // the data folder is free again after Stop
		e := startReal(t, data)
		if !strings.HasPrefix(e.Version(), "26.") || !listening(t, e.DSN()) {
			t.Fatalf("version %q at %s does not listen", e.Version(), e.DSN())
		}
		if !strings.HasPrefix(e.HTTP(), "http://127.0.0.1:") {
			t.Fatalf("HTTP at %q", e.HTTP())
		}
		port, err := strconv.Atoi(address(e.DSN())[len("127.0.0.1:"):])
		if err != nil || port < firstPort || port > lastPort {
			t.Fatalf("port %d, %v", port, err)
		}
		for range 2 {
			if err := e.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-e.Exited(); err == nil {
			t.Fatal("no reason for the end")
		}
		if listening(t, e.DSN()) {
			t.Fatal("still listens after Stop")
		}
	}
}

func TestExitedTellsOfACrash(t *testing.T) {
	e := startReal(t, t.TempDir())
	if err := e.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-e.Exited(); !strings.Contains(err.Error(), "killed") {
		t.Fatalf("got %v", err)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatalf("stop after the end: %v", err)
	}
}

func TestEngineEndsWithItsParent(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "ENGINE_TEST_PARENT_OF="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dsn := strings.TrimSpace(line)
	if !listening(t, dsn) {
		t.Fatalf("%s does not listen", dsn)
	}
	if err := cmd.Process.Kill(); err != nil { // it can say nothing to the engine any more
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for range 300 {
		if !listening(t, dsn) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the engine outlived its parent")
}

func TestRefusals(t *testing.T) {
	inUse := t.TempDir()
	startReal(t, inUse)
	for _, c := range []struct {
		name    string
		options Options
		says    string
	}{
		{"no binary", Options{Binary: "/nonexistent/hijackd-engine"}, "make build"},
		{"no library", Options{Library: "/nonexistent/libchdb.so", DataDir: t.TempDir()}, "make engine"},
		{"not an engine", Options{Binary: "false", DataDir: t.TempDir()}, "exit status 1"},
		{"data folder in use", Options{DataDir: inUse}, "data folder"},
		{"data folder is a file", Options{DataDir: "engine_test.go"}, "data folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Start(t.Context(), c.options)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line that says %q", err, c.says)
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := exec.Command("sleep", "60")
	if _, err := launch(ctx, cmd, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "not ready") {
		t.Fatalf("got %v", err)
	}
	if cmd.ProcessState == nil {
		t.Fatal("the process goes on")
	}
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	cmd := exec.Command("sh", "-c", `echo '{"version":"1","tcp":"127.0.0.1:1","http":"http://127.0.0.1:2"}'; exec sleep 60`)
	e, err := launch(t.Context(), cmd, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Stop(ctx); err == nil {
		t.Fatal("a killed engine is not reported")
	}
	<-e.Exited()
}

func TestDefaultDataDir(t *testing.T) {
	t.Setenv("HOME", "/home/u")
	for state, wanted := range map[string]string{
		"": "/home/u/.local/state/hijackd/clickhouse", "/var/state": "/var/state/hijackd/clickhouse", "relative": "/home/u/.local/state/hijackd/clickhouse",
	} {
		t.Setenv("XDG_STATE_HOME", state)
		if got, err := DefaultDataDir(); err != nil || got != wanted {
			t.Errorf("XDG_STATE_HOME=%q: got %q, %v, want %q", state, got, err, wanted)
		}
	}
}

func TestLinesAreBoundedAndTheLastIsKept(t *testing.T) {
	l := &lines{log: slog.New(slog.DiscardHandler)}
	for _, part := range []string{"one\ntw", "o\n\n", strings.Repeat("x", 3*maxLine), "y"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if l.latest != "two" {
		t.Errorf("before the end: %q", l.latest)
	}
	if got := l.last(); got != strings.Repeat("x", maxLine) {
		t.Errorf("last line has %d bytes", len(got))
	}
}
