package decode

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/schema"
)

// now is Kafka's timestamp of the tests' records.
var now = time.Date(2026, 11, 21, 10, 0, 1, 0, time.UTC).UnixNano()

func record(value string) *schema.Record {
	return &schema.Record{Offset: 42, Time: now, Value: []byte(value)}
}

func TestEveryField(t *testing.T) {
	d := New(testHasher(t), 3)
	var e schema.Event
	if r := d.Decode(record(full), &e); r != nil {
		t.Fatal(r)
	}
	want := schema.Event{
		Partition: 3, Offset: 42, RecordTime: now,
		ID: "e-1", Time: time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC).UnixNano(), Type: schema.SessionUsed, Tenant: "t",
		Token: fp, PreviousToken: fp2, IP: netip.MustParseAddr("192.0.2.1"), UserAgent: "curl/8.5.0", User: "u-7", App: "shop",
		Host: "shop.example", Session: "sid-1", Device: "d", JA4: "j", CNF: "c", Method: "GET", Path: "/a?b=1&c=2",
		Status: 200, TokenBits: 128, Repeat: 3, Binding: schema.BindingOK, Scheme: schema.SchemeHTTPS, TokenIn: schema.TokenInCookie,
		Outcome: schema.OutcomeAccepted, Sensitive: true,
		AuthTime:  time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).UnixNano(),
		ExpiresAt: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixNano(),
		Geo:       schema.Geo{Country: "FR", City: "Paris", Lat: 48.85, Lon: 2.35, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkResidential},
	}
	if e != want {
		t.Errorf("%+v\nwant %+v", e, want)
	}
}

func TestEnumerationsHaveTheirNames(t *testing.T) {
	for i, c := range []struct {
		name, value string
		of          func(*schema.Event) uint8
		want        uint8
	}{
		{"binding", "ok", func(e *schema.Event) uint8 { return uint8(e.Binding) }, uint8(schema.BindingOK)},
		{"binding", "failed", func(e *schema.Event) uint8 { return uint8(e.Binding) }, uint8(schema.BindingFailed)},
		{"scheme", "https", func(e *schema.Event) uint8 { return uint8(e.Scheme) }, uint8(schema.SchemeHTTPS)},
		{"scheme", "http", func(e *schema.Event) uint8 { return uint8(e.Scheme) }, uint8(schema.SchemeHTTP)},
		{"token_in", "cookie", func(e *schema.Event) uint8 { return uint8(e.TokenIn) }, uint8(schema.TokenInCookie)},
		{"token_in", "header", func(e *schema.Event) uint8 { return uint8(e.TokenIn) }, uint8(schema.TokenInHeader)},
		{"token_in", "query", func(e *schema.Event) uint8 { return uint8(e.TokenIn) }, uint8(schema.TokenInQuery)},
		{"token_in", "body", func(e *schema.Event) uint8 { return uint8(e.TokenIn) }, uint8(schema.TokenInBody)},
		{"outcome", "accepted", func(e *schema.Event) uint8 { return uint8(e.Outcome) }, uint8(schema.OutcomeAccepted)},
		{"outcome", "rejected", func(e *schema.Event) uint8 { return uint8(e.Outcome) }, uint8(schema.OutcomeRejected)},
	} {
		var e schema.Event
		if r := New(testHasher(t), 0).Decode(record(bare+`,"`+c.name+`":"`+c.value+`"}`), &e); r != nil || c.of(&e) != c.want {
			t.Errorf("%d: %s %s is %d, want %d; %v", i, c.name, c.value, c.of(&e), c.want, r)
		}
	}
	for c := schema.NetworkResidential; c <= schema.NetworkAnycast; c++ {
		var e schema.Event
		if r := New(testHasher(t), 0).Decode(record(bare+`,"geo":{"network":"`+c.String()+`"}}`), &e); r != nil || e.Geo.Network != c {
			t.Errorf("network %v is %v; %v", c, e.Geo.Network, r)
		}
	}
}

