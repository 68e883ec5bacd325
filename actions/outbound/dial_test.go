package outbound

import (
	"net/netip"
	"testing"
)

func TestAllowed(t *testing.T) {
	for addr, want := range map[string][2]bool{ // without and with allow_private
		"192.0.2.1": {true, true}, "2001:db8::1": {true, true}, "8.8.8.8": {true, true}, "::ffff:8.8.8.8": {true, true},
		"127.0.0.1": {false, true}, "::1": {false, true}, "127.8.9.10": {false, true}, "::ffff:127.0.0.1": {false, true},
		"10.1.2.3": {false, true}, "172.16.0.1": {false, true}, "192.168.1.1": {false, true}, "fd12::1": {false, true},
		"100.64.0.1": {false, true}, "198.18.0.1": {false, true}, "255.255.255.255": {false, true}, "0.1.2.3": {false, true},
		"64:ff9b::a01:203": {false, true}, "64:ff9b::808:808": {true, true}, "2002:7f00:1::": {false, true}, "::10.1.2.3": {false, true},
		"0.0.0.0": {}, "::": {}, "169.254.169.254": {}, "169.254.0.1": {}, "::ffff:169.254.169.254": {}, "fe80::1": {},
		"fd00:ec2::254": {}, "fd20:ce::254": {}, "100.100.100.200": {}, "168.63.129.16": {}, "192.0.0.192": {},
		"64:ff9b::a9fe:a9fe": {}, "2002:a9fe:a9fe::": {}, "224.0.0.1": {}, "ff02::1": {},
	} {
		a := netip.MustParseAddr(addr)
		if got := [2]bool{allowed(a, false), allowed(a, true)}; got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	if c := control(true); c("tcp", "[fe80::1%eth0]:443", nil) == nil || c("tcp", "nonsense", nil) == nil || c("tcp", "127.0.0.1:80", nil) != nil {
		t.Error("control disagrees with allowed")
	}
}
