package outbound

import (
	"errors"
	"net/netip"
	"syscall"
)

// errForbidden is what a dial to an address that no destination may have returns.
var errForbidden = errors.New("address not allowed")

func prefixes(list ...string) (ps []netip.Prefix) {
	for _, s := range list {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// Where cloud machines answer with credentials, beyond link-local: AWS over IPv6, Google over IPv6, Alibaba, Azure's wire server,
// Oracle's old one.
var metadata = prefixes("fd00:ec2::/32", "fd20:ce::254/128", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")

// Private in effect, beyond RFC 1918, ULA and loopback: carrier-grade NAT, protocol assignments, benchmarks, reserved, site-local.
var private = prefixes("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "fec0::/10", "0.0.0.0/8")

// Prefixes that carry an IPv4 address inside: NAT64 (RFC 6052), 6to4 (RFC 3056), IPv4-compatible; the byte where it begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12},
}

// allowed reports whether a destination may connect to an address.
func allowed(a netip.Addr, allowPrivate bool) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || in(a, metadata) {
		return false
	}
	if a.IsLoopback() || a.IsPrivate() || in(a, private) {
		return allowPrivate
	}
	for _, e := range embedding {
		if e.prefix.Contains(a) {
			b := a.As16()
			return allowed(netip.AddrFrom4([4]byte(b[e.at:e.at+4])), allowPrivate)
		}
	}
	return true
}

func in(a netip.Addr, ps []netip.Prefix) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// control checks the resolved address of every connection, so that no name can lead elsewhere between look-up and dial.
func control(allowPrivate bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(ap.Addr(), allowPrivate) {
			return errForbidden
		}
		return nil
	}
}
