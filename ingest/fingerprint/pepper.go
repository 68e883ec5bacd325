package fingerprint

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// MinPepper is the least length of a pepper in bytes: the output size of its hash, below which HMAC loses strength (RFC 2104, 3).
const MinPepper = 32

// maxPepperFile bounds what is read, so that a path to the wrong file is an error and not a memory problem.
const maxPepperFile = 64 << 10

// Errors of ParsePepper.
var (
	ErrShort    = fmt.Errorf("the pepper is shorter than %d bytes", MinPepper)
	ErrEncoding = errors.New("the pepper is not valid in the encoding that its prefix names (hex: or base64:)")
)

// ParsePepper reads the content of a pepper file: trailing CR and LF are removed, a prefix "hex:" or "base64:" (standard alphabet,
// padded or not) means that the rest is decoded, anything else is the pepper itself.
func ParsePepper(content []byte) ([]byte, error) {
	content = bytes.TrimRight(content, "\r\n")
	pepper := bytes.Clone(content)
	// The decoders' own errors quote the offending byte, which is a byte of a secret.
	if digits, ok := bytes.CutPrefix(content, []byte("hex:")); ok {
		pepper = make([]byte, hex.DecodedLen(len(digits)))
		if _, err := hex.Decode(pepper, digits); err != nil {
			return nil, ErrEncoding
		}
	} else if text, ok := bytes.CutPrefix(content, []byte("base64:")); ok {
		text = bytes.TrimRight(text, "=")
		pepper = make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
		if _, err := base64.RawStdEncoding.Decode(pepper, text); err != nil {
			return nil, ErrEncoding
		}
	}
	if len(pepper) < MinPepper {
		return nil, ErrShort
	}
	return pepper, nil
}

// ReadPepper reads a pepper file. Its errors name the path and the defect, never the content.
func ReadPepper(path string) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read pepper: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxPepperFile+1))
	if err != nil {
		return nil, fmt.Errorf("read pepper: %w", err)
	}
	if len(content) > maxPepperFile {
		return nil, fmt.Errorf("read pepper %s: the file is over %d bytes", path, maxPepperFile)
	}
	pepper, err := ParsePepper(content)
	if err != nil {
		return nil, fmt.Errorf("read pepper %s: %w", path, err)
	}
	return pepper, nil
}
