package detect

import (
	"hash/maphash"
	"math"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

// vantageOf describes where and how an event used its token. ok is false for one without an address.
func vantageOf(e *schema.Event) (v Vantage, ok bool) {
	if !e.IP.IsValid() {
		return v, false
	}
	v = Vantage{IP: e.IP, Geo: e.Geo, Agent: e.Agent, Device: e.Device, ja4: stableJA4(e.JA4)}
	if e.Device != "" {
		v.device = xxhash.Sum64String(e.Device) | 1
	}
	if e.CNF != "" {
		v.cnf = xxhash.Sum64String(e.CNF) | 1
	}
	return v, true
}

// stableJA4 is the part of a JA4 fingerprint that stays the same over one browser's connections: transport and ciphers. The rest
// counts extensions, which resumption and ALPN change. Anything of another form is taken whole.
func stableJA4(s string) string {
	a, rest, _ := strings.Cut(s, "_")
	ciphers, extensions, ok := strings.Cut(rest, "_")
	if !ok || len(a) != 10 || strings.Contains(extensions, "_") {
		return s
	}
	return a[:1] + ":" + ciphers
}

// otherJA4 reports whether two stable parts name different software: over one transport, for TCP and QUIC offer different ciphers.
func otherJA4(a, b string) bool {
	if len(a) > 1 && len(b) > 1 && a[1] == ':' && b[1] == ':' && a[0] != b[0] {
		return false
	}
	return differ(a, b)
}

// look is a signature over everything that a vantage says.
func (t *Tokens) look(v *Vantage) uint64 {
	ip := v.IP.As16()
	h := maphash.Bytes(t.seed, ip[:])
	mix := func(x uint64) {
		hi, lo := bits.Mul64(h^x, 0x9E3779B97F4A7C15)
		h = hi ^ lo
	}
	// Mixing by multiplication is enough: it starts from a keyed hash of the address, which nobody outside knows.
	text := func(s string) {
		mix(uint64(len(s)))
		for ; len(s) > 8; s = s[8:] {
			mix(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
				uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		}
		var x uint64
		for i := range len(s) {
			x |= uint64(s[i]) << (8 * i)
		}
		mix(x)
	}
	if v.IP.Is4() {
		mix(4)
	}
	g := &v.Geo
	if g.HasPlace {
		mix(uint64(uint32(degrees(g.Lat)))<<32 | uint64(uint32(degrees(g.Lon)))) // #nosec G115 -- bits
	}
	mix(uint64(g.AccuracyKM)<<48 | uint64(v.Agent.Major)<<32 | uint64(g.ASN))
	mix(uint64(g.Network)<<8 | uint64(v.Agent.Class))
	text(g.Country)
	text(g.City)
	text(g.ASOrg)
	text(v.Agent.Family)
	text(v.Agent.OS)
	text(v.ja4)
	mix(v.device)
	mix(v.cnf)
	return h
}

const degree = 1e7

func degrees(x float64) int32 { return int32(math.Round(max(-180, min(180, x)) * degree)) }

// vantage returns the number of v among the session's vantages, entering it where it is new.
func (t *Tokens) vantage(s *session, v *Vantage, at int64) (number uint8, look uint64) {
	look = t.look(v)
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		if p := t.vantages.at(r); p.look == look {
			p.first = min(p.first, at)
			return p.number, look
		}
	}
	if int(s.nvantage) >= maxVantages {
		t.dropVantage(s)
	}
	var taken uint64
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		taken |= 1 << t.vantages.at(r).number
	}
	y := t.symbols
	name := t.texts.add(v.Device)
	r := t.vantages.get()
	p := t.vantages.at(r)
	*p = vantage{
		look: look, first: at, ip: v.IP.As16(), device: v.device, cnf: v.cnf, name: name, next: s.vantages,
		asn: v.Geo.ASN, accuracy: v.Geo.AccuracyKM, network: uint8(v.Geo.Network), major: v.Agent.Major, class: uint8(v.Agent.Class),
		org: y.Number(v.Geo.ASOrg), country: y.Number(v.Geo.Country), city: y.Number(v.Geo.City),
		family: y.Number(v.Agent.Family), os: y.Number(v.Agent.OS), ja4: y.Number(v.ja4),
		number: uint8(bits.TrailingZeros64(^taken)), // #nosec G115 -- below 64
	}
	if v.Geo.HasPlace && !math.IsNaN(v.Geo.Lat) && !math.IsNaN(v.Geo.Lon) {
		p.lat, p.lon = degrees(v.Geo.Lat), degrees(v.Geo.Lon)
		p.flags |= vantagePlace
	}
	if v.IP.Is4() {
		p.flags |= vantageIPv4
	}
	s.vantages = r
	s.nvantage++
	return p.number, look
}

// dropVantage drops the vantage whose last use is the oldest, with its uses.
func (t *Tokens) dropVantage(s *session) {
	s.flags |= sessionThinned
	var last [256]int64
	for i := range last {
		last[i] = math.MinInt64
	}
	kept := t.sorted(s)
	for _, u := range kept {
		last[u.vantage] = u.at()
	}
	oldest, victim := int64(math.MaxInt64), uint8(noVantage)
	for r := s.vantages; r != 0; r = t.vantages.at(r).next {
		if n := t.vantages.at(r).number; last[n] <= oldest {
			oldest, victim = last[n], n
		}
	}
	t.rebuild(s, kept, func(i int) bool { return kept[i].vantage == victim }, t.horizon(s))
	for link := &s.vantages; *link != 0; link = &t.vantages.at(*link).next {
		r := *link
		p := t.vantages.at(r)
		if p.number != victim {
			continue
		}
		*link = p.next
		t.texts.drop(p.name)
		t.vantages.put(r)
		s.nvantage--
		if *link == 0 {
			break
		}
	}
	t.part(s, victim)
	if s.vantage == victim {
		s.vantage, s.look = noVantage, 0
	}
	for r := s.marks; r != 0; r = t.marks.at(r).next {
		if m := t.marks.at(r); m.vantage == victim {
			m.vantage = noVantage
		}
	}
	if s.main == victim {
		t.setMain(s)
	}
}

func (t *Tokens) decodeVantage(p *vantage) *Vantage {
	y := t.symbols
	ip := netip.AddrFrom16(p.ip)
	if p.flags&vantageIPv4 != 0 {
		ip = ip.Unmap()
	}
	return &Vantage{
		IP: ip, Device: t.texts.text(p.name), First: p.first, number: p.number,
		ja4: y.Text(p.ja4), device: p.device, cnf: p.cnf,
		Geo: schema.Geo{
			Country: y.Text(p.country), City: y.Text(p.city), ASOrg: y.Text(p.org), ASN: p.asn, AccuracyKM: p.accuracy,
			HasPlace: p.flags&vantagePlace != 0, Lat: float64(p.lat) / degree, Lon: float64(p.lon) / degree, Network: schema.NetworkClass(p.network),
		},
		Agent: schema.Agent{Family: y.Text(p.family), OS: y.Text(p.os), Major: p.major, Class: schema.DeviceClass(p.class)},
	}
}
