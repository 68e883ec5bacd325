//go:build race

package spine

// Under the race detector the daemons are built with it, too.
func init() { buildFlags, buildEnv = []string{"-race"}, []string{"CGO_ENABLED=1"} }
