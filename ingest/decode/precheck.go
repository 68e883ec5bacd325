package decode

import (
	"encoding/binary"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// precheck looks over a whole value once: is it UTF-8, and may it hold a backslash or a control character anywhere? Where it
// doesn't (compact JSON, mostly), strings end at the next quote.
//
// ASCII is looked at eight bytes at a time: taking 0x20 from a byte below it sets the byte's high bit, and so does taking 1 from
// a byte that a XOR with a backslash made zero. A borrow may set further high bits, but there is none without a true hit.
func precheck(b []byte) (valid, backslash, control bool) {
	var all, low, slash uint64
	rest := b
	for len(rest) >= 16 {
		v, w := binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:])
		all |= v | w
		low |= (v - ' '*ones) | (w - ' '*ones)
		slash |= ((v ^ '\\'*ones) - ones) | ((w ^ '\\'*ones) - ones)
		rest = rest[16:]
	}
	for _, c := range rest {
		w := uint64(c)
		all |= w
		low |= w - ' '
		slash |= (w ^ '\\') - 1
	}
	if all&highs != 0 {
		backslash, control = special(b)
		return utf8.Valid(b), backslash, control
	}
	return true, slash&highs != 0, low&highs != 0
}

// special is the second half of precheck for what is not ASCII: high bits that were there before don't count.
func special(b []byte) (backslash, control bool) {
	var low, slash uint64
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		s := w ^ '\\'*ones
		low |= (w - ' '*ones) &^ w
		slash |= (s - ones) &^ s
	}
	for _, c := range b {
		backslash = backslash || c == '\\'
		control = control || c < ' '
	}
	return backslash || slash&highs != 0, control || low&highs != 0
}
