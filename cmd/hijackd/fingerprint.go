package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxTokenBytes is the largest record of the contract: no longer token can reach hijackd in an event.
const maxTokenBytes = 64 << 10

type fingerprintCommand struct{ configured }

func (c fingerprintCommand) Run(p *process) error {
	cfg, err := c.load(p)
	if err != nil {
		return err
	}
	key, err := cfg.Fingerprint.key()
	if err != nil {
		return usageError{err}
	}
	if key == nil {
		return usageError{errors.New("fingerprint.pepper_file is not set")}
	}
	token, err := io.ReadAll(io.LimitReader(p.stdin, maxTokenBytes+1))
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	token = trimLineBreak(token)
	switch {
	case len(token) == 0:
		return usageError{errors.New("no token on standard input")}
	case len(token) > maxTokenBytes:
		return usageError{errors.New("the token is longer than 64 KiB")}
	}
	_, err = fmt.Fprintln(p.stdout, key.Hasher().Fingerprint(token))
	return err
}

// trimLineBreak removes one LF or CR LF.
func trimLineBreak(b []byte) []byte {
	b, cut := bytes.CutSuffix(b, []byte("\n"))
	if cut {
		b = bytes.TrimSuffix(b, []byte("\r"))
	}
	return b
}
