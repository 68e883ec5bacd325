package rules

import (
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// ParallelUse finds one token used from two vantages by turns, or from many at once.
var ParallelUse = detect.Rule{
	Name: "parallel-use", Version: 1,
	Title: "One token used from several vantages by turns",
	Why: "A person moves: from A to B. A thief and the owner alternate: A, B, and A again. That return tells a theft from a change of network " +
		"even where both are in one city.",
	Method: "Of each two vantages that are not equivalent, the uses of both are put in event order. A return to a vantage after the other one was used is an interleaving: " +
		"A B A is one, A B A B two. It fires when the uses that make enough interleavings lie within window: interleavings_device where the device differs, " +
		"interleavings where only the network does. A plain move never fires.\n\n" +
		"After a rotation the token goes on with the uses of those that it replaced, but a return is a finding of the token that it was made with: " +
		"one that an older token completed is not found again on its successor because that is used on where the return was to. Further returns are.\n\n" +
		"It also fires when more than max_vantages vantages, no two of them equivalent, are used within window. Such findings are one per fixed window of " +
		"that length, counted from 1970.\n\n" +
		"Conclusive if network and device differ, or if the places are ≥ 500 km apart (radii subtracted). With one device and a mobile network on a side, the distance inside one country doesn't count: it is the gateway's.\n\n" +
		"Confidence is 1 − Π(1 − p) over independent signals: alternation p = 0.6 (0.4 where a side is a VPN, relay or corporate network); " +
		"device differs 0.6; another provider (ASN) 0.2; places ≥ 500 km apart 0.6, ≥ 100 km 0.3. For many vantages: 0.9 where every two of them are conclusively different, else 0.6.",
	Keys: []detect.Key{
		{Name: "window", Doc: "event time within which the uses must lie", Default: 5 * time.Minute, Min: 1, Max: 3600},
		{Name: "interleavings", Doc: "returns needed where only the network differs", Default: 2, Min: 1, Max: 20},
		{Name: "interleavings_device", Doc: "returns needed where the device differs", Default: 1, Min: 1, Max: 20},
		{Name: "max_vantages", Doc: "vantages active at once that are still usual", Default: 3, Min: 1, Max: 12},
	},
	Severity: schema.High, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"A phone that flaps between Wi-Fi and mobile data twice within the window: found, not conclusive.",
		"Split tunnelling through an egress in another country, where events carry no device: list the egress under policy.trusted_networks and send a device id.",
		"A token shared on purpose, such as a service account's: never_revoke it.",
	},
	Response: "Revoke the session.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Lyon and Lyon by turns (1 return in 40 s): Firefox on Windows, Chrome on Linux",
	New: func(s detect.Settings) detect.Judge {
		return parallel{
			window: s.Duration("window", ""), returns: s.Int("interleavings"),
			returnsDevice: s.Int("interleavings_device"), max: s.Int("max_vantages"),
		}
	},
}

type parallel struct {
	window                      time.Duration
	returns, returnsDevice, max int
}

func (j parallel) Needs() detect.Needs { return detect.Needs{Window: j.window, Crowd: j.max} }

// Judge looks at the uses around the new ones: those before that they may complete a pattern with, and those after that may
// complete one now.
func (j parallel) Judge(s *detect.Session, say func(detect.Verdict)) {
	if s.From == s.To {
		return
	}
	from, to := s.From, s.To
	for from > 0 && s.Uses[s.From].Time-s.Uses[from-1].Time <= int64(j.window) {
		from--
	}
	for to < len(s.Uses) && s.Uses[to].Time-s.Uses[s.To-1].Time <= int64(j.window) {
		to++
	}
	around, fresh := s.Uses[from:to], s.From-from
	var own, all uint64
	var vantages []*detect.Vantage
	var uses [64][]int // of each vantage, as places in around
	for i := range around {
		if u := &around[i]; u.Vantage != nil {
			uses[bitOf(u.Vantage)] = append(uses[bitOf(u.Vantage)], i)
			if i >= fresh && from+i < s.To {
				own |= u.Vantage.Bit()
			}
			if u.First(&all) {
				vantages = append(vantages, u.Vantage)
			}
		}
	}
	turns := make([]*detect.Use, 0, len(around))
	for i, v := range vantages {
		for _, w := range vantages[:i] {
			if (v.Bit()|w.Bit())&own != 0 && !s.Equivalent(v, w, around[fresh].Time) {
				turns = turns[:0]
				known := 0
				for a, b := uses[bitOf(v)], uses[bitOf(w)]; len(a)+len(b) > 0; {
					if len(b) == 0 || len(a) > 0 && a[0] < b[0] {
						a, b = b, a // b holds the next one
					}
					if b[0] < fresh {
						known++
					}
					turns = append(turns, &around[b[0]])
					b = b[1:]
				}
				j.pair(s, turns, known, v, w, say)
			}
		}
	}
	if bits.OnesCount64(all) > j.max {
		j.crowds(s, around, fresh, vantages, say)
	}
}

