package simulate

import (
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/hijackd/hijackd/schema"
)

// browser is a user agent with its version cut out.
type browser struct {
	before, after string
	version       int
	family, os    string
	class         schema.DeviceClass
}

var laptops = []browser{
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", ".0.0.0 Safari/537.36", 140, "Chrome", "Windows", schema.DeviceDesktop},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/", ".0 Safari/605.1.15", 19, "Safari", "macOS", schema.DeviceDesktop},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/", ".0", 140, "Firefox", "Windows", schema.DeviceDesktop},
}

var phones = []browser{
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/", ".0 Mobile/15E148 Safari/604.1", 18, "Safari", "iOS", schema.DeviceMobile},
	{"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/", ".0.0.0 Mobile Safari/537.36", 139, "Chrome", "Android", schema.DeviceMobile},
}

var thiefBrowser = browser{"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/", ".0", 128, "Firefox", "Linux", schema.DeviceDesktop}

// device is a browser with a version.
type device struct {
	userAgent string
	agent     schema.Agent
}

func (b browser) at(version int) device {
	return device{b.before + strconv.Itoa(version) + b.after,
		schema.Agent{Family: b.family, OS: b.os, Major: uint16(version), Class: b.class}} // #nosec G115 -- versions are small
}

// vantage is where a request comes from.
type vantage struct {
	network *Network
	ip      netip.Addr
}

// person is a user with a home, and what is at hand there.
type person struct {
	name   string
	home   *city
	wifi   vantage
	subnet netip.Prefix // valid where the home has IPv6
	robbed bool
}

func newPerson(n int, cities []city, r *rand.Rand) *person {
	p := &person{name: "u-" + strconv.Itoa(n), home: &cities[r.IntN(homes)]}
	provider := &p.home.cable
	if r.IntN(2) == 0 {
		provider = &p.home.fibre
		p.subnet = p.home.fibre6.subnet(r)
	}
	p.wifi = vantage{provider, provider.address(r)}
	return p
}
