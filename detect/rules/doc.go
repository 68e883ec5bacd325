// Package rules is the catalogue of what hijackd recognises: one file per rule, each a documented value with its judge.
//
// Rules see event time only: no clock, no I/O, no randomness. They decide nothing: whether a finding alerts or revokes is policy.
package rules

//go:generate go run ../../cmd/hijackd-docs -scenarios ../detecttest/testdata -examples examples
//go:generate go run ../../cmd/hijackd-docs -page ../../docs/rules.md
