package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

const program = "hijackd-engine"

// findBinary looks for the program where it is named, beside the running executable, and in PATH.
func findBinary(named string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("find the embedded engine: %w: `make build` builds it", err)
		}
		return path, nil
	}
	if self, err := os.Executable(); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), program)); err == nil {
			return path, nil
		}
	}
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("find the embedded engine: no %s beside this program or in PATH: `make build` builds it, or name a server in clickhouse.dsn", program)
}

// DefaultDataDir is where the data stands by default: $XDG_STATE_HOME/hijackd/clickhouse, else ~/.local/state/hijackd/clickhouse
// (XDG Base Directory Specification).
func DefaultDataDir() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // a relative one is to be ignored, says the specification
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the state folder: %w: set XDG_STATE_HOME", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "hijackd", "clickhouse"), nil
}

// The kernel hands ports from 32768 on to clients (ip_local_port_range), which would now and then hold the one
// that was found free; below 20000 are many well-known ones.
const firstPort, lastPort = 20000, 32767

// freePorts returns n ports of loopback that nobody listens on.
func freePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	var listen net.ListenConfig
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1) //nolint:gosec // not a secret
		l, err := listen.Listen(ctx, "tcp", loopback(port))
		if err != nil {
			continue
		}
		defer l.Close() // held until all are found, so that they differ
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("start the embedded engine: no free port on 127.0.0.1 between 20000 and 32767")
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
