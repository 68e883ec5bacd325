package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxLine is a byte more than the contract's largest record, so that a longer line is refused by the decoder and not held in memory.
const maxLine = 64<<10 + 1

// openInput opens a file, or standard input for "-".
func (p *process) openInput(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(p.stdin), nil
	}
	f, err := os.Open(path) // #nosec G304 -- the user's own file
	if err != nil {
		return nil, usageError{reason(err)}
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, usageError{errors.New(path + ": is a directory")}
	}
	return f, nil
}

// eachLine calls each with every line that is not blank, cut at maxLine, and its number from 1. The line is valid during the call.
func eachLine(r io.Reader, each func(number int, line []byte) error) error {
	in := bufio.NewReaderSize(r, maxLine+2) // a line break of two bytes
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		for more := err; errors.Is(more, bufio.ErrBufferFull); {
			// The cut line must survive the discarding of its rest.
			line = bytes.Clone(line)
			_, more = in.ReadSlice('\n')
			if !errors.Is(more, bufio.ErrBufferFull) {
				err = more
			}
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("line %d: %w", number, err)
		}
		line = trimLineBreak(line)
		if len(bytes.TrimSpace(line)) > 0 {
			if err := each(number, line[:min(len(line), maxLine)]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// grouped writes a count with separators: 1,234,567.
func grouped[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	var b strings.Builder
	for i, r := range s {
		if i > 0 && s[i-1] != '-' && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// counted is a count with its word: 1 line, 2 lines.
func counted[T int | int64](n T, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return grouped(n) + " " + word + "s"
}
