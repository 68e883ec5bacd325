package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSecretBytes bounds what is read of a file that a key names; a chain of certificates is the largest.
const maxSecretBytes = 1 << 20

// Secret is text that never shows itself: every way of printing or encoding it gives "[redacted]".
type Secret struct{ text string }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.text }

// Set reports whether there is a secret.
func (s Secret) Set() bool { return s.text != "" }

func (s Secret) String() string {
	if s.text == "" {
		return `""`
	}
	return "[redacted]"
}

// Format is String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// File is what a key x_file names, or what the environment variable of x holds itself.
type File struct {
	Path   string
	Secret // the content as it stands in the file
}

type fileValue struct{ at *File }

func (v fileValue) set(n node) error {
	if n.kind != nodeText && n.kind != nodeVariable {
		return fmt.Errorf("want a path, got %s%s", n.kind, n.hint())
	}
	*v.at = File{Path: n.text}
	return nil
}

func (v fileValue) setContent(content string) { *v.at = File{Secret: Secret{content}} }

func (v fileValue) kind() string { return "path" }

func (v fileValue) String() string {
	if v.at.Path == "" && v.at.Set() {
		return v.at.Secret.String()
	}
	return quote(v.at.Path)
}

func (v fileValue) read() error {
	if v.at.Path == "" {
		return nil
	}
	content, err := readBounded(v.at.Path, maxSecretBytes)
	if err != nil {
		return err
	}
	if len(content) == 0 {
		return errors.New("the file is empty")
	}
	v.at.Secret = Secret{string(content)}
	return nil
}

// databaseValue is the path of a file that another package opens; here it is only looked for.
type databaseValue struct{ textValue }

func database(at *string) value { return databaseValue{textValue{at: at, word: "path"}} }

func (v databaseValue) read() error {
	if *v.at == "" {
		return nil
	}
	info, err := os.Stat(*v.at)
	switch {
	case err != nil:
		return reason(err)
	case !info.Mode().IsRegular():
		return errors.New("is no regular file")
	}
	f, err := os.Open(*v.at)
	if err != nil {
		return reason(err)
	}
	return f.Close()
}

// readBounded reads a whole file, and refuses a larger one than limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator's own file
	if err != nil {
		return nil, reason(err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, reason(err)
	case int64(len(content)) > limit:
		return nil, fmt.Errorf("%s is larger than %d KiB", path, limit>>10)
	}
	return content, nil
}

// reason is the cause of a file error with its path: "open x: no such file or directory" without the call's name.
func reason(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
