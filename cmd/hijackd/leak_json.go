package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonKind is a piece of JSON.
type jsonKind uint8

const (
	jsonEnd       jsonKind = iota // of the text
	jsonObject                    // its beginning
	jsonObjectEnd                 //
	jsonArray                     //
	jsonArrayEnd                  //
	jsonKey                       // in jsonReader.text
	jsonString                    // in jsonReader.text
	jsonOther                     // a number, true, false or null
)

// maxJSONDepth is far beyond any HAR file's.
const maxJSONDepth = 256

// jsonReader reads JSON piece by piece in bounded memory: of a string it keeps the first limit bytes. It takes all that is valid, and some that
// isn't (control characters in strings, odd numbers). Its errors quote nothing of the text, which is why encoding/json doesn't serve here; nor
// would that cut strings.
type jsonReader struct {
	in    *bufio.Reader
	limit int
	text  []byte // valid until next is called
	cut   int    // strings that were longer than the limit

	at    int64  // bytes read
	open  []bool // true: an object
	want  jsonWant
	began bool
}

// jsonWant is what may follow.
type jsonWant uint8

const (
	wantValue jsonWant = iota
	wantFirst          // in a container that was just opened
	wantKey
	wantComma
)

func newJSONReader(r io.Reader, limit int) *jsonReader {
	return &jsonReader{in: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// errNotJSON says no more than that: what stands there may be a token.
var errNotJSON = errors.New("not valid JSON")

func (r *jsonReader) bad() error { return fmt.Errorf("%w near byte %d", errNotJSON, r.at) }

// next returns the next piece. Errors of the reader below are wrapped.
func (r *jsonReader) next() (jsonKind, error) {
	for {
		c, err := r.solid()
		if errors.Is(err, io.EOF) && len(r.open) == 0 && r.began {
			return jsonEnd, nil
		}
		if err != nil {
			return 0, r.lost(err)
		}
		if len(r.open) == 0 && r.began {
			return 0, r.bad()
		}
		r.began = true
		inObject := len(r.open) > 0 && r.open[len(r.open)-1]
		switch {
		case (c == '}' || c == ']') && (r.want == wantFirst || r.want == wantComma) && inObject == (c == '}'):
			r.open = r.open[:len(r.open)-1]
			r.want = wantComma
			if c == '}' {
				return jsonObjectEnd, nil
			}
			return jsonArrayEnd, nil
		case r.want == wantComma && c == ',':
			r.want = wantValue
			if inObject {
				r.want = wantKey
			}
			continue
		case r.want == wantComma:
			return 0, r.bad()
		case inObject && r.want != wantValue:
			return jsonKey, r.key(c)
		}
		return r.value(c)
	}
}

func (r *jsonReader) key(c byte) error {
	if c != '"' {
		return r.bad()
	}
	if err := r.str(); err != nil {
		return err
	}
	c, err := r.solid()
	if err != nil {
		return r.lost(err)
	}
	if c != ':' {
		return r.bad()
	}
	r.want = wantValue
	return nil
}

func (r *jsonReader) value(c byte) (jsonKind, error) {
	switch {
	case c == '{' || c == '[':
		if len(r.open) == maxJSONDepth {
			return 0, r.bad()
		}
		r.open = append(r.open, c == '{')
		r.want = wantFirst
		if c == '{' {
			return jsonObject, nil
		}
		return jsonArray, nil
	case c == '"':
		r.want = wantComma
		return jsonString, r.str()
	case !bare(c):
		return 0, r.bad()
	}
	r.want = wantComma
	for {
		c, err := r.byte()
		if errors.Is(err, io.EOF) && len(r.open) == 0 {
			return jsonOther, nil
		}
		if err != nil {
			return 0, r.lost(err)
		}
		if !bare(c) {
			r.unread()
			return jsonOther, nil
		}
	}
}

// bare tells the bytes of numbers and of true, false and null.
func bare(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c == 'E' || c == '-' || c == '+' || c == '.'
}

// str reads a string whose opening quote has been read.
func (r *jsonReader) str() error {
	r.text = r.text[:0]
	whole := true
	for {
		c, err := r.byte()
		if err != nil {
			return r.lost(err)
		}
		switch c {
		case '"':
			if !whole {
				r.cut++
			}
			return nil
		case '\\':
			if whole = len(r.text) < r.limit && whole; !whole {
				if _, err = r.byte(); err != nil { // may be a quote
					return r.lost(err)
				}
				continue
			}
			if err := r.escape(); err != nil {
				return err
			}
		default:
			if whole = len(r.text) < r.limit && whole; whole {
				r.text = append(r.text, c)
			}
		}
	}
}

func (r *jsonReader) escape() error {
	c, err := r.byte()
	if err != nil {
		return r.lost(err)
	}
	switch c {
	case '"', '\\', '/':
		r.text = append(r.text, c)
	case 'b':
		r.text = append(r.text, '\b')
	case 'f':
		r.text = append(r.text, '\f')
	case 'n':
		r.text = append(r.text, '\n')
	case 'r':
		r.text = append(r.text, '\r')
	case 't':
		r.text = append(r.text, '\t')
	case 'u':
		return r.unicode()
	default:
		return r.bad()
	}
	return nil
}

// unicode reads \uXXXX, and the second one of a surrogate pair.
func (r *jsonReader) unicode() error {
	c, err := r.hex()
	if err != nil {
		return err
	}
	if !utf16.IsSurrogate(c) {
		r.text = utf8.AppendRune(r.text, c)
		return nil
	}
	if ahead, err := r.in.Peek(2); err != nil || ahead[0] != '\\' || ahead[1] != 'u' {
		r.text = utf8.AppendRune(r.text, utf8.RuneError)
		return nil // an end is met again by whoever reads on
	}
	ahead, err := r.in.Peek(6)
	if err != nil {
		return r.lost(err)
	}
	second, ok := hexRune(ahead[2:])
	if !ok {
		return r.bad()
	}
	pair := utf16.DecodeRune(c, second)
	r.text = utf8.AppendRune(r.text, pair)
	if pair != utf8.RuneError { // else the second stands for itself
		_, _ = r.in.Discard(6) // it was peeked at
		r.at += 6
	}
	return nil
}

func (r *jsonReader) hex() (rune, error) {
	var digits [4]byte
	n, err := io.ReadFull(r.in, digits[:])
	r.at += int64(n)
	if err != nil {
		return 0, r.lost(err)
	}
	c, ok := hexRune(digits[:])
	if !ok {
		return 0, r.bad()
	}
	return c, nil
}

func hexRune(digits []byte) (c rune, ok bool) {
	for _, d := range digits {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		case 'A' <= d && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		c = c<<4 | rune(d)
	}
	return c, true
}

// solid reads the next byte that is no white space.
func (r *jsonReader) solid() (byte, error) {
	for {
		c, err := r.byte()
		if err != nil || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c, err
		}
	}
}

func (r *jsonReader) byte() (byte, error) {
	c, err := r.in.ReadByte()
	if err == nil {
		r.at++
	}
	return c, err
}

func (r *jsonReader) unread() {
	if r.in.UnreadByte() == nil {
		r.at--
	}
}

// lost is the error of a text that ended too soon, or of the file below.
func (r *jsonReader) lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.bad()
	}
	return fmt.Errorf("read the file: %w", err)
}
