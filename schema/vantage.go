package schema

import "net/netip"

// NetworkClass is what kind of network an address belongs to.
type NetworkClass uint8

// Network classes (contract section 1, field geo.network).
const (
	NetworkUnknown NetworkClass = iota
	NetworkResidential
	NetworkMobile
	NetworkHosting
	NetworkVPN
	NetworkTor
	NetworkRelay     // iCloud Private Relay and alike: the egress says nothing about the place
	NetworkSatellite // Starlink, in-flight Wi-Fi and alike
	NetworkCorporate // one of the operator's trusted networks
	NetworkAnycast
)

var networkClasses = [...]string{"", "residential", "mobile", "hosting", "vpn", "tor", "relay", "satellite", "corporate", "anycast"}

// String is the class's name on the wire, empty for NetworkUnknown.
func (c NetworkClass) String() string { return networkClasses[c] }

// ParseNetworkClass reads a class's name; ok is false for an unknown one.
func ParseNetworkClass(s string) (c NetworkClass, ok bool) {
	for i, n := range networkClasses {
		if n == s {
			return NetworkClass(i), true
		}
	}
	return 0, false
}

// Placeless reports whether addresses of the class have no place worth comparing (detections, "Shared notions").
func (c NetworkClass) Placeless() bool {
	switch c {
	case NetworkVPN, NetworkTor, NetworkRelay, NetworkSatellite, NetworkAnycast:
		return true
	}
	return false
}

// Geo is what is known about an address, from the event's own geo object and the GeoIP databases.
type Geo struct {
	Country string // ISO 3166-1 alpha-2, empty where unknown
	City    string
	// Lat and Lon are in degrees; valid only with HasPlace.
	Lat, Lon float64
	HasPlace bool
	// AccuracyKM is the radius in km, 0 where unknown.
	AccuracyKM uint16
	ASN        uint32
	ASOrg      string
	Network    NetworkClass
}

// DeviceClass is the kind of machine a user agent names.
type DeviceClass uint8

// Device classes.
const (
	DeviceUnknown DeviceClass = iota
	DeviceDesktop
	DeviceMobile
	DeviceTablet
	DeviceBot    // crawlers and monitoring
	DeviceScript // curl, python-requests, headless browsers and alike
)

var deviceClasses = [...]string{"", "desktop", "mobile", "tablet", "bot", "script"}

// String is the class's name, empty for DeviceUnknown.
func (c DeviceClass) String() string { return deviceClasses[c] }

// Agent is a parsed user agent.
type Agent struct {
	Family string // "Firefox", "Chrome", "curl"; empty where unknown
	OS     string // "Windows", "macOS", "iOS"; empty where unknown
	Major  uint16 // major version of the family, 0 where unknown
	Class  DeviceClass
}

// String is the form that people read: "Firefox on Windows".
func (a Agent) String() string {
	switch {
	case a.Family == "" && a.OS == "":
		return ""
	case a.OS == "":
		return a.Family
	case a.Family == "":
		return a.OS
	}
	return a.Family + " on " + a.OS
}

// Network returns the network that an address belongs to for comparison: an IPv4 address itself, an IPv6 /64
// (privacy addresses change inside it, RFC 8981).
func Network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
