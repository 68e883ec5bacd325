package rules

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// ImpossibleTravel finds one token at two places that nobody can travel between in the time.
var ImpossibleTravel = detect.Rule{
	Name: "impossible-travel", Version: 1,
	Title: "One token at two places that nobody can travel between in the time",
	Why: "A stolen token is usually used from elsewhere while its owner goes on where they are. Faster than an airliner is not a person " +
		"on the way, but two people.",
	Method: "Of each two uses of a token at vantages that are not equivalent, each the other's nearest in event time, with a place on both " +
		"sides: d = max(0, great circle − radius₁ − radius₂) with the haversine formula and the mean Earth radius of 6371.0088 km; a missing radius " +
		"counts as 50 km. Δt = max(1 s, |t₂ − t₁|). It fires if d ≥ min_km and d / Δt > max_kmh. Satellite, relay, VPN, Tor and anycast networks " +
		"have no place. Inside one country a place without a city, and with a radius of 200 km or more or none or of a mobile network, is not evaluable.\n\n" +
		"Low, never conclusive and with p = 0.2 alone, if the device is the same, both places are in one country and a side is a mobile network: its place is its gateway's, and may be at the other end of the country.\n\n" +
		"Conclusive if the device changed too, or if d ≥ 500 km inside one hour between residential or mobile networks. Where the class of a network is not known " +
		"(only City and ASN databases), it counts as residential if its provider is known by name and the name is not one of a hosting or VPN company; " +
		"evidence names what was assumed.\n\n" +
		"Confidence is 1 − Π(1 − p) over independent signals: speed p = 0.6, from twice the limit on 0.7, from ten times 0.8, but 0.4 where a side is a hosting network; " +
		"device changed 0.6; another provider (ASN) 0.3.\n\n" + travelOfUsers,
	Keys: []detect.Key{
		{Name: "max_kmh", Doc: "speed in km/h up to which travel is possible; airliners cruise at 900", Default: 1000.0, Min: 1, Max: 1e6},
		{Name: "min_km", Doc: "distance in km, radii subtracted, below which nothing is said", Default: 100.0, Min: 0, Max: 20100},
	},
	Severity: schema.High, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"A VPN switched on or off whose egress the databases don't know as one: list your own under policy.trusted_networks.",
		"A phone that roams: a database places it where its home network's gateway is.",
	},
	Response: "Revoke the session.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)",
	New: func(s detect.Settings) detect.Judge {
		return travel{maxKMH: s.Float("max_kmh"), minKM: s.Float("min_km")}
	},
	NewSubject: func(s detect.Settings) detect.SubjectJudge {
		return userTravel{travel{maxKMH: s.Float("max_kmh"), minKM: s.Float("min_km")}}
	},
}

const (
	farKM     = 500 // beyond what databases get wrong, and an hour's flight with its airports
	farInside = time.Hour
)

type travel struct{ maxKMH, minKM float64 }

func (travel) Needs() detect.Needs { return detect.Needs{} }

// Judge pairs each new use with its nearest neighbours, before and after, at every other vantage. Of one completing use the nearest
// predecessor gives the greatest speed, so no other pair could be stronger.
func (j travel) Judge(s *detect.Session, say func(detect.Verdict)) {
	for i := s.From; i < s.To; i++ {
		u := &s.Uses[i]
		if u.Vantage == nil {
			continue
		}
		var seen uint64
		for k := i - 1; k >= 0; k-- {
			if o := &s.Uses[k]; o.First(&seen) {
				j.pair(s, o, u, say)
			}
		}
		seen = 0
		for k := i + 1; k < len(s.Uses); k++ {
			o := &s.Uses[k]
			if o.Start {
				seen = 0 // perhaps a new life, with findings of its own
			}
			if o.First(&seen) {
				j.pair(s, u, o, say)
			}
		}
	}
}

