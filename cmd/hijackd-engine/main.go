// Command hijackd-engine is the embedded ClickHouse engine, libchdb, behind the native protocol and HTTP, as a process of
// its own: loading the library makes a binary dynamic, and hijackd stays static.
//
// It is for one machine: it listens on loopback, knows no users, and holds its data folder alone. When it is ready it
// prints one line of JSON on standard output, and it ends on SIGTERM or, with -lease, when standard input ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hijackd/hijackd/cmd/hijackd-engine/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		stop()
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "hijackd-engine:", err)
		os.Exit(1)
	}
}

// ready is the line on standard output that says where the engine listens.
type ready struct {
	Version string `json:"version"`
	TCP     string `json:"tcp"`
	HTTP    string `json:"http"`
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("hijackd-engine", flag.ContinueOnError)
	flags.SetOutput(stderr)
	library := flags.String("lib", "", "path of libchdb.so (default: $HIJACKD_LIBCHDB, beside this binary, the cache folder)")
	folder := flags.String("path", "", "data folder; created if need be, held by this process alone")
	tcp := flags.String("tcp", "127.0.0.1:9000", "address of the native protocol; port 0: any")
	web := flags.String("http", "127.0.0.1:8123", "address of HTTP; port 0: any")
	lease := flags.Bool("lease", false, "stop when standard input ends, which it does however the process at its other end dies")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *folder == "" {
		return errors.New("-path is missing: name the data folder")
	}
	lib, err := findLibrary(*library)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if *lease {
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			cancel()
		}()
	}
	return serve(ctx, lib, *folder, *tcp, *web, stdout, slog.New(slog.NewJSONHandler(stderr, nil)))
}

func serve(ctx context.Context, library, folder, tcp, web string, stdout io.Writer, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var listen net.ListenConfig
	nativeListener, err := listen.Listen(ctx, "tcp", tcp)
	if err != nil {
		return fmt.Errorf("listen for the native protocol: %w", err)
	}
	defer nativeListener.Close()
	webListener, err := listen.Listen(ctx, "tcp", web)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	defer webListener.Close()
	engine, err := server.Open(library, folder)
	if err != nil {
		return err
	}
	native := server.NewNative(engine, log)
	webServer := &http.Server{Handler: server.NewHTTP(engine), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }} // its end kills what runs
	failed := make(chan error, 2)
	go func() { failed <- native.Serve(ctx, nativeListener) }()
	go func() { failed <- webServer.Serve(webListener) }()
	line := ready{Version: engine.Version, TCP: nativeListener.Addr().String(), HTTP: "http://" + webListener.Addr().String()}
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		return fmt.Errorf("say that the engine is ready: %w", err)
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	cancel()
	_ = nativeListener.Close()
	native.Shutdown()
	patience, enough := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer enough()
	if webServer.Shutdown(patience) != nil { // a client that sends slowly
		_ = webServer.Close()
	}
	engine.Close()
	return err
}
