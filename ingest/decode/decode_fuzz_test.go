package decode

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

func testHasher(t testing.TB) *fingerprint.Hasher {
	key, err := fingerprint.NewKey("k1", []byte("000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	return key.Hasher()
}

// agree decodes a record with the decoder twice (the second time with a prediction), and with the reference, and compares.
func agree(t *testing.T, d *Decoder, rec *schema.Record) (*schema.Event, *Reject) {
	t.Helper()
	var r reference
	want, err := r.decode(clone(rec), d.hasher)
	var e schema.Event
	for range 2 {
		before := *d.Counts()
		reject := d.Decode(clone(rec), &e)
		if (reject == nil) != (err == nil) {
			t.Fatalf("decoder %v, reference %v\n%q", reject, err, rec.Value)
		}
		if reject != nil {
			if reject.Reason == 0 || d.Counts().Rejected[reject.Reason] != before.Rejected[reject.Reason]+1 {
				t.Fatalf("a reject without reason or count: %v", reject)
			}
			return nil, reject
		}
		got := e
		if want.Note != "" {
			if _, err := parse([]byte(got.Note)); err != nil {
				t.Fatalf("note %q of %q", got.Note, rec.Value)
			}
			got.Note = want.Note
		}
		if r.raw > 0 { // the decoder also masks the raw token in other fields, which a test of its own looks at
			got, *want = withoutTexts(got), withoutTexts(*want)
		}
		if got != *want {
			t.Fatalf("decoder\n%+v\nreference\n%+v\n%q", got, *want, rec.Value)
		}
		after := *d.Counts()
		if after.UnknownFields-before.UnknownFields != r.unknown || after.UnknownEnums-before.UnknownEnums != r.enums || after.RawTokens-before.RawTokens != r.raw {
			t.Fatalf("counts: before %+v after %+v, reference %+v\n%q", before, after, r, rec.Value)
		}
	}
	return &e, nil
}

func withoutTexts(e schema.Event) schema.Event {
	for _, s := range []*string{&e.ID, &e.Tenant, &e.UserAgent, &e.User, &e.App, &e.Host, &e.Session, &e.Device, &e.JA4, &e.CNF, &e.Method,
		&e.Path, &e.Geo.Country, &e.Geo.City, &e.Geo.ASOrg} {
		*s = ""
	}
	return e
}

func clone(rec *schema.Record) *schema.Record {
	c := *rec
	c.Value = bytes.Clone(rec.Value)
	c.Headers = nil
	for _, h := range rec.Headers {
		c.Headers = append(c.Headers, schema.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	return &c
}

const (
	fp   = `h1:k1:RaJMbMFAaRsshRqp6m8BFg`
	fp2  = `h1:k1:cCMmUkohNDa-UzS4yaeCrw`
	full = `{"id":"e-1","time":"2026-11-21T10:00:00.123456789Z","token":"` + fp + `","type":"session.used","ip":"192.0.2.1","user_agent":"curl/8.5.0","user":"u-7","tenant":"t","app":"shop","host":"shop.example","session":"sid-1","previous_token":"` + fp2 + `","device":"d","ja4":"j","binding":"ok","cnf":"c","scheme":"https","token_in":"cookie","token_bits":128,"method":"GET","path":"/a?b=1\u0026c=2","status":200,"outcome":"accepted","sensitive":true,"auth_time":"2026-11-21T09:00:00+01:00","expires_at":"2026-11-22T09:00:00Z","repeat":3,"geo":{"country":"FR","city":"Paris","lat":48.85,"lon":2.35,"accuracy_km":20,"asn":3215,"as_org":"Orange","network":"residential"}}`
	bare = `{"id":"e-1","time":"2026-11-21T10:00:00Z","token":"` + fp + `","ip":"192.0.2.1"`
)

// seeds are records of every kind, good and bad.
var seeds = []string{
	full, bare + `}`, strings.ReplaceAll(full, `":`, `" : `), strings.ReplaceAll(full, `,"`, ",\n\t\""),
	bare + `,"x":[1,{"a":null,"b":[true,false,"\ud83d\ude00"]}],"y":{}}`,
	bare + `,"x":1,"x":2}`, bare + `,"x":{"a":1,"a":2}}`, bare + `,"id":"e-2"}`, bare + `,"\u0069d":"e-2"}`, bare + `,"ID":"e-2","Token":1}`,
	bare + `,"x":{"a":1,"\u0061":2}}`, bare + `,"geo":{"lat":1,"lat":2}}`, bare + `,"geo":{"lat":1,"lon":2,"q":1,"app":"x"},"app":"y"}`,
	bare + `,"status":2e2,"repeat":1.0,"token_bits":1280e-1}`, bare + `,"status":1.5}`, bare + `,"status":"200"}`, bare + `,"status":1e99999999999}`,
	bare + `,"status":0e99999999999}`, bare + `,"repeat":0}`, bare + `,"repeat":-1}`, bare + `,"status":01}`, bare + `,"status":-0}`, bare + `,"status":""}`,
	bare + `,"geo":{"lat":91,"lon":0}}`, bare + `,"geo":{"accuracy_km":5}}`, bare + `,"geo":{"lat":1,"lon":2,"accuracy_km":1e9,"network":"moon"}}`,
	bare + `,"geo":""}`, bare + `,"geo":[]}`, bare + `,"geo":{}}`, bare + `,"user":null,"app":""}`, bare + `,"user":"` + strings.Repeat("u", 257) + `"}`,
	bare + `,"user_agent":"` + strings.Repeat("é", 300) + `"}`, bare + `,"path":"/` + strings.Repeat("☺", 700) + `"}`,
	bare + `,"binding":"maybe","scheme":"ftp","outcome":"","token_in":"smoke"}`, bare + `,"outcome":5}`, bare + `,"user":"\ud800"}`, bare + `,"user":"\udc00\ud800"}`,
	bare + `,"user":"a\u0000b\"\\\/\b\f\n\r\t"}`, bare + `,"user":"\x"}`, bare + `,"user":"` + "\xff" + `"}`, bare + `,"user":"` + "a\tb" + `"}`,
	bare + `} x`, bare + `}{}`, bare, `[]`, `null`, `"x"`, `1`, ``, ` `, `{}`, `{"id":}`, `{,}`, bare + `,}`, "\ufeff" + bare + `}`, " \r\n\t" + bare + " } \n",
	bare + `,"deep":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, bare + `,"deep":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
	strings.Replace(bare, fp, "eyJhbGciOiJIUzI1NiJ9.e30.signature", 1) + `,"path":"/x?t=eyJhbGciOiJIUzI1NiJ9.e30.signature"}`,
	strings.Replace(bare, fp, "sha256:"+strings.Repeat("AB", 32), 1) + `}`, strings.Replace(bare, fp, "id:", 1) + `}`, strings.Replace(bare, fp, "id:x", 1) + `}`,
	strings.Replace(bare, fp, "a\\u0062c", 1) + `,"previous_token":"raw as well, and long enough"}`,
	bare + `,"type":"session.rotated","previous_token":"` + fp2 + `"}`, bare + `,"type":"session.rotated"}`, bare + `,"type":"session.unknown"}`,
	bare + `,"type":"com.example.session.used.v1"}`, `{"type":"login.failed","id":"1","time":"2026-11-21T10:00:00Z","ip":"::ffff:192.0.2.1"}`,
	`{"type":"session.revoked","id":"1","time":"2026-11-21T10:00:00Z","session":"s"}`, `{"type":"session.revoked","id":"1","time":"2026-11-21T10:00:00Z","tenant":"s"}`,
	bare + `,"type":"hijackd.inherited","note":{"a":[1,2],"b":"\u0041"}}`, bare + `,"note":{"a":1},"type":"hijackd.sentenced"}`, bare + `,"note":5}`,
	bare + `,"type":"hijackd.superseded","previous_token":"` + fp2 + `"}`, bare + `,"type":"hijackd.inherited","note":[]}`, bare + `,"type":"hijackd.inherited"}`,
	strings.Replace(bare, "192.0.2.1", "2001:db8::1", 1) + `}`, strings.Replace(bare, "192.0.2.1", "fe80::1%eth0", 1) + `}`, strings.Replace(bare, "192.0.2.1", "192.0.2.01", 1) + `}`,
	strings.Replace(bare, "192.0.2.1", "192.0.2.1.", 1) + `}`, strings.Replace(bare, "10:00:00Z", "10:00:60Z", 1) + `}`, strings.Replace(bare, "2026-", "1969-", 1) + `}`,
	bare + `,"deep":` + strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 64), bare + `,"deep":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65),
	strings.Replace(bare, "192.0.2.1", "1.2.3.4.5.6", 1) + `}`, strings.Replace(bare, "192.0.2.1", "192.0.2", 1) + `}`, strings.Replace(bare, "192.0.2.1", "192..0.2", 1) + `}`,
	bare + `,"geo":{"lat":1,"lon":2,"accuracy_km":20.4}}`,
	strings.Replace(bare, "e-1", strings.Repeat("i", 129), 1) + `}`, strings.Replace(bare, `"e-1"`, `""`, 1) + `}`, strings.Replace(bare, `"e-1"`, `7`, 1) + `}`,
	`{"specversion":"1.0","id":"ce-1","source":"/s","type":"com.example.session.started.v1","time":"2026-11-21T10:00:01Z","data":` + bare + `,"geo":{"city":"X"}}}`,
	`{"data":` + bare + `},"specversion":"1.0","id":"ce\u002d1","type":"session.used"}`, `{"specversion":"0.3","id":"ce-1","data":` + bare + `}}`,
	`{"specversion":"1.0","id":"ce-1","type":"session.used"}`, bare + `,"specversion":"1.0"}`, bare + `,"specversion":"1.0","data":"x"}`, bare + `,"specversion":1,"data":{}}`,
	`{"specversion":"1.0","user":5,"geo":{"lat":1},"data":` + bare + `}}`, `{"specversion":"1.0","id":5,"data":` + bare + `}}`,
	"\x00\x00\x00\x00\x07" + bare + `}`, "\x01" + "0123456789abcdef" + bare + `}`, "\x00\x00", "\x01" + bare + `}`,
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), int64(1795255200e9))
	}
	f.Fuzz(func(t *testing.T, value []byte, now int64) {
		d := New(testHasher(t), 0)
		// The order of some other producer is what the decoder expects first.
		if r := d.Decode(&schema.Record{Value: []byte(full)}, new(schema.Event)); r != nil {
			t.Fatal(r)
		}
		agree(t, d, &schema.Record{Offset: 7, Time: now, Value: value})
	})
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []struct{ contentType, id, time, kind string }{
		{"application/json", "ce-1", "2026-11-21T10:00:00Z", "com.example.session.used.v1"},
		{"application/CloudEvents+json; charset=utf-8", "", "", ""},
		{"", "", "", "session.ended"}, {"", "\xff", "", ""}, {"", "x", "yesterday", "v1"}, {"", "x", "", ".session.used"},
		{"", "x", "", "a..session.used"}, {"", "x", "", "a b.session.used"}, {"", strings.Repeat("x", 129), "", "x.hijackd.superseded"},
	} {
		f.Add([]byte(bare+`}`), s.contentType, s.id, s.time, s.kind)
		f.Add([]byte(`{"specversion":"1.0","id":"in","data":`+bare+`}}`), s.contentType, s.id, s.time, s.kind)
	}
	f.Fuzz(func(t *testing.T, value []byte, contentType, id, when, kind string) {
		rec := &schema.Record{Value: value, Headers: []schema.Header{{Key: "Content-Type", Value: []byte(contentType)}}}
		for name, v := range map[string]string{"ce_id": id, "ce_time": when, "ce_type": kind} {
			if v != "" {
				rec.Headers = append(rec.Headers, schema.Header{Key: name, Value: []byte(v)})
			}
		}
		agree(t, New(testHasher(t), 0), rec)
	})
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-11-21T10:00:00Z", "2026-11-21t10:00:00.1z", "2024-02-29T23:59:59.999999999-23:59", "2023-02-29T00:00:00Z", "1970-01-01T00:00:00+00:01",
		"2261-12-31T23:59:59.999999999Z", "2262-01-01T00:00:00Z", "2262-01-01T00:00:00+00:01", "2026-11-21T10:00:00", "2026-11-21T10:00:00.Z", "2026-11-21T10:00:00.1234567890Z",
		"2026-11-21T24:00:00Z", "2026-00-21T10:00:00Z", "2026-13-01T10:00:00Z", "2026-04-31T10:00:00Z", "2100-02-29T10:00:00Z", "2000-02-29T10:00:00+14:00", "2026-11-21T10:00:00,5Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTime([]byte(s))
		want, wantOK := rfc3339(s)
		if ok != wantOK || ok && got != want {
			t.Fatalf("%q: %d %v, want %d %v", s, got, ok, want, wantOK)
		}
	})
}