func TestRejects(t *testing.T) {
	long := strings.Repeat("x", 257)
	for _, c := range []struct {
		name, value string
		reason      Reason
		field       string
	}{
		{"no value", ``, NullValue, ""},
		{"only framing", "\x00\x00\x00\x00\x07", BadJSON, ""},
		{"too large", bare + `,"x":"` + strings.Repeat("x", 65536) + `"}`, TooLarge, ""},
		{"invalid UTF-8", bare + `,"user":"` + "\xc3" + `"}`, BadUTF8, ""},
		{"half a character", bare + `,"user":"\ud83d"}`, BadUTF8, ""},
		{"text", `hello`, BadJSON, ""},
		{"trailing garbage", bare + `}garbage`, BadJSON, ""},
		{"two objects", bare + `}` + bare + `}`, BadJSON, ""},
		{"cut short", bare, BadJSON, ""},
		{"a list", `[` + bare + `}]`, NotObject, ""},
		{"null", `null`, NotObject, ""},
		{"twice the same key", bare + `,"id":"e-1"}`, DuplicateKey, "id"},
		{"twice an unknown key", bare + `,"x":1,"x":1}`, DuplicateKey, ""},
		{"twice in geo", bare + `,"geo":{"lat":1,"lon":1,"lat":1}}`, DuplicateKey, "geo.lat"},
		{"no id", strings.Replace(bare, `"id":"e-1",`, ``, 1) + `}`, MissingField, "id"},
		{"empty id", strings.Replace(bare, `"e-1"`, `""`, 1) + `}`, MissingField, "id"},
		{"no time", strings.Replace(bare, `"time"`, `"Time"`, 1) + `}`, MissingField, "time"},
		{"no token", strings.Replace(bare, `"`+fp+`"`, `null`, 1) + `}`, MissingField, "token"},
		{"no address", strings.Replace(bare, `"192.0.2.1"`, `null`, 1) + `}`, MissingField, "ip"},
		{"rotated from nothing", bare + `,"type":"session.rotated"}`, MissingField, "previous_token"},
		{"an unknown type", bare + `,"type":"session.stolen"}`, UnknownType, "type"},
		{"a type with a prefix", bare + `,"type":"com.example.session.used"}`, UnknownType, "type"},
		{"a long id", strings.Replace(bare, "e-1", long[:129], 1) + `}`, OverLimit, "id"},
		{"a long user", bare + `,"user":"` + long + `"}`, OverLimit, "user"},
		{"a user of 129 two-byte characters", bare + `,"user":"` + strings.Repeat("é", 129) + `"}`, OverLimit, "user"},
		{"a number for a text", bare + `,"user":7}`, WrongType, "user"},
		{"a text for a number", bare + `,"status":"200"}`, WrongType, "status"},
		{"a fraction for an integer", bare + `,"status":200.5}`, BadValue, "status"},
		{"a text for a bool", bare + `,"sensitive":"true"}`, WrongType, "sensitive"},
		{"a text for geo", bare + `,"geo":"Paris"}`, WrongType, "geo"},
		{"a number for a token", strings.Replace(bare, `"`+fp+`"`, `7`, 1) + `}`, WrongType, "token"},
		{"beyond the pole", bare + `,"geo":{"lat":90.1,"lon":0}}`, BadValue, "geo.lat"},
		{"no such day", strings.Replace(bare, "11-21", "02-30", 1) + `}`, BadValue, "time"},
		{"no offset", strings.Replace(bare, "00Z", "00", 1) + `}`, BadValue, "time"},
		{"a host name for an address", strings.Replace(bare, "192.0.2.1", "localhost", 1) + `}`, BadValue, "ip"},
		{"an address with a port", strings.Replace(bare, "192.0.2.1", "192.0.2.1:80", 1) + `}`, BadValue, "ip"},
		{"an address with a zone", strings.Replace(bare, "192.0.2.1", "fe80::1%eth0", 1) + `}`, BadValue, "ip"},
		{"no uses", bare + `,"repeat":0}`, BadValue, "repeat"},
		{"an envelope of another version", `{"specversion":"2.0","data":` + bare + `}}`, BadValue, "specversion"},
		{"a note about a raw token", strings.Replace(bare, fp, "raw", 1) + `,"type":"hijackd.inherited","note":{}}`, BadValue, "token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r := agree(t, New(testHasher(t), 0), record(c.value))
			if r == nil || r.Reason != c.reason || r.Field != c.field {
				t.Errorf("%v, want %v: %s", r, c.reason, c.field)
			}
		})
	}
	broken := record(full)
	broken.Broken = "bad CRC"
	if r := New(testHasher(t), 0).Decode(broken, new(schema.Event)); r == nil || r.Reason != Unreadable || r.String() != "unreadable" {
		t.Errorf("a broken record: %v", r)
	}
	if r := New(testHasher(t), 0).Decode(&schema.Record{Value: []byte("{}")}, new(schema.Event)); r.String() != "missing-field: id" {
		t.Errorf("%v", r)
	}
}

