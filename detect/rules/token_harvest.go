package rules

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// TokenHarvest finds a network that presents live tokens of several users whom it never served.
var TokenHarvest = detect.Rule{
	Name: "token-harvest", Version: 1,
	Title: "One network presents live tokens of several users that it never served",
	Why: "A stolen HAR file, a cookie log or an infostealer's archive holds the sessions of many people. Whoever replays them does so from one machine: sessions of several people, begun elsewhere, " +
		"turn up on one network within minutes.",
	Method: "A token arrives on a network (an IPv4 address, an IPv6 /64) when it is first used there after it was used elsewhere, at no equivalent vantage. Arrivals of users whose sessions began on the network before are left out. " +
		"It fires when tokens of at least users users arrived within window. People arrive too, in offices, airports, trains and at conferences, each with their own device; so arrivals are told apart by it:\n\n" +
		"one device: each of the tokens is shown by a device that no use of it had shown before, and all by the same: the same device id, or else the same browser, version and system. High, and conclusive unless many people share the network " +
		"(sessions of 20 users began there before); on mobile, satellite, relay and anycast networks only the same device id counts, and it is conclusive anywhere.\n\n" +
		"other devices: each by a new device, but not all by the same: medium, not on networks that many share.\n\n" +
		"same devices: each by what passes for the device it always had, without a device id to prove it, on a hosting, VPN or Tor network, for a thief may copy user agents: high if tokens of as many users were used elsewhere again since, " +
		"and sessions of fewer users than that began on the network before (at a company's gateway people log in, too), else low, and nothing on a VPN. Never conclusive. Anywhere else people arriving with their own devices are no finding.\n\n" +
		"Nothing is said of trusted networks. Findings are one per network, class and fixed window of that length, counted from 1970; each names the tokens that arrived from one window before it on, up to 256, and is said again when more come. " +
		"Confidence is 1 − Π(1 − p): one device: device 0.8, behaviour 0.7, or 0.5 and 0.4 where it is not conclusive; other devices: 0.3 and 0.4; same devices: behaviour 0.4 and network 0.3 where high, else behaviour 0.3.",
	Keys: []detect.Key{
		{Name: "users", Doc: "users whose tokens must arrive", Default: 3, Min: 2, Max: 100},
		{Name: "window", Doc: "event time within which they must arrive", Default: time.Hour, Min: 1, Max: 86400},
	},
	Severity: schema.High, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"A backend that passes its users' tokens on under its own address and user agent: have it pass on the client's address, or list it under policy.trusted_networks.",
		"Support staff who take over users' sessions in their own browser.",
	},
	Response:   "Revoke the tokens presented; block the network if that is configured.",
	Attack:     []string{"T1539", "T1550.004"},
	Example:    "Sessions of 4 users, begun elsewhere, shown by one device (python-requests) within 9 min",
	NewSubject: func(s detect.Settings) detect.SubjectJudge { return harvest{s.Int("users"), s.Duration("window", "")} },
}

const maxTargets = 256

type harvest struct {
	users  int
	window time.Duration
}

func (harvest) Scope() schema.Scope     { return schema.ScopeNetwork }
func (j harvest) Window() time.Duration { return 2 * j.window }

// Classes of arrivals.
const (
	oneDevice    = "one device"
	otherDevices = "other devices"
	sameDevices  = "same devices"
)

func (j harvest) Judge(s *detect.Subject, say func(detect.SubjectVerdict)) {
	var came []*detect.Sight
	for i, x := range s.Sights {
		switch {
		case x.Kind == schema.SightingBack && x.Apart && s.Completes(x):
			j.sayOf(s, sameDevices, came, i, say)
		case x.Kind == schema.SightingMoved && x.Apart && x.Vantage != nil && x.User() != "" && !s.Served(x.User(), x.Moment):
			if came = append(came, x); !s.Completes(x) {
				continue
			}
			if x.NewDevice {
				if !j.sayOf(s, oneDevice, came, i, say) {
					j.sayOf(s, otherDevices, came, i, say)
				}
			} else {
				j.sayOf(s, sameDevices, came, i, say)
			}
		}
	}
}

// sayOf says of the arrivals of a class, up to the i-th sighting, whether they are of enough users.
func (j harvest) sayOf(s *detect.Subject, class string, came []*detect.Sight, i int, say func(detect.SubjectVerdict)) bool {
	now := s.Sights[i]
	if len(came) == 0 {
		return false
	}
	began := now.Time - (now.Time%int64(j.window)+int64(j.window))%int64(j.window)
	label := deviceShown(came[len(came)-1].Vantage)
	l := loot{harvest: j, class: class, network: s.Name}
	for _, x := range came {
		fits := x.NewDevice && (class == otherDevices || class == oneDevice && deviceShown(x.Vantage) == label) || class == sameDevices && !x.NewDevice && !x.Marked()
		if fits && x.Time > began-int64(j.window) && !slices.ContainsFunc(l.came, func(o *detect.Sight) bool { return o.Token == x.Token }) {
			l.came = append(l.came, x)
		}
	}
	if !l.enough() {
		return false
	}
	l.done = now
	l.regulars = s.Regulars(now.Moment)
	l.again = l.usedAgain(s.Sights[:i+1])
	if !l.weigh() {
		return false
	}
	about := class
	if class == oneDevice {
		about += " " + label
	}
	say(detect.SubjectVerdict{
		About: about + " window " + time.Unix(0, began).UTC().Format(time.RFC3339), Severity: l.severity, Confidence: l.signals.confidence(), Conclusive: l.conclusive,
		Informed: len(l.came), Signals: l.signals, Pattern: l.pattern(), NoToken: true, Targets: l.targets(), Explain: l.explain,
	})
	return true
}

