package simulate

import "slices"

// Attack is a kind of attack.
type Attack string

// Attacks with a token stolen from a browser that goes on using it.
const (
	// StolenCookie uses a live token from another country on another device.
	StolenCookie Attack = "stolen-cookie"
	// FastStolenCookie is StolenCookie within seconds of the owner's own requests.
	FastStolenCookie Attack = "fast-stolen-cookie"
	// SlowStolenCookie is StolenCookie hours later, a request now and then, while the owner does something else.
	SlowStolenCookie Attack = "slow-stolen-cookie"
	// UACopy is StolenCookie with the owner's user agent copied exactly.
	UACopy Attack = "ua-copy"
	// ParallelProxy uses a live token through a residential proxy in the owner's own city on another device.
	ParallelProxy Attack = "parallel-proxy"
	// ResidentialProxy uses a live token through a residential proxy in the owner's country, with the owner's user agent.
	ResidentialProxy Attack = "residential-proxy"
	// StolenSameCity comes from the owner's city and provider, on another device.
	StolenSameCity Attack = "stolen-same-city"
	// StolenSameDevice comes from the owner's city and provider with the owner's user agent.
	StolenSameDevice Attack = "stolen-same-device"
	// StolenSameNAT comes from behind the owner's own address with the owner's user agent: the events can't tell it from the owner.
	StolenSameNAT Attack = "stolen-same-nat"
	// Hosting uses a live token from a data centre with the owner's user agent.
	Hosting Attack = "hosting"
	// Tor uses a live token from Tor exits.
	Tor Attack = "tor"
	// KeepAlive is a script that keeps a stolen token alive at a fixed period.
	KeepAlive Attack = "keep-alive"
	// HARFile replays all tokens of one user from one network.
	HARFile Attack = "har-file"
	// Infostealer replays tokens of many users from one network.
	Infostealer Attack = "infostealer"
)

// Attacks with a token that is dead.
const (
	// ReplayEnded uses a token after its owner has logged out, at an app that still accepts it.
	ReplayEnded Attack = "replay-ended"
	// ReplayLogout is the same at an app that rejects it.
	ReplayLogout Attack = "replay-logout"
	// ReplayRevoked uses a token after an administrator revoked it.
	ReplayRevoked Attack = "replay-revoked"
	// ReplayRotated uses a token after it was rotated out.
	ReplayRotated Attack = "replay-rotated"
	// ReplayGrandparent uses a token that was rotated out two rotations ago.
	ReplayGrandparent Attack = "replay-grandparent"
	// Resurrection starts a session again with a token that was ended.
	Resurrection Attack = "resurrection"
)

// Attacks at and around the login.
const (
	// AiTMScript relays a login through a phishing proxy; then a script goes on from elsewhere.
	AiTMScript Attack = "aitm-script"
	// Fixation plants a token that the victim then logs in with.
	Fixation Attack = "fixation"
	// Forged presents tokens that nobody issued; they are rejected.
	Forged Attack = "forged"
	// ForgedAccepted presents tokens that nobody issued to an app that accepts them.
	ForgedAccepted Attack = "forged-accepted"
	// Guessing tries many tokens from one network.
	Guessing Attack = "guessing"
)

var attacks = []Attack{
	StolenCookie, FastStolenCookie, SlowStolenCookie, UACopy, ParallelProxy, ResidentialProxy, StolenSameCity, StolenSameDevice, StolenSameNAT,
	Hosting, Tor, KeepAlive, HARFile, Infostealer,
	ReplayEnded, ReplayLogout, ReplayRevoked, ReplayRotated, ReplayGrandparent, Resurrection,
	AiTMScript, Fixation, Forged, ForgedAccepted, Guessing,
}

// AllAttacks lists all kinds. Only package population has them all.
func AllAttacks() []Attack { return slices.Clone(attacks) }

// Known reports whether there is such a kind.
func (a Attack) Known() bool { return slices.Contains(attacks, a) }

// Simple reports whether this package's Generator has the kind.
func (a Attack) Simple() bool { return slices.Contains(Attacks(), a) }

// Rule is the rule that is there for the attack, empty where no event tells it from its victim. Other rules may find it too.
func (a Attack) Rule() string {
	switch a {
	case StolenCookie, FastStolenCookie, UACopy, SlowStolenCookie:
		return "impossible-travel"
	case ParallelProxy, ResidentialProxy:
		return "parallel-use"
	case StolenSameCity:
		return "device-change"
	case Hosting, Tor:
		return "anonymizer"
	case KeepAlive:
		return "beacon"
	case HARFile, Infostealer:
		return "token-harvest"
	case ReplayEnded, ReplayLogout, ReplayRevoked, ReplayRotated, ReplayGrandparent:
		return "revoked-replay"
	case Resurrection:
		return "resurrection"
	case AiTMScript:
		return "scripted-client"
	case Fixation:
		return "fixation"
	case ForgedAccepted:
		return "never-issued"
	case Forged, Guessing:
		return "guessing"
	}
	return ""
}
