//go:build race

package main

// Under the race detector the program under test is built with it, too.
func init() { buildFlags, buildEnv = []string{"-race"}, []string{"CGO_ENABLED=1"} }