func TestLimitsAreInBytesAndInclusive(t *testing.T) {
	for _, value := range []string{
		bare + `,"user":"` + strings.Repeat("é", 128) + `"}`,
		strings.Replace(bare, "e-1", strings.Repeat("i", 128), 1) + `}`,
		bare + `,"pad":"` + strings.Repeat("x", 65536-len(bare)-len(`,"pad":""}`)) + `"}`,
		bare + `,"user":"` + strings.Repeat(`\u00e9`, 128) + `"}`,
	} {
		if _, r := agree(t, New(testHasher(t), 0), record(value)); r != nil {
			t.Errorf("%v for %.200s", r, value)
		}
	}
	e, r := agree(t, New(testHasher(t), 0), record(bare+`,"user_agent":"`+strings.Repeat("x", 511)+`éé","path":"`+strings.Repeat("☺", 700)+`"}`))
	if r != nil || len(e.UserAgent) != 511 || len(e.Path) != 2046 {
		t.Errorf("cut at %d and %d; %v", len(e.UserAgent), len(e.Path), r)
	}
}

func TestAhead(t *testing.T) {
	for _, c := range []struct {
		by         time.Duration
		recordTime int64
		want       bool
	}{{5 * time.Minute, now, false}, {5*time.Minute + 1, now, true}, {-time.Hour, now, false}, {time.Hour, 0, false}, {time.Hour, -1, false}} {
		at := time.Unix(0, now).Add(c.by).UTC().Format(time.RFC3339Nano)
		d := New(testHasher(t), 0)
		rec := record(strings.Replace(bare, "2026-11-21T10:00:00Z", at, 1) + `}`)
		rec.Time = c.recordTime
		var e schema.Event
		if r := d.Decode(rec, &e); r != nil || e.Ahead != c.want || (d.Counts().Ahead == 1) != c.want {
			t.Errorf("by %v: %v, %v", c.by, e.Ahead, r)
		}
	}
}

func TestOutcome(t *testing.T) {
	for in, want := range map[string]schema.Outcome{
		``: schema.OutcomeAccepted, `,"status":401`: schema.OutcomeRejected, `,"status":403`: schema.OutcomeRejected, `,"status":500`: schema.OutcomeAccepted,
		`,"status":401,"outcome":"accepted"`: schema.OutcomeAccepted, `,"outcome":"rejected","status":200`: schema.OutcomeRejected, `,"outcome":"maybe","status":401`: schema.OutcomeRejected,
	} {
		if e, r := agree(t, New(testHasher(t), 0), record(bare+in+`}`)); r != nil || e.Outcome != want {
			t.Errorf("%s: %v, want %v; %v", in, e.Outcome, want, r)
		}
	}
}

// TestPredictionNeverMatters decodes the same members in random orders and spellings with one decoder, whose expectation is always of another record.
func TestPredictionNeverMatters(t *testing.T) {
	d := New(testHasher(t), 0)
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(full), &all); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(all))
	for f := range gCountry {
		if _, ok := all[f.String()]; ok {
			names = append(names, f.String())
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		space := func() { b.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "\n\t"}).Draw(rt, "space")) }
		b.WriteByte('{')
		for i, name := range rapid.Permutation(names).Draw(rt, "order")[:rapid.IntRange(4, len(names)).Draw(rt, "n")] {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			if rapid.IntRange(0, 9).Draw(rt, "other") == 0 {
				name = rapid.SampledFrom([]string{"x", "", "ID", "idd", "i", "lat", "specversion", "note", name}).Draw(rt, "name")
			}
			b.WriteString(`"` + name + `"`)
			space()
			b.WriteByte(':')
			space()
			if v, ok := all[name]; ok {
				b.Write(v)
			} else {
				b.WriteString(rapid.SampledFrom([]string{"1", `"x"`, "null", "{}", "[true]"}).Draw(rt, "value"))
			}
			space()
		}
		b.WriteByte('}')
		agree(t, d, record(b.String()))
	})
}

