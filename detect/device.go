package detect

import (
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// Facets are what of a device may be another one from one vantage to the next.
type Facets uint8

// The facets of a device.
const (
	DeviceID Facets = 1 << iota // the app's own id or fingerprint of it
	BoundKey                    // cnf
	System
	Browser // the user agent's family
	Form    // desktop or handheld
	Version // of the browser; only backward
	TLS     // ja4
)

var facetNames = [...]string{"device", "cnf", "os", "family", "class", "version", "ja4"}

// Names lists the facets as events and detections name them.
func (f Facets) Names() []string {
	var names []string
	for i, name := range facetNames {
		if f>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether f holds any of the facets.
func (f Facets) Has(any Facets) bool { return f&any != 0 }

// Changed tells what of the device of a, used before b, is another at b. What is absent on a side has not changed, and a later version
// of the same browser is no change.
func Changed(a, b *Vantage) Facets {
	f := differing(a, b)
	if !f.Has(Browser) && version(a, b) < 0 {
		f |= Version
	}
	return f
}

// differing tells what differs, versions apart: of two, one way round it is an update, the other way it is not.
func differing(a, b *Vantage) (f Facets) {
	if a.device != 0 && b.device != 0 && a.device != b.device {
		f |= DeviceID
	}
	if a.cnf != 0 && b.cnf != 0 && a.cnf != b.cnf {
		f |= BoundKey
	}
	if differ(a.Agent.OS, b.Agent.OS) {
		f |= System
	}
	if differ(a.Agent.Family, b.Agent.Family) {
		f |= Browser
	}
	if x, y := form(a.Agent.Class), form(b.Agent.Class); x != 0 && y != 0 && x != y {
		f |= Form
	}
	// Another version shakes hands in another way.
	if version(a, b) == 0 && otherJA4(a.ja4, b.ja4) {
		f |= TLS
	}
	return f
}

// form is the class of a device without what one device changes by itself: a foldable is now a phone, now a tablet.
func form(c schema.DeviceClass) schema.DeviceClass {
	if c == schema.DeviceTablet {
		return schema.DeviceMobile
	}
	return c
}

// Comparable reports whether anything that tells devices apart is known on both sides.
func Comparable(a, b *Vantage) bool {
	return a.device != 0 && b.device != 0 || a.cnf != 0 && b.cnf != 0 || a.ja4 != "" && b.ja4 != "" ||
		a.Agent.Family != "" && b.Agent.Family != ""
}

// SameMark reports whether both sides show the same device or cnf. (Everybody with one browser shows one ja4.)
func SameMark(a, b *Vantage) bool {
	return a.device != 0 && a.device == b.device || SameKey(a, b)
}

// SameKey reports whether both sides show one key that the token is bound to. Unlike a device id it can't be copied with the token.
func SameKey(a, b *Vantage) bool { return a.cnf != 0 && a.cnf == b.cnf }

// SameTLS reports whether both sides show one TLS client.
func SameTLS(a, b *Vantage) bool { return a.ja4 != "" && a.ja4 == b.ja4 }

// Disguised reports whether one machine may show both of two different user agents: a phone that asks for the desktop site, an app and
// the web view inside it, the older engine inside a browser. Marks of the device must not contradict.
func Disguised(a, b *Vantage) bool {
	if differing(a, b).Has(DeviceID | BoundKey) {
		return false
	}
	return desktopSite(&a.Agent, &b.Agent) || appAndView(&a.Agent, &b.Agent) || compatibilityMode(&a.Agent, &b.Agent)
}

// desktopSite: the same browser in the same version, as on a phone or tablet and as on the desktop system that it then pretends to be.
func desktopSite(a, b *schema.Agent) bool {
	if a.Family != b.Family || a.Major != b.Major || a.Class == b.Class {
		return false
	}
	return kin(a.OS, b.OS) && a.OS != b.OS
}

// appAndView: an app's own requests and those of a web view or browser of one handheld. Android's web view has a version of its own.
func appAndView(a, b *schema.Agent) bool {
	if !handheld(a) && !handheld(b) || !kin(a.OS, b.OS) {
		return false
	}
	if !browsers[a.Family] || !browsers[b.Family] {
		return tame(a) && tame(b)
	}
	return a.Family == b.Family && a.OS == "Android" && b.OS == "Android"
}

// compatibilityMode: Edge shows sites that need it in Internet Explorer's engine, with the same cookies.
func compatibilityMode(a, b *schema.Agent) bool {
	return a.OS == b.OS && (a.Family == "Edge" && explorer(b) || b.Family == "Edge" && explorer(a))
}

func explorer(a *schema.Agent) bool {
	return a.Family == "Trident" || strings.HasPrefix(a.Family, "Internet Explorer")
}

func handheld(a *schema.Agent) bool { return form(a.Class) == schema.DeviceMobile }

// tame reports whether the agent is neither a script's nor a bot's.
func tame(a *schema.Agent) bool {
	return a.Class != schema.DeviceScript && a.Class != schema.DeviceBot && a.Family != ""
}

// kin reports whether a system may show itself as the other: iPads and phones that ask for the desktop site do. One that is not known may.
func kin(a, b string) bool {
	of := func(os string) string {
		switch os {
		case "iOS", "macOS":
			return "Apple"
		case "Android", "Linux", "ChromeOS":
			return "Android"
		}
		return os
	}
	return a == "" || b == "" || of(a) == of(b)
}

// browsers are the families that people open sites with; anything else on a handheld is an app.
var browsers = map[string]bool{
	"Chrome": true, "Safari": true, "Firefox": true, "Edge": true, "Opera": true, "Opera Mini": true, "Opera Touch": true,
	"Samsung Browser": true, "Vivaldi": true, "Brave": true, "UC Browser": true, "Yandex Browser": true, "Internet Explorer": true,
	"Trident": true, "Android browser": true, "Huawei Browser": true, "MIUI Browser": true, "DuckDuckGo": true,
}
