package decode

import (
	"bytes"
	"unicode/utf8"
	"unsafe"
)

// alias is b as a string that shares its memory.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// unescape undoes the escapes of a string that the scanner accepted, in place: no escape is shorter than what it stands for.
func unescape(b []byte) []byte {
	w := bytes.IndexByte(b, '\\')
	if w < 0 {
		return b
	}
	for i := w; i < len(b); {
		if b[i] != '\\' {
			b[w] = b[i]
			w, i = w+1, i+1
			continue
		}
		c, n, _ := escape(b[i:])
		w += utf8.EncodeRune(b[w:], c)
		i += n
	}
	return b[:w]
}

// cut shortens a text to at most limit bytes, between two characters.
func cut(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	for limit > 0 && !utf8.RuneStart(b[limit]) {
		limit--
	}
	return b[:limit]
}
