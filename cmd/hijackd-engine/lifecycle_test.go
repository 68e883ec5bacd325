package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func stored(t *testing.T, p *process) uint64 {
	t.Helper()
	return one[uint64](t, p.open(t, protocols[1], "default"), "SELECT count() FROM kept")
}

func TestAcknowledgedRowsSurviveHoweverItEnds(t *testing.T) {
	data := t.TempDir()
	const perRound = 1000
	ends := []func(*process) error{
		func(p *process) error { return p.stop(syscall.SIGTERM) },
		func(p *process) error { _ = p.stop(syscall.SIGKILL); return nil },
		func(p *process) error { return errors.Join(p.lease.Close(), p.cmd.Wait()) },
	}
	for round, end := range ends {
		p, err := start(data)
		if err != nil {
			t.Fatal(err)
		}
		conn := p.open(t, protocols[1], "default")
		exec1(t, conn, "CREATE TABLE IF NOT EXISTS kept (i UInt64) ENGINE = MergeTree ORDER BY i")
		batch := prepare(t, conn, "INSERT INTO kept")
		for i := range perRound {
			if err := batch.Append(uint64(i)); err != nil {
				t.Fatal(err)
			}
		}
		send(t, batch)
		want(t, "rows", stored(t, p), uint64((round+1)*perRound))
		if err := end(p); err != nil {
			t.Fatalf("end %d: %v", round, err)
		}
		want(t, "still listening", reachable(p.TCP), false)
	}
}

func TestStopsWhileQueriesRun(t *testing.T) {
	p, err := start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []protocol{protocols[1], protocols[4]} {
		conn := p.open(t, way, "default")
		go func() { // ends with an error when the engine does
			_ = conn.Exec(t.Context(), "SELECT count() FROM numbers(1e13) WHERE NOT ignore(sipHash64(number)) SETTINGS max_threads = 1")
		}()
	}
	conn := p.open(t, protocols[0], "default")
	eventually(t, "both run", func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number)%' AND query NOT LIKE '%system.processes%'") == 2
	})
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, wantLines int, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Fatalf("%v: got %v, want exit code 1", args, err)
	}
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	if out.Len() > 0 || len(lines) > wantLines {
		t.Fatalf("want %d lines on standard error, got %q and %q", wantLines, out.String(), errs.String())
	}
	return lines[len(lines)-1]
}

func TestRefusals(t *testing.T) {
	taken := strings.TrimPrefix(shared.HTTP, "http://")
	for _, c := range []struct {
		name string
		env  []string
		args []string
		says string
	}{
		{"no library", []string{"HIJACKD_LIBCHDB="}, []string{"-lib", "/nonexistent/libchdb.so", "-path", t.TempDir()}, "make engine"},
		{"no library in the environment's place", []string{"HIJACKD_LIBCHDB=/nonexistent"}, []string{"-path", t.TempDir()}, "make engine"},
		{"no library anywhere", []string{"HIJACKD_LIBCHDB=", "HIJACKD_CACHE=" + t.TempDir()}, []string{"-path", t.TempDir()}, "make engine"},
		{"not a library", nil, []string{"-lib", "lifecycle_test.go", "-path", t.TempDir()}, "load libchdb"},
		{"no folder", nil, nil, "-path"},
		{"port taken", nil, []string{"-path", t.TempDir(), "-tcp", "127.0.0.1:0", "-http", taken}, "address already in use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if message := refused(t, 1, c.env, c.args...); !strings.Contains(message, c.says) {
				t.Fatalf("got %q, want it to name %q", message, c.says)
			}
		})
	}
}

func TestOneProcessPerDataFolder(t *testing.T) {
	data := t.TempDir()
	p, err := start(data)
	if err != nil {
		t.Fatal(err)
	}
	message := refused(t, 2, nil, "-path", data, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0")
	// The first line is the library's own.
	if !strings.Contains(message, "data folder") {
		t.Fatalf("got %q, want it to name the data folder", message)
	}
	want(t, "the first one works on", one[uint8](t, p.open(t, protocols[0], "default"), "SELECT 1"), 1)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shared.HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

func TestPlainHTTP(t *testing.T) {
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/ping", "Ok.\n", 200},
		{"/?query=SELECT+1,'a'", "1\ta\n", 200},
		{"/?query=SELECT+1+AS+x+FORMAT+JSONEachRow", "{\"x\":1}\n", 200},
		{"/?query=SELECT+{x:String}&param_x=y&default_format=CSV", "\"y\"\n", 200},
	} {
		status, body := get(t, c.path)
		want(t, c.path, status, c.status)
		want(t, c.path, body, c.body)
	}
	status, body := get(t, "/?query=SELECT+*+FROM+nosuch")
	want(t, "missing table", status, 404)
	want(t, "missing table", strings.HasPrefix(body, "Code: 60. DB::Exception: "), true)
}