func (j travel) pair(s *detect.Session, a, b *detect.Use, say func(detect.Verdict)) {
	if a.Vantage == b.Vantage || a.Inherited && b.Inherited {
		return
	}
	if s.Equivalent(a.Vantage, b.Vantage, b.Time) {
		return
	}
	gap, ok := detect.Distance(a.Vantage, b.Vantage)
	if !ok || gap.DistanceKM < j.minKM {
		return
	}
	took := max(time.Second, time.Duration(b.Time-a.Time))
	kmh := gap.DistanceKM / took.Hours()
	if kmh <= j.maxKMH {
		return
	}
	t := trip{travel: j, a: a.Vantage, b: b.Vantage, gap: gap, took: took, kmh: kmh}
	t.weigh()
	say(detect.Verdict{
		About: detect.PairLabel(a.Vantage, b.Vantage), Severity: t.severity(), Confidence: t.confidence, Conclusive: t.conclusive,
		Signals: t.signals, Pattern: []*detect.Use{a, b}, Explain: t.explain,
	})
}

// trip is a pair of uses with all operands of its judgement.
type trip struct {
	travel
	a, b          *detect.Vantage
	gap           detect.Gap
	took          time.Duration
	kmh           float64
	deviceChanged bool
	gateway       bool // perhaps only the way of a phone's traffic to its gateway
	sameASN       bool
	access        [2]access
	confidence    float64
	signals       signals
	conclusive    bool
}

func (t *trip) weigh() {
	t.deviceChanged = !detect.Updated(t.a, t.b)
	t.sameASN = t.a.Geo.ASN == t.b.Geo.ASN
	t.access = [2]access{accessOf(t.a), accessOf(t.b)}
	var found signals
	if t.gateway = !t.deviceChanged && detect.ThroughGateway(t.a, t.b); t.gateway {
		found.add(schema.SignalDistance, 0.2)
		t.confidence, t.signals = found.confidence(), found
		return
	}
	switch {
	case t.access[0].hosted || t.access[1].hosted:
		found.add(schema.SignalDistance, 0.4)
	case t.kmh >= 10*t.maxKMH:
		found.add(schema.SignalDistance, 0.8)
	case t.kmh >= 2*t.maxKMH:
		found.add(schema.SignalDistance, 0.7)
	default:
		found.add(schema.SignalDistance, 0.6)
	}
	if t.deviceChanged {
		found.add(schema.SignalDevice, 0.6)
	}
	if !t.sameASN && t.a.Geo.ASN != 0 && t.b.Geo.ASN != 0 {
		found.add(schema.SignalNetwork, 0.3)
	}
	t.confidence, t.signals = found.confidence(), found
	far := t.gap.DistanceKM >= farKM && t.took <= farInside && t.access[0].people && t.access[1].people
	t.conclusive = t.deviceChanged || far
}

func (t *trip) severity() schema.Severity {
	if t.gateway {
		return schema.Low
	}
	return schema.High
}

func (t *trip) explain(f *schema.Finding) {
	f.From, f.To = t.a.End(), t.b.End()
	f.Evidence = map[string]any{
		"great_circle_km": round(t.gap.GreatCircleKM, 1), "radius_km": []float64{t.gap.RadiusKM[0], t.gap.RadiusKM[1]},
		"distance_km": round(t.gap.DistanceKM, 1), "seconds": t.took.Seconds(), "kmh": round(t.kmh, 1),
		"limit_kmh": t.maxKMH, "min_km": t.minKM, "device_changed": t.deviceChanged, "mobile_gateway": detect.ThroughGateway(t.a, t.b), "same_asn": t.sameASN,
		"networks": []string{t.access[0].name, t.access[1].name},
	}
	f.Summary = fmt.Sprintf("%s → %s, %s km in %s (%s km/h)", place(t.a), place(t.b), grouped(t.gap.DistanceKM), lasting(t.took),
		grouped(math.Round(t.gap.DistanceKM)/t.took.Hours())) // so that the numbers shown agree with each other
}

// place is how people name where a vantage is.
func place(v *detect.Vantage) string {
	switch {
	case v.Geo.City != "":
		return v.Geo.City
	case v.Geo.Country != "":
		return v.Geo.Country
	case v.Geo.HasPlace:
		return strconv.FormatFloat(v.Geo.Lat, 'f', 1, 64) + "," + strconv.FormatFloat(v.Geo.Lon, 'f', 1, 64)
	}
	return v.IP.String()
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}
