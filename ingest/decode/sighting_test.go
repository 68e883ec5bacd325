package decode

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

// sight is the sighting of one usual use.
func sight(i int) schema.Sighting {
	return schema.Sighting{
		ID: fmt.Sprintf("sgt_RaJMbMFAaRsshRqp%04d", i), Kind: schema.SightingUsed, Scope: schema.ScopeUser, Subject: fmt.Sprintf("u-%07d", i),
		Time: now - 1, EventID: fmt.Sprintf("019a5f3e-7c1b-7d2a-9f40-%012d", i), Token: fp, User: fmt.Sprintf("u-%07d", i), Session: "sid-1", App: "shop",
		Lane: 3, Epoch: 1, IP: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}),
		Geo:   schema.Geo{Country: "FR", City: "Paris", Lat: 48.8566, Lon: 2.3522, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkResidential},
		Agent: schema.Agent{Family: "Firefox", OS: "Windows", Major: 140, Class: schema.DeviceDesktop},
	}
}

func anySighting(t *rapid.T) schema.Sighting {
	short := func(name string) string { return rapid.StringN(0, 40, 128).Draw(t, name) }
	named := func(name string) string { return rapid.StringN(1, 10, 32).Draw(t, name) }
	g := schema.Sighting{
		Partition: 9, Offset: 42, RecordTime: now, ID: named("id"), Kind: schema.SightingKind(named("kind")), Tenant: short("tenant"),
		Scope: schema.Scope(named("scope")), Subject: named("subject"), Time: rapid.Int64Range(0, 2*now).Draw(t, "time"), EventID: short("event"),
		Token: rapid.SampledFrom([]string{"", fp, "id:\"x\"\n"}).Draw(t, "token"), User: short("user"), Session: short("session"), App: short("app"),
		Lane: rapid.Int32Min(0).Draw(t, "lane"), Epoch: int(rapid.Int32Min(0).Draw(t, "epoch")), Started: rapid.Bool().Draw(t, "started"),
		Rotated: rapid.Bool().Draw(t, "rotated"), Rejected: rapid.Bool().Draw(t, "rejected"),
		Apart: rapid.Bool().Draw(t, "apart"), NewDevice: rapid.Bool().Draw(t, "new device"),
		IP:     rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}).Draw(t, "ip"),
		Device: short("device"), JA4: short("ja4"), Counts: rapid.SampledFrom([]string{"", `{"uses":3,"a":["\u0041"]}`, "\\\""}).Draw(t, "counts"),
		Geo: schema.Geo{Country: short("country"), City: short("city"), ASN: rapid.Uint32().Draw(t, "asn"), ASOrg: short("org"),
			Network: schema.NetworkClass(rapid.IntRange(0, int(schema.NetworkAnycast)).Draw(t, "network"))},
		Agent: schema.Agent{Family: short("family"), OS: short("os"), Major: rapid.Uint16().Draw(t, "major"),
			Class: schema.DeviceClass(rapid.IntRange(0, int(schema.DeviceScript)).Draw(t, "class"))},
	}
	if g.Geo.HasPlace = rapid.Bool().Draw(t, "place"); g.Geo.HasPlace {
		g.Geo.Lat, g.Geo.Lon = rapid.Float64Range(-90, 90).Draw(t, "lat"), rapid.Float64Range(-180, 180).Draw(t, "lon")
		g.Geo.AccuracyKM = rapid.Uint16().Draw(t, "km")
	}
	return g
}

func TestSightingRoundTrip(t *testing.T) {
	d := NewSightings(9)
	rapid.Check(t, func(rt *rapid.T) {
		g := anySighting(rt)
		value := AppendSighting([]byte("x"), &g)[1:]
		if !json.Valid(value) {
			rt.Fatalf("not JSON: %s", value)
		}
		var got schema.Sighting
		if r := d.Decode(record(string(value)), &got); r != nil || got != g {
			rt.Fatalf("%v\n%+v\n%+v\n%s", r, got, g, value)
		}
	})
}

