package detect

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// An event id is packed into 16 bytes where it is short or of a usual form; else it is a text. Kinds up to 16 are lengths.
const (
	idUUID = 17 + iota // 8-4-4-4-12 hexadecimal digits in lower case
	idHex              // 32 hexadecimal digits in lower case
	idULID             // 26 digits of Crockford's base 32 in upper case
	idText             // the number of a text
)

const (
	crockford  = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	uuidLength = 36
	hexLength  = 32
	ulidLength = 26
)

// packID packs an id; ok is false where it must become a text.
func packID(s string) (id eventID, ok bool) {
	switch {
	case len(s) <= len(id.b):
		copy(id.b[:], s)
		id.kind = uint8(len(s)) // #nosec G115 -- at most 16
		return id, true
	case len(s) == uuidLength && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-':
		id.kind = idUUID
		ok = unhex(id.b[0:4], s[0:8]) && unhex(id.b[4:6], s[9:13]) && unhex(id.b[6:8], s[14:18]) &&
			unhex(id.b[8:10], s[19:23]) && unhex(id.b[10:16], s[24:36])
		return id, ok
	case len(s) == hexLength:
		id.kind = idHex
		ok = unhex(id.b[:], s)
		return id, ok
	case len(s) == ulidLength:
		return eventID{kind: idULID}.unbase32(s)
	}
	return id, false
}

// hexDigits holds the values of the lower-case digits, and 0xFF for everything else.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xFF
	}
	for i := range byte(16) {
		table["0123456789abcdef"[i]] = i
	}
	return table
}()

// unhex decodes lower-case digits only, so that each id has one packed form.
func unhex(b []byte, digits string) bool {
	bad := byte(0)
	for i := range b {
		x, y := hexDigits[digits[2*i]], hexDigits[digits[2*i+1]]
		b[i] = x<<4 | y
		bad |= x | y
	}
	return bad < 16
}

func (id eventID) unbase32(s string) (eventID, bool) {
	var hi, lo uint64
	for i := range len(s) {
		v := strings.IndexByte(crockford, s[i])
		if v < 0 || i == 0 && v > 7 {
			return eventID{}, false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v) // #nosec G115 -- below 32
	}
	binary.BigEndian.PutUint64(id.b[:], hi)
	binary.BigEndian.PutUint64(id.b[8:], lo)
	return id, true
}

func (id eventID) String() string {
	switch id.kind {
	case idUUID:
		h := hex.EncodeToString(id.b[:])
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	case idHex:
		return hex.EncodeToString(id.b[:])
	case idULID:
		hi, lo := binary.BigEndian.Uint64(id.b[:]), binary.BigEndian.Uint64(id.b[8:])
		var s [ulidLength]byte
		for i := len(s) - 1; i >= 0; i-- {
			s[i] = crockford[lo&31]
			lo = lo>>5 | hi<<59
			hi >>= 5
		}
		return string(s[:])
	}
	return string(id.b[:id.kind])
}

func (id eventID) ref() ref { return binary.LittleEndian.Uint32(id.b[:]) }

func textID(r ref) (id eventID) {
	id.kind = idText
	binary.LittleEndian.PutUint32(id.b[:], r)
	return id
}