func TestRoundTrip(t *testing.T) {
	short := rapid.StringN(0, 40, 128)
	rapid.Check(t, func(rt *rapid.T) {
		e := schema.Event{
			Offset: 42, RecordTime: now, Partition: 9, ID: rapid.StringN(1, 30, 128).Draw(rt, "id"), Time: rapid.Int64Range(1, now).Draw(rt, "time"),
			Type: schema.EventType(rapid.IntRange(0, int(schema.Sentenced)).Draw(rt, "type")), Token: fp, PreviousToken: rapid.SampledFrom([]string{fp2, "id:\"x\"\n"}).Draw(rt, "previous"),
			IP:        rapid.SampledFrom([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}).Draw(rt, "ip"),
			UserAgent: short.Draw(rt, "ua"), User: short.Draw(rt, "user"), Tenant: short.Draw(rt, "tenant"), App: short.Draw(rt, "app"), Host: short.Draw(rt, "host"),
			Session: short.Draw(rt, "session"), Device: short.Draw(rt, "device"), JA4: short.Draw(rt, "ja4"), CNF: short.Draw(rt, "cnf"),
			Method: rapid.StringN(0, 9, 64).Draw(rt, "method"), Path: short.Draw(rt, "path"), Status: rapid.Int32Range(0, 599).Draw(rt, "status"),
			TokenBits: rapid.Int32Min(0).Draw(rt, "bits"), Repeat: rapid.Int32Min(1).Draw(rt, "repeat"), Binding: schema.Binding(rapid.IntRange(0, 2).Draw(rt, "binding")),
			Scheme: schema.Scheme(rapid.IntRange(0, 2).Draw(rt, "scheme")), TokenIn: schema.TokenIn(rapid.IntRange(0, 4).Draw(rt, "in")),
			Outcome: schema.Outcome(rapid.IntRange(1, 2).Draw(rt, "outcome")), Sensitive: rapid.Bool().Draw(rt, "sensitive"),
			AuthTime: rapid.Int64Range(0, now).Draw(rt, "auth"), ExpiresAt: rapid.Int64Range(0, 2*now).Draw(rt, "expires"),
			Geo: schema.Geo{Country: short.Draw(rt, "country"), City: short.Draw(rt, "city"), ASN: rapid.Uint32().Draw(rt, "asn"), ASOrg: short.Draw(rt, "org"),
				Network: schema.NetworkClass(rapid.IntRange(0, int(schema.NetworkAnycast)).Draw(rt, "network"))},
		}
		if e.Geo.HasPlace = rapid.Bool().Draw(rt, "place"); e.Geo.HasPlace {
			e.Geo.Lat, e.Geo.Lon = rapid.Float64Range(-90, 90).Draw(rt, "lat"), rapid.Float64Range(-180, 180).Draw(rt, "lon")
			e.Geo.AccuracyKM = rapid.Uint16().Draw(rt, "km")
		}
		if e.Type == schema.Inherited || e.Type == schema.Sentenced {
			e.Note = `{"vantages":[1,2,{"a":"\u0041"}]}`
		}
		value := AppendEvent([]byte("x"), &e)[1:]
		if !json.Valid(value) {
			rt.Fatalf("not JSON: %s", value)
		}
		var got schema.Event
		if r := New(testHasher(t), 9).Decode(record(string(value)), &got); r != nil || got != e {
			rt.Fatalf("%v\n%+v\n%+v\n%s", r, got, e, value)
		}
	})
}