// deviceShown is what tells one device from another: its id, or else browser, version and system.
func deviceShown(v *detect.Vantage) string {
	if v.Device != "" {
		return "id " + v.Device
	}
	return v.Agent.String() + " " + strconv.Itoa(int(v.Agent.Major))
}

// loot is what arrived, with all operands of its judgement.
type loot struct {
	harvest
	class      string
	network    string
	came       []*detect.Sight // the first of each token, in event order
	done       *detect.Sight   // completes it
	regulars   int
	again      int // users whose tokens were used elsewhere again
	severity   schema.Severity
	signals    signals
	conclusive bool
}

// enough reports whether at some moment tokens of enough users had arrived within the window.
func (l *loot) enough() bool {
	for i := range l.came {
		if countUsers(l.within(i)) >= l.users {
			return true
		}
	}
	return false
}

// within returns the arrivals within the window before the i-th, with it.
func (l *loot) within(i int) []*detect.Sight {
	from := i
	for from > 0 && l.came[i].Time-l.came[from-1].Time <= int64(l.window) {
		from--
	}
	return l.came[from : i+1]
}

func countUsers(sights []*detect.Sight) int {
	users := map[string]bool{}
	for _, x := range sights {
		users[x.User()] = true
	}
	return len(users)
}

// usedAgain counts the users whose tokens were used elsewhere after they had arrived.
func (l *loot) usedAgain(sights []*detect.Sight) int {
	var again []*detect.Sight
	for _, x := range l.came {
		if slices.ContainsFunc(sights, func(o *detect.Sight) bool {
			return o.Kind == schema.SightingBack && o.Apart && o.Token == x.Token && x.Before(o.Moment)
		}) {
			again = append(again, x)
		}
	}
	return countUsers(again)
}

// weigh fills in the judgement; false where there is nothing to say.
func (l *loot) weigh() bool {
	last := l.came[len(l.came)-1].Vantage
	at := accessOf(last)
	shared := false
	switch last.Geo.Network {
	case schema.NetworkCorporate:
		return false
	case schema.NetworkMobile, schema.NetworkSatellite, schema.NetworkRelay, schema.NetworkAnycast:
		shared = true
	}
	many := l.regulars >= manyUsers
	anonymous := last.Geo.Network == schema.NetworkVPN || last.Geo.Network == schema.NetworkTor
	switch {
	case l.class == oneDevice:
		byID := last.Device != ""
		if shared && !byID || !byID && last.Agent.String() == "" {
			return false
		}
		l.severity, l.conclusive = schema.High, byID || !many
		if l.conclusive {
			l.signals.add(schema.SignalDevice, 0.8)
			l.signals.add(schema.SignalBehaviour, 0.7)
		} else {
			l.signals.add(schema.SignalDevice, 0.5)
			l.signals.add(schema.SignalBehaviour, 0.4)
		}
	case l.class == otherDevices:
		if shared || many {
			return false
		}
		l.severity = schema.Medium
		l.signals.add(schema.SignalDevice, 0.3)
		l.signals.add(schema.SignalBehaviour, 0.4)
	case !at.hosted && !anonymous:
		return false
	case l.again >= l.users && l.regulars < l.users:
		l.severity = schema.High
		l.signals.add(schema.SignalBehaviour, 0.4)
		l.signals.add(schema.SignalNetwork, 0.3)
	case last.Geo.Network == schema.NetworkVPN:
		return false
	default:
		l.severity = schema.Low
		l.signals.add(schema.SignalBehaviour, 0.3)
	}
	return true
}

// pattern is the first arrivals and what completes them.
func (l *loot) pattern() []*detect.Sight {
	pattern := slices.Clone(l.came[:min(len(l.came), 16)])
	if pattern[len(pattern)-1] != l.done {
		pattern = append(pattern, l.done)
	}
	return pattern
}

func (l *loot) targets() []schema.Target {
	var targets []schema.Target
	for _, x := range l.came[:min(len(l.came), maxTargets)] {
		targets = append(targets, x.Target())
	}
	return targets
}

func (l *loot) explain(f *schema.Finding) {
	last := l.came[len(l.came)-1].Vantage
	took := time.Duration(l.done.Time - l.came[0].Time)
	users := countUsers(l.came)
	f.To = last.End()
	f.Evidence = map[string]any{
		"class": l.class, "users": users, "tokens": len(l.came), "limit_users": l.harvest.users, "window_seconds": l.window.Seconds(), "seconds": took.Seconds(),
		"users_before": l.regulars, "users_elsewhere_again": l.again, "network": accessOf(last).name,
	}
	shown := "devices that they never had"
	switch l.class {
	case oneDevice:
		shown = "one device (" + or(last.Agent.String(), "unknown") + ")"
	case sameDevices:
		shown = "what passes for their own devices"
	}
	f.Summary = fmt.Sprintf("Sessions of %s, begun elsewhere, shown by %s within %s", plural(users, "user"), shown, lasting(took))
}
