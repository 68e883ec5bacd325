package fingerprint

import "strings"

const (
	maxKid    = 32
	maxOpaque = 128
)

// Valid reports whether a text is a fingerprint in one of the accepted forms; anything else has to be taken for a raw token.
//
//	h1:<kid>:<22 characters of base64url>   any kid of 1–32 characters A–Z a–z 0–9 . _ -
//	sha256:<64 lower-case hex digits>
//	id:<1–128 bytes>
//
// The 22nd character of h1 carries two bits only, but any is accepted: the form is a name here and is never decoded. Upper-case
// hex is refused, so that one digest has one spelling: Canonical makes it lower-case first.
func Valid(form string) bool {
	switch {
	case strings.HasPrefix(form, "h1:"):
		rest := form[3:]
		kid := len(rest) - 23
		return kid > 0 && rest[kid] == ':' && validKid(rest[:kid]) && all(rest[kid+1:], base64url)
	case strings.HasPrefix(form, "sha256:"):
		return len(form) == 7+64 && all(form[7:], lowerHex)
	case strings.HasPrefix(form, "id:"):
		return len(form) > 3 && len(form) <= 3+maxOpaque
	}
	return false
}

// Canonical gives a sha256 form in upper-case hex its one spelling, in place. It leaves everything else alone.
func Canonical(form []byte) {
	if len(form) != 7+64 || string(form[:7]) != "sha256:" {
		return
	}
	for _, c := range form[7:] {
		if class[c]&(lowerHex|upperHex) == 0 {
			return
		}
	}
	for i, c := range form[7:] {
		if class[c]&lowerHex == 0 {
			form[7+i] = c | 0x20
		}
	}
}

func validKid(kid string) bool { return len(kid) > 0 && len(kid) <= maxKid && all(kid, kidByte) }

// Classes of bytes.
const (
	base64url uint8 = 1 << iota
	lowerHex
	upperHex
	kidByte
)

var class = func() (t [256]uint8) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		t[c] |= base64url | kidByte
	}
	t['.'] |= kidByte
	for _, c := range []byte("0123456789abcdef") {
		t[c] |= lowerHex
	}
	for _, c := range []byte("ABCDEF") {
		t[c] |= upperHex
	}
	return t
}()

func all(s string, want uint8) bool {
	got := want
	for i := range len(s) {
		got &= class[s[i]]
	}
	return got != 0
}
