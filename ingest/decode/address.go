package decode

import (
	"bytes"
	"net/netip"
)

// parseAddress reads an IPv4 or IPv6 address; IPv4-mapped ones come out as IPv4. Zones are refused: they mean something on one
// machine only.
func parseAddress(b []byte) (netip.Addr, bool) {
	if a, ok := parseIPv4(b); ok {
		return a, true
	}
	// Not only refused for the reason above: netip keeps zones for ever, and this text may be a token that a producer put in the wrong field.
	if bytes.IndexByte(b, ':') < 0 || bytes.IndexByte(b, '%') >= 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(alias(b))
	return a.Unmap(), err == nil
}

// parseIPv4 reads four decimal numbers up to 255 without leading zeros, which would mean octal to some (RFC 6943, 3.1.1).
func parseIPv4(b []byte) (netip.Addr, bool) {
	if len(b) > len("255.255.255.255") {
		return netip.Addr{}, false
	}
	var a [4]byte
	var v, digits uint
	n := 0
	for _, c := range b {
		if c == '.' {
			if digits == 0 || n == 3 {
				return netip.Addr{}, false
			}
			a[n] = byte(v)
			n++
			v, digits = 0, 0
			continue
		}
		if c-'0' > 9 || digits > 0 && v == 0 {
			return netip.Addr{}, false
		}
		if v = v*10 + uint(c-'0'); v > 255 {
			return netip.Addr{}, false
		}
		digits++
	}
	if n != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	a[3] = byte(v)
	return netip.AddrFrom4(a), true
}
