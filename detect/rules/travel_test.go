package rules_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

var start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func fold() *detect.Tokens {
	return detect.NewTokens(detect.Options{
		Rules: rules.Default().Running(), Budget: detect.NewBudget(64 << 20), Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(1000),
	})
}

func TestParisThenTokyoInFourMinutes(t *testing.T) {
	paris := schema.Geo{Country: "FR", City: "Paris", Lat: 48.8566, Lon: 2.3522, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange"}
	tokyo := schema.Geo{Country: "JP", City: "Tokyo", Lat: 35.6762, Lon: 139.6503, HasPlace: true, AccuracyKM: 20, ASN: 4713, ASOrg: "OCN NTT"}
	var out detect.Output
	f := fold()
	f.Fold(&schema.Event{ID: "e-1", Token: "h1:k1:a", Time: start.UnixNano(), IP: netip.MustParseAddr("192.0.2.1"), Geo: paris, User: "u-7", Session: "sid-1"}, &out)
	f.Fold(&schema.Event{ID: "e-2", Token: "h1:k1:a", Time: start.Add(4 * time.Minute).UnixNano(), IP: netip.MustParseAddr("198.51.100.1"), Geo: tokyo}, &out)
	if len(out.Findings) != 1 {
		t.Fatalf("findings: %d, want 1", len(out.Findings))
	}
	got := out.Findings[0]
	if got.Rule != "impossible-travel" || !got.Conclusive || got.EventID != "e-2" || got.User != "u-7" || got.Session != "sid-1" {
		t.Errorf("finding: %+v", got)
	}
	if want := "Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)"; got.Summary != want {
		t.Errorf("summary %q, want %q", got.Summary, want)
	}
}