func TestSightingAsWritten(t *testing.T) {
	g := sight(7)
	want := `{"id":"sgt_RaJMbMFAaRsshRqp0007","kind":"used","scope":"user","subject":"u-0000007","time":"2026-11-21T10:00:00.999999999Z",` +
		`"event_id":"019a5f3e-7c1b-7d2a-9f40-000000000007","token":"` + fp + `","user":"u-0000007","session":"sid-1","app":"shop","lane":3,"epoch":1,` +
		`"ip":"203.0.113.7","geo":{"country":"FR","city":"Paris","lat":48.8566,"lon":2.3522,"accuracy_km":20,"asn":3215,"as_org":"Orange",` +
		`"network":"residential"},"agent":{"family":"Firefox","os":"Windows","major":140,"class":"desktop"}}`
	if got := string(AppendSighting(nil, &g)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestNamesOutliveTheRecord(t *testing.T) {
	for _, names := range [][2]string{{"moved", "network"}, {"glanced", "planet"}} {
		value := []byte(strings.NewReplacer("born", names[0], "user", names[1]).Replace(bareSighting) + `}`)
		var g schema.Sighting
		if r := NewSightings(0).Decode(&schema.Record{Value: value}, &g); r != nil {
			t.Fatal(r)
		}
		clear(value)
		if string(g.Kind) != names[0] || string(g.Scope) != names[1] {
			t.Errorf("the next fetch makes %q and %q of %v", g.Kind, g.Scope, names)
		}
	}
}

const bareSighting = `{"id":"s","kind":"born","scope":"user","subject":"u","time":"2026-11-21T10:00:00Z"`

func TestSightingRejects(t *testing.T) {
	for value, want := range map[string]string{
		``:                               "null-value",
		`[]`:                             "not-an-object",
		`{}`:                             "missing-field: id",
		bareSighting:                     "bad-json",
		bareSighting + `}{`:              "bad-json",
		bareSighting + "\xff}":           "bad-utf8",
		bareSighting + `,"kind":"born"}`: "duplicate-key: kind",
		bareSighting + `,"token":"eyJhbGciOiJIUzI1NiJ9"}`:            "bad-value: token",
		bareSighting + `,"agent":"Firefox"}`:                         "wrong-type: agent",
		bareSighting + `,"agent":{"major":70000}}`:                   "bad-value: agent.major",
		bareSighting + `,"geo":{"lat":91,"lon":0}}`:                  "bad-value: geo.lat",
		bareSighting + `,"lane":-1}`:                                 "bad-value: lane",
		bareSighting + `,"started":1}`:                               "wrong-type: started",
		bareSighting + `,"ip":"here"}`:                               "bad-value: ip",
		bareSighting + `,"user":"` + strings.Repeat("u", 257) + `"}`: "over-limit: user",
		strings.Replace(bareSighting, `"born"`, `""`, 1) + `}`:       "missing-field: kind",
		strings.Replace(bareSighting, `"2026-`, `"1926-`, 1) + `}`:   "bad-value: time",
		strings.Repeat(" ", maxRecord) + bareSighting + `}`:          "too-large",
	} {
		var g schema.Sighting
		if r := NewSightings(0).Decode(record(value), &g); r == nil || r.String() != want {
			t.Errorf("%.80q: %v, want %s", value, r, want)
		}
	}
	broken := record(bareSighting + `}`)
	broken.Broken = "bad CRC"
	if r := NewSightings(0).Decode(broken, new(schema.Sighting)); r == nil || r.Reason != Unreadable {
		t.Errorf("a broken record: %v", r)
	}
	if r := NewSightings(0).Decode(record(bareSighting+`,"mood":"good","agent":{"mood":1}}`), new(schema.Sighting)); r != nil {
		t.Errorf("unknown fields: %v", r)
	}
}

// sighting reads one over encoding/json, as plainly as it can be said.
func (r *reference) sighting(value []byte) (*schema.Sighting, error) {
	if len(value) > maxRecord {
		return nil, errNo
	}
	m, err := parse(unframe(value))
	if err != nil {
		return nil, err
	}
	bad := false
	of := func(m members, name string) any {
		if v := m[name]; v != "" {
			return v
		}
		return nil
	}
	text := func(m members, name string, limit int) string {
		s, ok := of(m, name).(string)
		bad = bad || of(m, name) != nil && !ok || len(s) > limit
		return s
	}
	cutText := func(m members, name string, limit int) string {
		s := text(m, name, math.MaxInt)
		for len(s) > limit {
			runes := []rune(s)
			s = string(runes[:len(runes)-1])
		}
		return s
	}
	integer := func(m members, name string, most int64) int64 {
		v := of(m, name)
		if v == nil {
			return 0
		}
		n, _ := v.(json.Number)
		i, ok := exact(string(n))
		bad = bad || !ok || i < 0 || i > most
		return i
	}
	number := func(m members, name string, least, most float64) float64 {
		v := of(m, name)
		if v == nil {
			return 0
		}
		n, ok := v.(json.Number)
		f, err := n.Float64()
		bad = bad || !ok || err != nil || f < least || f > most
		return f
	}
	truth := func(name string) bool {
		b, ok := of(m, name).(bool)
		bad = bad || of(m, name) != nil && !ok
		return b
	}
	enum := func(m members, name string, values []string) uint8 {
		s := text(m, name, math.MaxInt)
		for i, v := range values {
			if s == v {
				return uint8(i + 1)
			}
		}
		return 0
	}
	inner := func(name string) members {
		v := of(m, name)
		o, ok := v.(members)
		bad = bad || v != nil && !ok
		return o
	}
	g := &schema.Sighting{
		ID: text(m, "id", 128), Kind: schema.SightingKind(text(m, "kind", 32)), Tenant: text(m, "tenant", 256), Scope: schema.Scope(text(m, "scope", 32)),
		Subject: text(m, "subject", 256), EventID: text(m, "event_id", 128), Token: text(m, "token", math.MaxInt), User: text(m, "user", 256),
		Session: text(m, "session", 256), App: text(m, "app", 256), Lane: int32(integer(m, "lane", math.MaxInt32)),
		Epoch: int(integer(m, "epoch", math.MaxInt32)), Started: truth("started"), Rotated: truth("rotated"), Rejected: truth("rejected"),
		Apart: truth("apart"), NewDevice: truth("new_device"),
		Device: text(m, "device", 256), JA4: text(m, "ja4", 256), Counts: text(m, "counts", math.MaxInt),
	}
	if a := inner("agent"); a != nil {
		g.Agent = schema.Agent{Family: text(a, "family", 512), OS: text(a, "os", 512), Major: uint16(integer(a, "major", 65535)),
			Class: schema.DeviceClass(enum(a, "class", deviceClasses()))}
	}
	if o := inner("geo"); o != nil {
		g.Geo = schema.Geo{Country: cutText(o, "country", 256), City: cutText(o, "city", 256), ASOrg: cutText(o, "as_org", 256),
			ASN: uint32(integer(o, "asn", math.MaxUint32)), Network: schema.NetworkClass(enum(o, "network", networkClasses()))}
		lat, lon, km := number(o, "lat", -90, 90), number(o, "lon", -180, 180), number(o, "accuracy_km", 0, math.MaxFloat64)
		if of(o, "lat") != nil && of(o, "lon") != nil {
			g.Geo.Lat, g.Geo.Lon, g.Geo.HasPlace, g.Geo.AccuracyKM = lat, lon, true, uint16(min(math.Ceil(km), 65535))
		}
	}
	at, ok := rfc3339(text(m, "time", math.MaxInt))
	g.Time = at
	if s := text(m, "ip", math.MaxInt); s != "" {
		a, err := netip.ParseAddr(s)
		bad = bad || err != nil || a.Zone() != ""
		g.IP = a.Unmap()
	}
	if bad || !ok || g.ID == "" || g.Kind == "" || g.Scope == "" || g.Subject == "" || g.Token != "" && !fingerprint.Valid(g.Token) {
		return nil, errNo
	}
	return g, nil
}

func FuzzSighting(f *testing.F) {
	g := sight(1)
	whole := string(AppendSighting(nil, &g))
	for _, s := range []string{whole, strings.ReplaceAll(whole, `":`, `" : `), bareSighting + `}`, bareSighting, `{}`, `null`, bareSighting + `,"x":{"a":1,"a":2}}`,
		bareSighting + `,"geo":{"lat":1},"agent":null,"user":null,"counts":"{\"uses\":3}"}`, bareSighting + `,"geo":{"lat":1,"lon":2,"accuracy_km":1e9,"network":"moon"}}`,
		bareSighting + `,"agent":{"major":1e2,"class":"bot","family":"\u0041"},"agent":{}}`, bareSighting + `,"ip":"::ffff:192.0.2.1","started":false,"lane":2.0,"apart":true,"new_device":true}`,
		bareSighting + `,"token":"` + fp + `","token":5}`, bareSighting + `,"epoch":null,"type":"session.used","status":1,"sub\u006aect":"v"}`, "\x00\x00\x00\x00\x07" + bareSighting + `}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		want, err := new(reference).sighting(value)
		d := NewSightings(0)
		if r := d.Decode(record(whole), new(schema.Sighting)); r != nil { // what it expects from then on
			t.Fatal(r)
		}
		var got schema.Sighting
		r := d.Decode(clone(&schema.Record{Value: value}), &got)
		if (r == nil) != (err == nil) {
			t.Fatalf("decoder %v, reference %v\n%q", r, err, value)
		}
		if r != nil {
			return
		}
		if got != *want {
			t.Fatalf("decoder\n%+v\nreference\n%+v\n%q", got, *want, value)
		}
		var again schema.Sighting
		if r := d.Decode(&schema.Record{Value: AppendSighting(nil, &got)}, &again); r != nil || again != *want {
			t.Fatalf("again: %v\n%+v\nwant\n%+v", r, again, *want)
		}
	})
}

func BenchmarkSighting(b *testing.B) {
	const n = 1024
	gs, values, size := make([]schema.Sighting, n), make([][]byte, n), 0
	for i := range gs {
		gs[i] = sight(i)
		values[i] = AppendSighting(nil, &gs[i])
		size += len(values[i])
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size / n))
		start := processorTime(b)
		var dst []byte
		for i := range b.N {
			dst = AppendSighting(dst[:0], &gs[i%n])
		}
		b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
	})
	b.Run("decode", func(b *testing.B) {
		d := NewSightings(0)
		var g schema.Sighting
		b.ReportAllocs()
		b.SetBytes(int64(size / n))
		start := processorTime(b)
		for i := range b.N {
			if r := d.Decode(&schema.Record{Value: values[i%n]}, &g); r != nil { // without escapes nothing is rewritten
				b.Fatal(r)
			}
		}
		b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
	})
}
