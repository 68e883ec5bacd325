package simulate

import (
	"iter"
	"math/bits"
	"slices"
)

// Role says who made a request.
type Role uint8

// Roles.
const (
	User     Role = iota // the session's owner, or a client of theirs
	Attacker             // somebody who is not
	Operator             // an administrator who revokes
)

var roles = [...]string{"user", "attacker", "operator"}

// String is the role's name in labels.
func (r Role) String() string { return roles[r] }

// Nuisance is something harmless that looks like something else.
type Nuisance uint8

// Nuisances.
const (
	Commute       Nuisance = iota // Wi-Fi to LTE or back
	CarrierNAT                    // another address of the carrier's pool
	Privacy                       // another IPv6 address of the household's /64
	HappyEyeballs                 // IPv4 and IPv6 in turn
	Update                        // a newer version of the browser in mid-session
	RefreshRace                   // the old token once more, just after its rotation
	InFlight                      // a request that was under way at the logout
	SplitTunnel                   // one app through the company's VPN, the rest not
	ZTNA                          // a zero-trust gateway's egress
	ConsumerVPN                   // on a commercial VPN
	PrivateRelay                  // iCloud Private Relay or alike
	InFlightWiFi                  // on an aeroplane, by satellite
	Flight                        // far away after a flight
	Train                         // in another city after a train
	GeoUpdate                     // the GeoIP database says another place for the same address
	Tabs                          // a tab that polls by itself
	Anchor                        // a machine that polls at one place while its owner is at another
	StaleClient                   // a client of the owner's that retries a dead token
	Typo                          // a mistyped password
	Lease                         // a new address from the provider
	SharedNAT                     // strangers or colleagues behind the same address
	Coalesced                     // several uses in one event
	WebView                       // a browser inside another app
	KeptToken                     // a login that keeps the token of before, at an app that does so
	LateEvent                     // arrives minutes later
	Duplicate                     // arrives twice
	Roaming                       // abroad, at an address of the carrier at home; only with population.Config.Hard
	Misplaced                     // a carrier's gateway that the database has in another city; only with Hard
	SharedAccount                 // two people, one account; only with Hard
	nuisances
)

var nuisanceNames = [nuisances]string{"commute", "carrier-nat", "privacy-v6", "happy-eyeballs", "browser-update", "refresh-race", "in-flight",
	"split-tunnel", "ztna", "consumer-vpn", "private-relay", "in-flight-wifi", "flight", "train", "geo-update", "tabs", "anchor", "stale-client",
	"typo", "lease", "shared-nat", "coalesced", "webview", "kept-token", "late", "duplicate", "roaming", "misplaced", "shared-account"}

// String is the nuisance's name in labels.
func (n Nuisance) String() string { return nuisanceNames[n] }

// Nuisances is a set.
type Nuisances uint64

// Of makes a set.
func Of(all ...Nuisance) (s Nuisances) {
	for _, n := range all {
		s |= 1 << n
	}
	return s
}

// Has reports whether the set holds n.
func (s Nuisances) Has(n Nuisance) bool { return s&(1<<n) != 0 }

// All yields the members, in the order of the constants.
func (s Nuisances) All() iter.Seq[Nuisance] {
	return func(yield func(Nuisance) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(Nuisance(bits.TrailingZeros64(uint64(s)))) {
				return
			}
		}
	}
}

// List returns the members, in the order of the constants.
func (s Nuisances) List() []Nuisance { return slices.Collect(s.All()) }

// AllNuisances lists all kinds.
func AllNuisances() []Nuisance { return (Nuisances(1)<<nuisances - 1).List() }
