package decode

import (
	"bytes"
	"unicode/utf16"
)

// kind is the JSON form of a value.
type kind uint8

const (
	kNull kind = iota
	kString
	kEscaped // a string with escapes
	kNumber
	kTrue
	kFalse
	kObject
	kArray
)

// span is where a value stands: of a string, what is between its quotes.
type span struct {
	start, end uint32
	kind       kind
}

// scanner finds where JSON values end, and that they are valid. Positions are indexes of b; a negative one means that d.reason says
// what is wrong.
type scanner struct {
	b                  []byte
	backslash, control bool // b may hold one somewhere
	reason             Reason
	names              nameSet
}

func (s *scanner) fail(r Reason) int {
	s.reason = r
	return -1
}

// space returns the next position from i on that is not white space.
func (s *scanner) space(i int) int {
	for i < len(s.b) {
		switch s.b[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// str reads a string whose opening quote is before i. It returns the position of the closing quote.
func (s *scanner) str(i int) (end int, k kind) {
	n := bytes.IndexByte(s.b[i:], '"')
	if n < 0 {
		return s.fail(BadJSON), 0
	}
	if s.control {
		for _, c := range s.b[i : i+n] {
			if c < ' ' {
				return s.fail(BadJSON), 0
			}
		}
	}
	if s.backslash && bytes.IndexByte(s.b[i:i+n], '\\') >= 0 {
		return s.escaped(i), kEscaped
	}
	return i + n, kString
}

// escaped is str for strings with escapes.
func (s *scanner) escaped(i int) int {
	for i < len(s.b) {
		switch c := s.b[i]; {
		case c == '"':
			return i
		case c < ' ':
			return s.fail(BadJSON)
		case c != '\\':
			i++
		default:
			_, n, r := escape(s.b[i:])
			if r != 0 {
				return s.fail(r)
			}
			i += n
		}
	}
	return s.fail(BadJSON)
}

// escape reads the escape sequence that b begins with, and how many bytes it has.
func escape(b []byte) (c rune, n int, _ Reason) {
	if len(b) < 2 {
		return 0, 0, BadJSON
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2, 0
	case 'b':
		return '\b', 2, 0
	case 'f':
		return '\f', 2, 0
	case 'n':
		return '\n', 2, 0
	case 'r':
		return '\r', 2, 0
	case 't':
		return '\t', 2, 0
	case 'u':
		c, ok := hex4(b)
		if !ok {
			return 0, 0, BadJSON
		}
		if !utf16.IsSurrogate(c) {
			return c, 6, 0
		}
		low, _ := hex4(b[6:])
		if c = utf16.DecodeRune(c, low); c == '\uFFFD' {
			return 0, 0, BadUTF8
		}
		return c, 12, 0
	}
	return 0, 0, BadJSON
}

// hex4 reads \uXXXX.
func hex4(b []byte) (c rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, d := range b[2:6] {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d|0x20 && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		c = c<<4 | rune(d)
	}
	return c, true
}

// num reads a number that begins at i (RFC 8259, 6).
func (s *scanner) num(i int) int {
	b := s.b
	digits := func() bool {
		from := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return s.fail(BadJSON)
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return s.fail(BadJSON)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return s.fail(BadJSON)
		}
	}
	return i
}

// literal reads one of true, false, null at i.
func (s *scanner) literal(i int, word string) int {
	if len(s.b)-i < len(word) || string(s.b[i:i+len(word)]) != word {
		return s.fail(BadJSON)
	}
	return i + len(word)
}
