package store

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
	"pgregory.net/rapid"
)

// anyEvent draws events with every field set to anything that its type allows.
func anyEvent(offset int64) *rapid.Generator[schema.Event] {
	return rapid.Custom(func(t *rapid.T) schema.Event {
		text := func(name string) string { return rapid.StringN(0, 12, 40).Draw(t, name) }
		at := func(name string) int64 { return rapid.Int64().Draw(t, name) }
		e := schema.Event{
			Partition: 3, Offset: offset,
			RecordTime: noon.UnixNano() + rapid.Int64Range(-1e6, 1e6).Draw(t, "record")*int64(time.Millisecond), // Kafka counts milliseconds
			ID:         rapid.StringN(1, 12, 40).Draw(t, "id"), Time: at("time"), Type: schema.EventType(rapid.IntRange(0, 10).Draw(t, "type")),
			Tenant: text("tenant"), Token: text("token"), PreviousToken: text("previous"), RawToken: rapid.Bool().Draw(t, "raw"),
			UserAgent: text("agent"), User: text("user"), App: text("app"), Host: text("host"), Session: text("session"), Device: text("device"),
			JA4: text("ja4"), CNF: text("cnf"), Method: text("method"), Path: text("path"),
			Status: rapid.Int32().Draw(t, "status"), TokenBits: rapid.Int32().Draw(t, "bits"), Repeat: rapid.Int32().Draw(t, "repeat"),
			Binding: schema.Binding(rapid.IntRange(0, 2).Draw(t, "binding")), Scheme: schema.Scheme(rapid.IntRange(0, 2).Draw(t, "scheme")),
			TokenIn: schema.TokenIn(rapid.IntRange(0, 4).Draw(t, "in")), Outcome: schema.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome")),
			Sensitive: rapid.Bool().Draw(t, "sensitive"), Ahead: rapid.Bool().Draw(t, "ahead"), AuthTime: at("auth"), ExpiresAt: at("expires"),
			Geo: schema.Geo{
				Country: text("country"), City: text("city"), Lat: rapid.Float64Range(-90, 90).Draw(t, "lat"), Lon: rapid.Float64Range(-180, 180).Draw(t, "lon"),
				HasPlace: rapid.Bool().Draw(t, "place"), AccuracyKM: rapid.Uint16().Draw(t, "accuracy"), ASN: rapid.Uint32().Draw(t, "asn"), ASOrg: text("org"),
				Network: schema.NetworkClass(rapid.IntRange(0, 9).Draw(t, "network")),
			},
			Note: text("note"),
		}
		switch rapid.IntRange(0, 3).Draw(t, "family") {
		case 1:
			e.IP = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		case 2:
			e.IP = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6"))).Unmap()
		case 3:
			e.IP = netip.IPv6Unspecified()
		}
		if e.UserAgent != "" {
			e.Agent = parseAgent(e.UserAgent)
		}
		return e
	})
}

// What is loaded folds like the original only if it is the original.
func TestEventComesBackWhole(t *testing.T) {
	for name, dsn := range transports(t) {
		t.Run(name, func(t *testing.T) {
			db := openMigrated(t, dsn)
			e := running(t, db, EventsDefaults())
			want := make(map[string]schema.Event)
			var es []schema.Event
			var subjects []schema.Subject
			for offset := range int64(500) {
				x := anyEvent(offset).Example(int(offset))
				x.ID += strconv.FormatInt(offset, 10) // an identity of its own
				want[x.ID] = x
				es, subjects = append(es, x), append(subjects, schema.Subject{Tenant: x.Tenant, Name: x.Token})
			}
			c := put(t, e, es...)
			got := make(map[string]schema.Event)
			if err := c.Load(t.Context(), 500, subjects, func(_ schema.Subject, e *schema.Event) { got[e.ID] = *e }); err != nil {
				t.Fatal(err)
			}
			for id, w := range want {
				if got[id] != w {
					t.Errorf("loaded %+v\nwant   %+v", got[id], w)
				}
			}
		})
	}
}