func TestEncoderOmitsWhatIsAbsent(t *testing.T) {
	e := schema.Event{ID: "act_1", Time: now, Type: schema.SessionRevoked, Token: fp, Repeat: 1}
	want := `{"id":"act_1","time":"2026-11-21T10:00:01Z","token":"` + fp + `","type":"session.revoked"}`
	if got := string(AppendEvent(nil, &e)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	e.User = "\xff\"\\\x01"
	if got := string(AppendEvent(nil, &e)); !strings.Contains(got, `"user":"`+"\uFFFD"+`\"\\\u0001"`) {
		t.Errorf("%s", got)
	}
}

func TestCloudEvents(t *testing.T) {
	header := func(kv ...string) (h []schema.Header) {
		for i := 0; i < len(kv); i += 2 {
			h = append(h, schema.Header{Key: kv[i], Value: []byte(kv[i+1])})
		}
		return h
	}
	data := `{"token":"` + fp + `","ip":"192.0.2.1","user":"u"}`
	envelope := `{"specversion":"1.0","id":"ce-1","source":"/s","user":7,"type":"com.example-corp.session.started.v1","time":"2026-11-21T09:00:00Z","data":` + data + `}`
	for _, c := range []struct {
		name    string
		value   string
		headers []schema.Header
		id      string
		kind    schema.EventType
		reason  Reason
		field   string
	}{
		{"structured, announced", envelope, header("Content-Type", "Application/CloudEvents+JSON; charset=utf-8"), "ce-1", schema.SessionStarted, 0, ""},
		{"structured, recognised", envelope, nil, "ce-1", schema.SessionStarted, 0, ""},
		{"structured, the envelope goes first", `{"specversion":"1.0","id":"ce-1","data":` + full + `}`, nil, "ce-1", schema.SessionUsed, 0, ""},
		{"structured, data last to say it", `{"data":` + full + `,"specversion":"1.0"}`, nil, "e-1", schema.SessionUsed, 0, ""},
		{"structured without data", `{"specversion":"1.0","id":"ce-1"}`, header("content-type", "application/cloudevents+json"), "", 0, MissingField, "data"},
		{"structured, data is text", `{"specversion":"1.0","id":"ce-1","data":"x"}`, header("content-type", "application/cloudevents+json"), "", 0, WrongType, "data"},
		{"a batch", `[` + envelope + `]`, header("content-type", "application/cloudevents-batch+json"), "", 0, NotObject, ""},
		{"binary", data, header("content-type", "application/json", "ce_specversion", "1.0", "ce_id", "b-1", "ce_time", "2026-11-21T09:00:00+02:00", "ce_type", "session.used"), "b-1", schema.SessionUsed, 0, ""},
		{"binary, the headers go first", full, header("ce_id", "b-1", "ce_type", "org.example.session.ended"), "b-1", schema.SessionEnded, 0, ""},
		{"binary without data", ``, header("ce_id", "b-1", "ce_time", "2026-11-21T09:00:00Z"), "", 0, NullValue, ""},
		{"binary, twice the id", full, header("ce_id", "b-1", "ce_id", "b-1"), "", 0, DuplicateKey, "id"},
		{"binary, unknown type", full, header("ce_type", "com.example.order.placed.v1"), "", 0, UnknownType, "type"},
		{"binary, another version", full, header("ce_type", "session.used.v2"), "", 0, UnknownType, "type"},
		{"binary, bad time", full, header("ce_time", "yesterday"), "", 0, BadValue, "time"},
		{"binary, long id", full, header("ce_id", strings.Repeat("x", 129)), "", 0, OverLimit, "id"},
		{"binary, id is not UTF-8", full, header("ce_id", "\xff"), "", 0, BadUTF8, "id"},
		{"a bare event with an unknown specversion", bare + `,"specversion":"1.0"}`, nil, "e-1", schema.SessionUsed, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(c.value)
			rec.Headers = c.headers
			e, r := agree(t, New(testHasher(t), 0), rec)
			if c.reason != 0 {
				if r == nil || *r != (Reject{c.reason, c.field}) {
					t.Errorf("%v, want %v: %s", r, c.reason, c.field)
				}
				return
			}
			if r != nil || e.ID != c.id || e.Type != c.kind || e.Token != fp {
				t.Errorf("%v %+v", r, e)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	d := New(testHasher(t), 0)
	for _, value := range []string{
		bare + `,"x":1,"y":{"z":1},"geo":{"w":1,"network":"moon"},"binding":"maybe","note":1}`,
		strings.Replace(bare, fp, "raw", 1) + `,"previous_token":"raw too"}`,
		bare + `,"x":1,"binding":"maybe"`, // rejected: what it holds is not counted
		`{}`,
	} {
		d.Decode(record(value), new(schema.Event))
	}
	want := Counts{Accepted: 2, UnknownFields: 4, UnknownEnums: 2, RawTokens: 2}
	want.Rejected[BadJSON], want.Rejected[MissingField] = 1, 1
	if !reflect.DeepEqual(*d.Counts(), want) {
		t.Errorf("%+v, want %+v", *d.Counts(), want)
	}
}
