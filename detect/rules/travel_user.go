package rules

import (
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

const travelOfUsers = "Of a user's tokens taken together, only what shows a person acting is compared: a login (session.started), and the move of a token onto a network, in coarse " +
	"form (provider and city), that the user had not been seen on. A session that goes on polling where it was is an anchor and no person, and a phone that comes back to a network " +
	"that the user has, such as through a VPN at home, proves nothing. It fires for a login or move of one token and one of another token, one of the 32 before it, within 24 h, of which at least one is on a network new to the user, with " +
	"the same arithmetic; tokens of one session are left to the rule's other half, and trusted networks out: a company's gateway is nobody's place. The finding is the user's and names the token of the foreign end: the one on the new network, " +
	"of two such the script, else the one with the device that the user did not have before, else the later one.\n\n" +
	"Of the user: high if the places are ≥ 500 km apart, both on networks of people, and the foreign device is new to the user (by its id, where there is one, else by browser and system); " +
	"medium if the networks are not known to be people's, or if so little was known of the user that either end may be the foreign one; low for everything else: a known device, less than 500 km, a mobile gateway inside one country. " +
	"Conclusive only if besides all that the foreign end is a script, the other is not, and they are within one hour: distance alone never is across two devices, for people share accounts, and one device at both ends is a tunnel sooner than a thief.\n\n" +
	"Confidence of the user's: speed as above, but 0.4 where the foreign device is known and 0.5 where either end may be the foreign one; device new 0.5, a script 0.7; another provider 0.2."

// maxActs is how many logins and moves before one are compared with it.
const maxActs = 32

// userTravel compares the logins and moves of a user's tokens.
type userTravel struct{ travel }

func (userTravel) Scope() schema.Scope { return schema.ScopeUser }

// Window is the longest journey at 1000 km/h, half around the Earth, and some more.
func (userTravel) Window() time.Duration { return 24 * time.Hour }

func (j userTravel) Judge(s *detect.Subject, say func(detect.SubjectVerdict)) {
	for i, b := range s.Sights {
		if !s.Completes(b) || !acts(s, b) {
			continue
		}
		before := 0
		for k := i - 1; k >= 0 && before < maxActs && b.Time-s.Sights[k].Time <= int64(j.Window()); k-- {
			if a := s.Sights[k]; acts(s, a) {
				before++
				j.pair(s, a, b, say)
			}
		}
	}
}

// acts reports whether a sighting shows a person acting at its place: a login, or a token, or one that it goes on for, on a network that
// the user had not been seen on.
func acts(s *detect.Subject, x *detect.Sight) bool {
	if x.Vantage == nil || !x.Use() || x.Vantage.Geo.Network == schema.NetworkCorporate {
		return false
	}
	return x.Login() || (x.Rotated || !x.First()) && !s.Knew(x)
}

func (j userTravel) pair(s *detect.Subject, a, b *detect.Sight, say func(detect.SubjectVerdict)) {
	gap, ok := detect.Distance(a.Vantage, b.Vantage)
	took := max(time.Second, time.Duration(b.Time-a.Time))
	kmh := gap.DistanceKM / took.Hours()
	if !ok || gap.DistanceKM < j.minKM || kmh <= j.maxKMH || a.Token == b.Token || detect.Equivalent(a.Vantage, b.Vantage) {
		return
	}
	if session := a.Session(); session != "" && session == b.Session() || s.GoesOn(b.Token, a.Token) {
		return // one session: the rule's other half looks at it
	}
	t := visit{trip: trip{travel: j.travel, a: a.Vantage, b: b.Vantage, gap: gap, took: took, kmh: kmh, access: [2]access{accessOf(a.Vantage), accessOf(b.Vantage)}}}
	if !t.choose(s, a, b) {
		return
	}
	t.weigh()
	say(detect.SubjectVerdict{
		About: detect.PairLabel(a.Vantage, b.Vantage), Severity: t.severity, Confidence: t.confidence, Conclusive: t.conclusive, Signals: t.signals,
		Pattern: []*detect.Sight{a, b}, Foreign: t.foreign, Explain: t.explain,
	})
}

// choose says which end is the foreign one, from what the user was known by before both; false where both are on networks of theirs.
func (t *visit) choose(s *detect.Subject, a, b *detect.Sight) bool {
	fresh := [2]bool{!s.Knew(a), !s.Knew(b)}
	known := [2]bool{s.KnewDevice(a.Vantage, a.Moment), s.KnewDevice(b.Vantage, a.Moment)}
	script := [2]bool{isScript(a) && !known[0], isScript(b) && !known[1]}
	t.foreign, t.known = b, s.KnewDevice(b.Vantage, b.Moment)
	first := false
	switch {
	case !fresh[0] && !fresh[1]:
		return false
	case fresh[0] != fresh[1]:
		first = fresh[0]
	case script[0] != script[1]:
		first = script[0]
	case known[0] != known[1]:
		first = known[1]
	default:
		t.open = true
	}
	if first {
		t.foreign, t.known = a, known[0]
	}
	t.later = !first
	t.script = script[0] != script[1] && script[0] == first
	return true
}

func isScript(x *detect.Sight) bool { return x.Vantage.Agent.Class == schema.DeviceScript }

// visit is a pair of a user's logins and moves with all operands of its judgement.
type visit struct {
	trip
	foreign  *detect.Sight
	later    bool // the foreign end is the later one
	open     bool // nothing tells which end is foreign
	known    bool // the foreign device
	script   bool // the foreign end is one, and the other is not
	severity schema.Severity
}

func (t *visit) weigh() {
	t.deviceChanged, t.sameASN = !detect.Updated(t.a, t.b), t.a.Geo.ASN == t.b.Geo.ASN
	p := 0.6
	switch {
	case t.access[0].hosted || t.access[1].hosted || t.known:
		p = 0.4
	case t.open:
		p = 0.5
	case t.kmh >= 10*t.maxKMH:
		p = 0.8
	case t.kmh >= 2*t.maxKMH:
		p = 0.7
	}
	var found signals
	found.add(schema.SignalDistance, p)
	switch {
	case t.script:
		found.add(schema.SignalDevice, 0.7)
	case !t.known:
		found.add(schema.SignalDevice, 0.5)
	}
	if !t.sameASN && t.a.Geo.ASN != 0 && t.b.Geo.ASN != 0 {
		found.add(schema.SignalNetwork, 0.2)
	}
	t.confidence, t.signals = found.confidence(), found
	people := t.access[0].people && t.access[1].people
	switch {
	case t.known || detect.ThroughGateway(t.a, t.b) || t.gap.DistanceKM < farKM:
		t.severity = schema.Low
	case !people || t.open:
		t.severity = schema.Medium
	default:
		t.severity = schema.High
		t.conclusive = t.script && t.took <= farInside
	}
}

func (t *visit) explain(f *schema.Finding) {
	t.trip.explain(f)
	f.Evidence["foreign"] = map[bool]string{true: "later", false: "earlier"}[t.later]
	f.Evidence["device_known"], f.Evidence["script"], f.Evidence["user_known"] = t.known, t.script, !t.open
	f.Summary = "Two sessions: " + f.Summary
}
