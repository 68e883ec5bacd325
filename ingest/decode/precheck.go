package decode

import (
	"encoding/binary"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// precheck looks over a whole value once: is it UTF-8, and does it hold a backslash or a control character anywhere? Where it
// doesn't (compact JSON, mostly), strings end at the next quote. The arithmetic works on eight bytes at a time: a byte's high bit
// comes out set where the byte is what is looked for (Mycroft's test; it may also set bits above a true hit, never without one).
func precheck(b []byte) (valid, backslash, control bool) {
	var all, slash, low uint64
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		w := binary.LittleEndian.Uint64(rest)
		s := w ^ '\\'*ones
		all |= w
		slash |= (s - ones) &^ s
		low |= (w - ' '*ones) &^ w
	}
	for _, c := range rest {
		all |= uint64(c)
		backslash = backslash || c == '\\'
		control = control || c < ' '
	}
	backslash = backslash || slash&highs != 0
	control = control || low&highs != 0
	return all&highs == 0 || utf8.Valid(b), backslash, control
}
