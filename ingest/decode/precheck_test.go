package decode

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestPrecheck(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.OneOf(rapid.ByteRange(0x20, 0x7f), rapid.SampledFrom([]byte{' ', '!', '[', ']', 0x7f})), 0, 60).Draw(t, "ascii")
		for range rapid.IntRange(0, 2).Draw(t, "n") {
			b = append(b, rapid.SampledFrom([]string{"\\", "\x1f", "\x00", "\n", "é", "☺", "\xdc", "\x80", "\xff", "😀", "\xa0"}).Draw(t, "special")...)
			b = append(b, rapid.SliceOfN(rapid.ByteRange(0x20, 0x7f), 0, 20).Draw(t, "more")...)
		}
		valid, backslash, control := precheck(b)
		if valid != utf8.Valid(b) || backslash != (bytes.IndexByte(b, '\\') >= 0) || control != bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("%q: valid %v, backslash %v, control %v", b, valid, backslash, control)
		}
	})
}
