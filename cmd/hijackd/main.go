// Command hijackd watches session events from Kafka, recognises hijacked sessions, has them revoked by webhook and tells Slack.
//
// It is flags, signals and wiring: what it decides is decided in the packages that it brings together, and this is the only one
// that imports them all. Each subcommand has a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &process{os.Stdin, os.Stdout, os.Stderr, os.Environ()})
	stop()
	os.Exit(code)
}

// Exit codes (contract section 4).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // also: the configuration is wrong
)

// process is what a command has of the operating system.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// commands is the command line.
type commands struct {
	Run         runCommand         `cmd:"" help:"Run the daemon."`
	Demo        demoCommand        `cmd:"" help:"Show it at work: everything embedded, with simulated traffic and attacks."`
	Backtest    backtestCommand    `cmd:"" help:"Judge events with the daemon's rules and policy; acts on nothing."`
	Simulate    simulateCommand    `cmd:"" help:"Write labelled session events to standard output."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the ClickHouse schema up to date."`
	Check       checkCommand       `cmd:"" help:"Validate configuration and files; touches no network."`
	Held        heldCommand        `cmd:"" help:"List, release or discard actions that are held over a limit."`
	Revoke      revokeCommand      `cmd:"" help:"Revoke tokens by hand, anew, or what failed."`
	Allow       allowCommand       `cmd:"" help:"Exempt users, networks, rules … for a time."`
	Kill        killCommand        `cmd:"" help:"Hold all effects at once, and let them go on."`
	Leak        leakCommand        `cmd:"" help:"Fingerprint every token in a leaked HAR file or list, locally; show which live; offer to revoke them."`
	Doctor      doctorCommand      `cmd:"" help:"Check the live surroundings: Kafka, ClickHouse, GeoIP, destinations, Slack."`
	Validate    validateCommand    `cmd:"" help:"Check session events against the contract, line by line."`
	Fingerprint fingerprintCommand `cmd:"" help:"Read a token from standard input and print its fingerprint."`
	Rules       rulesCommand       `cmd:"" help:"List the rules, or explain one."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// configured is the flag of the commands that read the configuration.
type configured struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration file; the environment (HIJACKD_…) wins over it."`
}

// load reads the configuration and prints its warnings.
func (f configured) load(p *process) (*Config, error) {
	cfg, warnings, err := Load(f.Config, p.environ)
	for _, w := range warnings {
		_, _ = fmt.Fprintf(p.stderr, "warning: %s\n", w)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// usageError is a mistake in the command line or the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exit carries kong's wish to end (after --help) through a panic out of its parser.
type exit int

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, p *process) (code int) {
	defer func() {
		if r := recover(); r != nil {
			wish, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(wish)
		}
	}()
	parser, err := newParser(ctx, p, new(commands))
	if err != nil {
		panic(err) // a mistake in the struct above; any test meets it
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return p.fail(usageError{fmt.Errorf("%w (see hijackd --help)", err)})
	}
	if err := command.Run(); err != nil {
		return p.fail(err)
	}
	return exitDone
}

func newParser(ctx context.Context, p *process, line *commands) (*kong.Kong, error) {
	return kong.New(line,
		kong.Name("hijackd"),
		kong.Description("Recognises hijacked sessions in a stream of session events, has them revoked, and tells people."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.Vars{"attacks": attackNames()},
	)
}

func (p *process) fail(err error) int {
	_, _ = fmt.Fprintf(p.stderr, "hijackd: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
