package rules

import (
	"strings"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// access is what kind of network a vantage is on, as far as it is known.
type access struct {
	name   string // the class, or what was assumed
	people bool   // residential or mobile: people sit there, machines don't
	hosted bool
	hides  bool // hosting, VPN or Tor
	class  schema.NetworkClass
}

// hostingNames are parts of the names of companies that rent out machines or sell VPNs, in lower case. Most deployments have only
// City and ASN databases: without this list a VPN's egress would pass for somebody's home.
var hostingNames = []string{
	"hosting", "hoster", "cloud", "data center", "datacenter", "data centre", "datacamp", "server", "vps", "vpn", "colo", "proxy", "cdn",
	"amazon", "aws", "google", "microsoft", "azure", "oracle", "alibaba", "tencent", "digitalocean", "linode", "akamai", "vultr", "choopa",
	"constant company", "ovh", "hetzner", "leaseweb", "contabo", "scaleway", "online s.a.s", "m247", "ionos", "godaddy", "rackspace", "equinix",
	"fastly", "zscaler", "netskope", "palo alto", "mullvad", "nordvpn", "expressvpn", "tzulo", "quadranet", "psychz", "servers", "netcup", "upcloud",
}

func accessOf(v *detect.Vantage) access {
	class := v.Geo.Network
	switch class {
	case schema.NetworkResidential, schema.NetworkMobile:
		return access{name: class.String(), people: true, class: class}
	case schema.NetworkUnknown:
		org := strings.ToLower(v.Geo.ASOrg)
		if org == "" {
			return access{name: "unknown"}
		}
		for _, n := range hostingNames {
			if strings.Contains(org, n) {
				return access{name: "hosting (by name)", hosted: true, hides: true, class: schema.NetworkHosting}
			}
		}
		return access{name: "residential (by name)", people: true, class: schema.NetworkResidential}
	}
	hosted := class == schema.NetworkHosting
	return access{name: class.String(), hosted: hosted, hides: hosted || class == schema.NetworkVPN || class == schema.NetworkTor, class: class}
}