// The same without ClickHouse, where rapid can try more and shrink.
func TestRowAndBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := anyEvent(rapid.Int64Range(0, 1<<62).Draw(rt, "offset")).Draw(rt, "event")
		var r row
		r.set(&want, 0)
		got := r.event()
		got.UserAgent, got.Agent = want.UserAgent, want.Agent
		if got != want {
			rt.Fatalf("%+v\nwant %+v", got, want)
		}
	})
}

// No token can end the literal that it is sent in.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":           "''",
		"h1:k:Ab-_9": "'h1:k:Ab-_9'",
		`a'b\c`:      `'a\x27b\x5Cc'`,
		"\x00\n€":    `'\x00\x0A\xE2\x82\xAC'`,
	} {
		var b strings.Builder
		quote(&b, in)
		if b.String() != want {
			t.Errorf("%q: %s, want %s", in, b.String(), want)
		}
	}
}

func TestListFitsAQuery(t *testing.T) {
	long := make([]schema.Subject, 3000)
	for i := range long {
		long[i] = schema.Subject{Tenant: strings.Repeat("é", 128), Name: strings.Repeat("é", 64)}
	}
	for rest := long; len(rest) > 0; {
		in, n := list(rest, writeToken)
		if n == 0 || n > maxSubjects || len(in) > maxQuery-64<<10 {
			t.Fatalf("%d subjects in %d bytes", n, len(in))
		}
		rest = rest[n:]
	}
}

func TestALookUpOfManyTokensIsAnswered(t *testing.T) {
	e := running(t, newDB(t), EventsDefaults())
	put(t, e, use("h1:k:a", 1))
	many := make([]schema.Subject, maxSubjects)
	for i := range many {
		many[i] = schema.Subject{Tenant: "tenant-of-a-usual-length", Name: fmt.Sprintf("id:'%0100d'", i)}
	}
	many[7] = schema.Subject{Name: "h1:k:a"}
	n := 0
	err := e.Cursor(3, 0).Load(t.Context(), 100, many, func(schema.Subject, *schema.Event) { n++ })
	if err != nil || n != 1 {
		t.Errorf("%d events of %d tokens, %v; want 1", n, len(many), err)
	}
}

// Reading user agents from ClickHouse gives the same as remembering them.
func TestAgentsAreReadBack(t *testing.T) {
	db := newDB(t)
	e := running(t, db, EventsDefaults())
	want := use("h1:k:a", 1)
	put(t, e, want)
	db.texts = newTexts(parseAgent)
	if got := load(t, e.Cursor(3, 0), 2, "h1:k:a"); len(got) != 1 || got[0] != want {
		t.Errorf("loaded %+v\nwant   %+v", got, want)
	}
}

func TestCachesOfAgentsAreBounded(t *testing.T) {
	var k known
	texts := newTexts(parseAgent)
	var fresh []agent
	e := use("t", 1)
	for i := range 3 * maxAgents {
		e.UserAgent = time.Duration(i).String()
		texts.remember(k.number(&e, &fresh), parsed{})
		fresh = fresh[:0]
	}
	if len(k.agents) > maxAgents || len(texts.known) > maxAgents {
		t.Errorf("%d and %d user agents are remembered, bound %d", len(k.agents), len(texts.known), maxAgents)
	}
}

// A user agent outlives its events only if it is written again in every week of use.
func TestAgentsAreWrittenWeekly(t *testing.T) {
	var k known
	var fresh []agent
	e := use("t", 1)
	for _, days := range []int{0, 1, 7, 8, 14, 3} {
		e.RecordTime = int64(days) * int64(24*time.Hour)
		k.number(&e, &fresh)
	}
	if len(fresh) != 3 {
		t.Errorf("written %d times in three weeks", len(fresh))
	}
}
