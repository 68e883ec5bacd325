package actions

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Whoever acknowledges or dismisses an incident leaves a note on its card; dismissing relieves its user at its vantage.
func TestOrdersAboutAnIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d, b := onBoard(m)
		r := open(t, d, LaneDefaults())
		seen := func(id string, minute int) *schema.Finding {
			return found(id, "h1:k1:a", minute, func(f *schema.Finding) {
				f.To = &schema.End{IP: netip.MustParseAddr("198.51.100.7"), ASN: 64500, Country: "FR", UA: "curl"}
			})
		}
		process(t, r, seen("1", 0))
		run(t, r, 5*time.Second)
		i := r.fold.incidents.byFinding["fnd_1"]
		order := func(id string, v schema.Verb, incident string) {
			c := schema.Command{ID: id, Verb: v, Incident: incident, By: "ann", Why: "she is in Lyon", Via: "slack", At: time.Now()}
			for range 2 { // the second changes nothing
				if err := r.Process(t.Context(), []schema.Record{signal(t, r.pos, schema.Signal{Command: &c})}); err != nil {
					t.Fatal(err)
				}
			}
			run(t, r, 5*time.Second)
		}
		order("cmd_1", schema.Acknowledge, i.card.ID)
		order("cmd_2", schema.Dismiss, i.card.ID)
		order("cmd_3", schema.Dismiss, "inc_unknown")
		c := b.cards[i.card.ID]
		if len(c.Notes) != 2 || c.Notes[0].Verb != schema.Acknowledge || c.Notes[1].Verb != schema.Dismiss || c.Notes[1].By != "ann" || c.Notes[1].Why != "she is in Lyon" {
			t.Errorf("shown %+v", c.Notes)
		}
		a := r.fold.allows.known[allowKey{"", "alw_cmd_2"}]
		if a == nil || a.User != "u-1" || a.ASN != 64500 || a.Country != "FR" || a.UA != "curl" || a.Network != "" || a.By != "ann" || !a.Expires.After(time.Now()) || len(r.fold.allows.known) != 1 {
			t.Fatalf("%+v", a)
		}
		later := seen("2", 1)
		later.Time = time.Now()
		process(t, r, later)
		if h := r.fold.recent.findings["fnd_2"]; h.now != schema.Observe || r.fold.incidents.byFinding["fnd_2"] != nil {
			t.Errorf("decided %s on what was dismissed", h.now)
		}
		abandon(r)
	})
}

func TestVantageThatIsDismissed(t *testing.T) {
	end := &schema.End{IP: netip.MustParseAddr("198.51.100.7"), Country: "FR", UA: "curl"}
	for name, c := range map[string]struct {
		card Card
		want *schema.Allow
	}{
		"of a user":            {Card{User: "u", Findings: []schema.Finding{{To: end}}}, &schema.Allow{User: "u", Network: schema.Network(end.IP).String(), Country: "FR", UA: "curl"}},
		"of a token":           {Card{Scope: schema.ScopeToken, Subject: "h1:k1:a", Findings: []schema.Finding{{From: end}}}, &schema.Allow{Token: "h1:k1:a", Network: schema.Network(end.IP).String(), Country: "FR", UA: "curl"}},
		"of a network":         {Card{Scope: schema.ScopeNetwork, Subject: "198.51.100.0/24", Findings: []schema.Finding{{To: end}}}, nil},
		"nobody knows whereof": {Card{User: "u", Findings: []schema.Finding{{}}}, nil},
	} {
		switch got := vantageOf(&c.card); {
		case (got == nil) != (c.want == nil), got != nil && *got != *c.want:
			t.Errorf("%s: %+v", name, got)
		}
	}
}
