package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Options say what to start. The zero value is usable.
type Options struct {
	Binary  string       // path of hijackd-engine; empty: beside the running executable, else in PATH
	Library string       // path of libchdb.so; empty: hijackd-engine looks for it
	DataDir string       // folder of the data, held by one engine at a time; empty: DefaultDataDir
	Log     *slog.Logger // what the engine says on standard error; nil: dropped
}

// Engine is a running engine.
type Engine struct {
	ready  ready
	cmd    *exec.Cmd
	lease  io.Closer
	ended  chan struct{} // closed when the process has ended
	exited chan error
}

// ready is the line with which hijackd-engine says that it is.
type ready struct {
	Version string `json:"version"`
	TCP     string `json:"tcp"`
	HTTP    string `json:"http"`
}

const (
	startTimeout = time.Minute      // a large data folder is read at the start
	stopTimeout  = 30 * time.Second // then the engine is killed, which loses nothing that was acknowledged
)

// Start starts an engine and waits until it answers. Errors are one line that says what to do.
// The engine goes on when ctx ends later; it ends with Stop, or when this process does, however that happens.
func Start(ctx context.Context, options Options) (*Engine, error) {
	binary, err := findBinary(options.Binary)
	if err != nil {
		return nil, err
	}
	data := options.DataDir
	if data == "" {
		if data, err = DefaultDataDir(); err != nil {
			return nil, err
		}
	}
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	args := []string{"-lease", "-path", data, "-tcp", loopback(ports[0]), "-http", loopback(ports[1])}
	if options.Library != "" {
		args = append(args, "-lib", options.Library)
	}
	cmd := exec.Command(binary, args...) //nolint:gosec,noctx // our own binary, which outlives ctx
	// A Ctrl-C in the terminal is for hijackd, which stops the engine last.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return launch(ctx, cmd, log)
}

// launch starts the process. Its standard input is a pipe whose other end only this process holds, and never writes to:
// the kernel closes it when this process ends in whatever way, and the engine stops when it reads the end. (The parent-death
// signal of Linux will not do: it is sent when the thread that started the child ends, which in Go may be any time.)
func launch(ctx context.Context, cmd *exec.Cmd, log *slog.Logger) (*Engine, error) {
	lease, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the embedded engine: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the embedded engine: %w", err)
	}
	says := &lines{log: log}
	cmd.Stderr = says
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded engine: %w", err)
	}
	e := &Engine{cmd: cmd, lease: lease, ended: make(chan struct{}), exited: make(chan error, 1)}
	announced := make(chan error, 1)
	go func() {
		announced <- json.NewDecoder(out).Decode(&e.ready)
		_, _ = io.Copy(io.Discard, out)
		err := cmd.Wait() // only now, since it closes out
		if err == nil {
			err = errors.New("it was stopped")
		}
		e.exited <- fmt.Errorf("the embedded engine has ended: %w", err)
		close(e.ended)
	}()
	patience, enough := context.WithTimeout(ctx, startTimeout)
	defer enough()
	select {
	case err = <-announced:
		if err == nil {
			return e, nil
		}
		<-e.ended
		if last := says.last(); last != "" {
			return nil, fmt.Errorf("start the embedded engine: %s", strings.TrimPrefix(last, "hijackd-engine: "))
		}
		return nil, fmt.Errorf("start the embedded engine: %w", <-e.exited)
	case <-patience.Done():
		_ = cmd.Process.Kill()
		<-e.ended
		return nil, fmt.Errorf("start the embedded engine: not ready: %w", context.Cause(patience))
	}
}

// DSN is the data source name for clickhouse-go: the native protocol, on loopback, database default.
func (e *Engine) DSN() string { return "clickhouse://" + e.ready.TCP + "/default" }

// HTTP is the address of the HTTP interface, for people with curl and a browser.
func (e *Engine) HTTP() string { return e.ready.HTTP }

// Version is the engine's version, such as 26.7.2.1.
func (e *Engine) Version() string { return e.ready.Version }

// Exited receives one error when the process has ended, whether it was stopped or not.
func (e *Engine) Exited() <-chan error { return e.exited }

// Stop asks the engine to flush and end, and waits for it. When ctx ends, or after half a minute, the engine is killed;
// that is an error, but loses nothing that was acknowledged. Stop may be called again and after the engine has ended.
func (e *Engine) Stop(ctx context.Context) error {
	_ = e.lease.Close()
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	select {
	case <-e.ended:
		return nil
	case <-ctx.Done():
	}
	_ = e.cmd.Process.Signal(os.Kill)
	<-e.ended
	return fmt.Errorf("stop the embedded engine: killed: %w", context.Cause(ctx))
}
