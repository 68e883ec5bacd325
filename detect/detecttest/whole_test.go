package detecttest_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

// eventBytes is how many bytes make one arbitrary event.
const eventBytes = 16

// arbitrary makes a valid event of bytes: whatever an app may send, among few tokens, users, networks and apps.
func arbitrary(b []byte, i int, at int64) *schema.Event {
	geo := geos[int(b[0])%len(geos)]
	geo.ASN += uint32(b[1] & 3)
	e := &schema.Event{
		ID: fmt.Sprint("e", i), Offset: int64(i), Time: at, RecordTime: at, Repeat: int32(1 + b[2]%3), Type: schema.EventType(b[3] % 8), Tenant: []string{"", "acme"}[b[3]>>7],
		Token: fmt.Sprint("id:", b[4]%24), User: []string{"", "u-1", "u-2", "u-3", "u-4"}[b[5]%5], App: []string{"", "shop", "mail"}[b[6]%3],
		Session: []string{"", "s-1", "s-2"}[b[6]>>4%3], Geo: geo, Agent: agents[int(b[7])%len(agents)], Host: []string{"", "a.example", "b.example"}[b[7]>>4%3],
		Device: []string{"", "d-1", "d-2"}[b[8]%3], JA4: []string{"", "t13d1516h2_8daaf6152771_b0da82dd1658", "t13d1715h2_5b57614c22b0_3d5424432f57"}[b[8]>>3%3],
		CNF: []string{"", "k-1", "k-2"}[b[8]>>6%3], Binding: schema.Binding(b[9] % 3), Scheme: schema.Scheme(b[9] >> 2 % 3), TokenIn: schema.TokenIn(b[9] >> 4 % 5),
		Outcome: schema.Outcome(1 + b[10]%2), Sensitive: b[10]&4 != 0, RawToken: b[10]&8 != 0, TokenBits: int32(b[11]) * 2, Status: int32(b[12]) * 3, Ahead: b[13] == 255,
	}
	if b[14] != 0 {
		e.IP = netip.AddrFrom4([4]byte{198, 51, 100, b[14] % 40})
	}
	if b[14] > 200 {
		e.IP = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 7: b[14] % 3, 15: b[15]})
	}
	if e.Type == schema.SessionRotated { // to a token that is new; those who are given one twice are another test's
		e.PreviousToken, e.Token = e.Token, fmt.Sprint("id:r", i)
	}
	if e.Type == schema.LoginFailed {
		e.Token = ""
	}
	if b[15]&1 != 0 {
		e.AuthTime = at - int64(b[15])*int64(time.Minute)
	}
	if b[15]&2 != 0 {
		e.ExpiresAt = at + int64(int8(b[15]))*int64(time.Minute)
	}
	return e
}

// mustExplain checks that a finding can be written, and checked with a pocket calculator.
func mustExplain(t *testing.T, f *schema.Finding) {
	t.Helper()
	if f.Confidence == 0 && f.Informed > 0 {
		return // withdrawn
	}
	line, err := json.Marshal(f)
	if err != nil {
		t.Fatalf("%s: %v", f.Rule, err)
	}
	rule := rules.Named(f.Rule)
	switch {
	case rule == nil || f.RuleVersion != rule.Version || !slices.Equal(f.Attack, rule.Attack):
		t.Fatalf("of no rule: %s", line)
	case f.ID == "" || f.Subject == "" || f.Time.IsZero() || f.FirstSeen.IsZero() || f.FirstSeen.After(f.Time) || f.Scope == schema.ScopeToken && f.Token == "":
		t.Fatalf("incomplete: %s", line)
	case f.Summary == "" || strings.ContainsAny(f.Summary, "\n\r\x00") || f.Evidence["about"] == nil:
		t.Fatalf("says nothing: %s", line)
	case !slices.Contains([]schema.Severity{schema.Low, schema.Medium, schema.High, schema.Critical}, f.Severity):
		t.Fatalf("severity %q: %s", f.Severity, line)
	case len(f.Signals) == 0:
		t.Fatalf("a confidence made of nothing: %s", line)
	case len(f.Events) > 64 || len(f.Targets) > 1000 || len(line) > 256<<10:
		t.Fatalf("%d events, %d targets, %d bytes: %.500s", len(f.Events), len(f.Targets), len(line), line)
	}
	doubt := 1.0
	for _, s := range f.Signals {
		if !(s.P > 0 && s.P < 1) {
			t.Fatalf("signal %v: %s", s, line)
		}
		doubt *= 1 - s.P
	}
	if want := min(0.99, math.Round((1-doubt)*100)/100); math.Abs(f.Confidence-want) > 0.0051 {
		t.Fatalf("confidence %v, its signals make %v: %s", f.Confidence, want, line)
	}
	kmh, fast := f.Evidence["kmh"].(float64)
	if km, took := f.Evidence["distance_km"], f.Evidence["seconds"]; fast {
		if want := km.(float64) / took.(float64) * 3600; math.Abs(kmh-want) > 0.001*want+100 {
			t.Fatalf("%v km in %v s is %v km/h, not %v: %s", km, took, want, kmh, line)
		}
	}
}

// FuzzFolds folds arbitrary valid events with every rule: nothing panics, and every finding explains itself.
func FuzzFolds(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		data := make([]byte, 64*eventBytes)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		folds := detect.NewFolds(running, 0)
		folds.Found = func(f *schema.Finding) { mustExplain(t, f) }
		at := detecttest.Start.UnixNano()
		for i := 0; i < 256 && len(data) >= eventBytes; i++ {
			at += int64(data[0]>>4) * int64(data[1]) * int64(time.Second) / 4
			if data[2]&15 == 15 {
				at -= int64(data[3]) * int64(time.Second)
			}
			folds.Fold(arbitrary(data, i, at))
			data = data[eventBytes:]
		}
		folds.Flush()
		for _, found := range folds.Findings() {
			mustExplain(t, &found)
		}
	})
}

// TestSimulatedFindingsExplainThemselves: what people and thieves do, too.
func TestSimulatedFindingsExplainThemselves(t *testing.T) {
	found := detecttest.Found(running, people(t, 5, monday))
	seen := map[string]bool{}
	for i := range found {
		mustExplain(t, &found[i])
		seen[found[i].Rule] = true
	}
	if len(seen) < 8 {
		t.Errorf("only %d rules found something", len(seen))
	}
}

// TestStateStaysBounded: however long few tokens, users and networks go on, and whatever they do, what is kept of them stops growing.
func TestStateStaysBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	folds := detect.NewFolds(running, 0)
	at := detecttest.Start.UnixNano()
	data := make([]byte, eventBytes)
	var before int64
	for i := range 20_000 {
		for k := range data {
			data[k] = byte(r.Uint32())
		}
		data[3] &= 0x81 // used or started: a rotation would make a new token
		e := arbitrary(data, i, at)
		binary.BigEndian.PutUint32(data, r.Uint32())
		e.ID = fmt.Sprintf("%x-%d", data[:4], i)
		if at += int64(r.ExpFloat64() * 5 * float64(time.Second)); i%1000 == 0 {
			at += int64(6 * time.Hour)
		}
		folds.Fold(e)
		if i == 10_000 {
			before = folds.Bytes()
		}
	}
	if after := folds.Bytes(); after > before+before/3 {
		t.Errorf("%d bytes after 10 000 events, %d after 20 000", before, after)
	}
}
