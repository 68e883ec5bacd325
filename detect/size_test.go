package detect

import (
	"testing"
	"unsafe"
)

// TestSizes: a million sessions pay for each byte, so that growth is a decision.
func TestSizes(t *testing.T) {
	for name, s := range map[string]struct{ got, most uintptr }{
		"session": {unsafe.Sizeof(session{}), 136}, "vantage": {unsafe.Sizeof(vantage{}), 104}, "actor": {unsafe.Sizeof(actor{}), 32},
		"uses": {unsafe.Sizeof(useChunk{}), 4*32 + 8}, "mark": {unsafe.Sizeof(mark{}), 40}, "text": {unsafe.Sizeof(textChunk{}), 32},
	} {
		if s.got > s.most {
			t.Errorf("%s takes %d bytes, at most %d", name, s.got, s.most)
		}
	}
}

func TestPackedIDs(t *testing.T) {
	for _, id := range []string{"", "e-42", "0123456789abcdef", "01234567-89ab-4def-8123-456789abcdef", "0123456789abcdef0123456789abcdef", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		p, ok := packID(id)
		if !ok || p.String() != id {
			t.Errorf("%q packs to %q, %v", id, p.String(), ok)
		}
	}
	for _, id := range []string{"01234567-89AB-4def-8123-456789abcdef", "0123456789ABCDEF0123456789abcdef", "01arz3ndektsv4rrffq69g5fav", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "0123456789abcdefg"} {
		if _, ok := packID(id); ok {
			t.Errorf("%q is packed, though it would come back otherwise", id)
		}
	}
}