// pair says of each life the first of two vantages' uses, from the fresh ones on, that completes enough interleavings.
func (j parallel) pair(s *detect.Session, turns []*detect.Use, fresh int, v, w *detect.Vantage, say func(detect.Verdict)) {
	need := j.returns
	if !detect.SameDevice(v, w) {
		need = j.returnsDevice
	}
	said := -1
	for z := fresh; z < len(turns); z++ {
		u := turns[z]
		if u.Inherited || z > 0 && turns[z-1].Vantage == u.Vantage {
			continue // judged for the token that it was of; or no return, for the one before it was it, whichever token that was of
		}
		pattern := alternation(turns[:z+1], need+2, j.window)
		if pattern == nil || s.Epoch(u.Time, u.ID()) == said || s.Equivalent(v, w, u.Time) {
			continue
		}
		said = s.Epoch(u.Time, u.ID())
		p := interleaving{parallel: j, a: pattern[0].Vantage, b: pattern[1].Vantage, need: need, took: time.Duration(u.Time - pattern[0].Time)}
		p.weigh()
		say(detect.Verdict{
			About: detect.PairLabel(v, w), Severity: schema.High, Confidence: p.confidence, Conclusive: p.conclusive,
			Signals: p.signals, Pattern: pattern, Explain: p.explain,
		})
	}
}

// alternation returns n uses that alternate between two vantages and end with the last one given, within the window, or nil. Of all
// such it is the tightest, and of those the one with the greatest ids: more uses can only give a greater one.
func alternation(turns []*detect.Use, n int, window time.Duration) []*detect.Use {
	latest := make([]int, n) // of each place in the pattern the latest use that can stand there
	at := len(turns) - 1
	for k := n - 1; ; k-- {
		latest[k] = at
		if k == 0 {
			break
		}
		v := turns[at].Vantage
		for at--; at >= 0 && turns[at].Vantage == v; at-- {
		}
		if at < 0 {
			return nil
		}
	}
	last := turns[len(turns)-1]
	if last.Time-turns[latest[0]].Time > int64(window) {
		return nil
	}
	pattern := []*detect.Use{turns[latest[0]]}
	at = latest[0]
	for k := 1; k < n-1; k++ {
		best := latest[k]
		for i := at + 1; i < latest[k]; i++ {
			if turns[i].Vantage == turns[latest[k]].Vantage && turns[i].ID() > turns[best].ID() {
				best = i
			}
		}
		pattern = append(pattern, turns[best])
		at = best
	}
	return append(pattern, last)
}

// interleaving is a pattern with all operands of its judgement.
type interleaving struct {
	parallel
	a, b         *detect.Vantage
	need         int
	took         time.Duration
	deviceDiffer bool
	sameASN      bool
	gap          detect.Gap
	measured     bool
	confidence   float64
	signals      signals
	conclusive   bool
}

func (p *interleaving) weigh() {
	p.deviceDiffer = !detect.SameDevice(p.a, p.b)
	p.sameASN = p.a.Geo.ASN == p.b.Geo.ASN
	p.gap, p.measured = detect.Distance(p.a, p.b)
	var s signals
	if detect.Tunnel(p.a) || detect.Tunnel(p.b) {
		s.add(schema.SignalBehaviour, 0.4)
	} else {
		s.add(schema.SignalBehaviour, 0.6)
	}
	if p.deviceDiffer {
		s.add(schema.SignalDevice, 0.6)
	}
	if !p.sameASN && p.a.Geo.ASN != 0 && p.b.Geo.ASN != 0 {
		s.add(schema.SignalNetwork, 0.2)
	}
	switch {
	case !p.deviceDiffer && detect.ThroughGateway(p.a, p.b):
	case p.measured && p.gap.DistanceKM >= farKM:
		s.add(schema.SignalDistance, 0.6)
	case p.measured && p.gap.DistanceKM >= 100:
		s.add(schema.SignalDistance, 0.3)
	}
	p.confidence, p.signals = s.confidence(), s
	p.conclusive = conclusivelyApart(p.a, p.b)
}

// conclusivelyApart reports, of vantages that are not equivalent, whether network and device differ or they are far apart, and not only
// as a phone's line at home is from its mobile network's gateway.
func conclusivelyApart(a, b *detect.Vantage) bool {
	gap, ok := detect.Distance(a, b)
	return !detect.SameDevice(a, b) || ok && gap.DistanceKM >= farKM && !detect.ThroughGateway(a, b)
}

func (p *interleaving) explain(f *schema.Finding) {
	f.From, f.To = p.a.End(), p.b.End()
	f.Evidence = map[string]any{
		"interleavings": p.need, "seconds": p.took.Seconds(), "window_seconds": p.window.Seconds(),
		"device_differs": p.deviceDiffer, "same_asn": p.sameASN,
	}
	where := place(p.a) + " and " + place(p.b)
	if p.measured {
		f.Evidence["great_circle_km"] = round(p.gap.GreatCircleKM, 1)
		f.Evidence["radius_km"] = p.gap.RadiusKM[:]
		f.Evidence["distance_km"] = round(p.gap.DistanceKM, 1)
		if p.gap.DistanceKM >= 1 {
			where += ", " + grouped(p.gap.DistanceKM) + " km apart,"
		}
	}
	f.Summary = fmt.Sprintf("%s by turns (%s in %s): %s", where, plural(p.need, "return"), lasting(p.took), devices(p.a, p.b))
}

func devices(a, b *detect.Vantage) string {
	x, y := a.Agent.String(), b.Agent.String()
	switch {
	case x == "" || y == "" || x == y:
		return "networks " + network(a) + ", " + network(b)
	}
	return x + ", " + y
}

func network(v *detect.Vantage) string {
	switch {
	case v.Geo.ASOrg != "":
		return v.Geo.ASOrg
	case v.Geo.ASN != 0:
		return "AS" + strconv.FormatUint(uint64(v.Geo.ASN), 10)
	}
	return schema.Network(v.IP).String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
