package simulate

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

var start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func generate(t testing.TB, cfg Config, limit int) []Event {
	t.Helper()
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all []Event
	for e := (Event{}); len(all) < limit && g.Next(&e); {
		all = append(all, e)
	}
	return all
}

func TestOneSeedOneStream(t *testing.T) {
	cfg := Config{Seed: 7, Sessions: 50, Start: start, Duration: time.Hour, Attacks: Attacks()}
	a, b := generate(t, cfg, 1e6), generate(t, cfg, 1e6)
	if len(a) < 10_000 || len(a) != len(b) {
		t.Fatalf("%d and %d events", len(a), len(b))
	}
	for i := range a {
		if string(a[i].AppendJSON(nil, true)) != string(b[i].AppendJSON(nil, true)) {
			t.Fatalf("event %d differs", i)
		}
	}
	cfg.Seed = 8
	if c := generate(t, cfg, 1); string(c[0].AppendJSON(nil, true)) == string(a[0].AppendJSON(nil, true)) {
		t.Error("another seed gives the same first event")
	}
}

func TestEventsAreInOrderDistinctAndComplete(t *testing.T) {
	ids, last := map[string]bool{}, int64(0)
	labels, types := map[Nuisance]int{}, map[schema.EventType]int{}
	for _, e := range generate(t, Config{Seed: 1, Sessions: 300, Start: start, Duration: 2 * time.Hour, Attacks: Attacks()}, 1e6) {
		if ids[e.ID] {
			t.Fatalf("id %s twice", e.ID)
		}
		ids[e.ID] = true
		if e.Time < last {
			t.Fatalf("event %s goes back in time", e.ID)
		}
		last = e.Time
		for _, n := range e.Nuisances.List() {
			labels[n]++
		}
		types[e.Type]++
		if e.User == "" || !strings.HasPrefix(e.Token, "h1:sim:") || !e.IP.IsValid() || (e.Type == schema.SessionRotated) != (e.PreviousToken != "") {
			t.Fatalf("incomplete: %s", e.AppendJSON(nil, false))
		}
	}
	for _, l := range []Nuisance{Commute, CarrierNAT, Privacy, HappyEyeballs, Update, RefreshRace} {
		if labels[l] == 0 {
			t.Errorf("no event is labelled %s", l)
		}
	}
	for _, k := range []schema.EventType{schema.SessionUsed, schema.SessionStarted, schema.SessionRotated, schema.SessionEnded} {
		if types[k] == 0 {
			t.Errorf("no event of type %s", k)
		}
	}
}

func TestAttacksAreWhatTheyAreCalled(t *testing.T) {
	stolen := map[Attack][]Event{}
	for _, e := range generate(t, Config{Seed: 3, Sessions: 40, Start: start, Duration: 10 * time.Minute, Attacks: Attacks()}, 1e6) {
		if e.Attack != "" {
			stolen[e.Attack] = append(stolen[e.Attack], e)
		}
	}
	for _, a := range Attacks() {
		events := stolen[a]
		if len(events) != 9 {
			t.Fatalf("%s has %d events", a, len(events))
		}
		owner, thief := events[0], events[1]
		if thief.Role != Attacker || owner.Role != User || thief.UserAgent == owner.UserAgent || thief.IP == owner.IP || thief.User != owner.User {
			t.Errorf("%s: owner %s, thief %s", a, owner.AppendJSON(nil, false), thief.AppendJSON(nil, false))
		}
		pause := time.Duration(thief.Time - owner.Time)
		switch a {
		case StolenCookie:
			if thief.Geo.Country == owner.Geo.Country || thief.Token != owner.Token {
				t.Errorf("%s stays in %s", a, thief.Geo.Country)
			}
		case ParallelProxy:
			if thief.Geo.City != owner.Geo.City || thief.Geo.ASN == owner.Geo.ASN || thief.Token != owner.Token {
				t.Errorf("%s from %s to %s", a, owner.Geo.City, thief.Geo.City)
			}
		case ReplayEnded:
			if owner.Type != schema.SessionEnded || thief.Token != owner.Token || pause <= 10*time.Second {
				t.Errorf("%s: %s, then after %s a use", a, owner.Type, pause)
			}
		case ReplayRotated:
			if owner.Type != schema.SessionRotated || thief.Token != owner.PreviousToken || pause <= 30*time.Second {
				t.Errorf("%s: %s, then after %s a use", a, owner.Type, pause)
			}
		}
	}
}

func TestRevokedTokenIsRefusedAndItsUserComesBack(t *testing.T) {
	g, err := New(Config{Seed: 5, Sessions: 1, Start: start})
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	g.Next(&e)
	token, user := e.Token, e.User
	if !g.Revoke(token) || g.Revoke("h1:sim:unknown") {
		t.Fatal("Revoke knows the live token only")
	}
	g.Next(&e)
	if e.Token != token || e.Status != 401 || e.Accepted() {
		t.Errorf("after the revocation: %s", e.AppendJSON(nil, false))
	}
	g.Next(&e)
	if e.Type != schema.SessionStarted || e.Token == token || e.User != user {
		t.Errorf("the user does not log in again: %s", e.AppendJSON(nil, false))
	}
}

func TestThiefStopsAtTheFirstRefusal(t *testing.T) {
	g, err := New(Config{Seed: 5, Sessions: 20, Start: start, Duration: 10 * time.Minute, Attacks: []Attack{ParallelProxy}})
	if err != nil {
		t.Fatal(err)
	}
	seen, refused := 0, 0
	for e := (Event{}); g.Next(&e); {
		if e.Role != Attacker {
			continue
		}
		seen++
		if seen == 2 {
			g.Revoke(e.Token)
		}
		if e.Status == 401 {
			refused++
		}
	}
	if seen != 3 || refused != 1 {
		t.Errorf("%d uses by the thief, %d of them refused", seen, refused)
	}
}

func TestNetworksAreApartAndHoldEveryAddress(t *testing.T) {
	networks := Networks()
	for i, a := range networks {
		for _, b := range networks[i+1:] {
			if a.Prefix.Overlaps(b.Prefix) {
				t.Errorf("%s of %s overlaps %s of %s", a.Prefix, a.ASOrg, b.Prefix, b.ASOrg)
			}
		}
	}
	find := func(ip netip.Addr) *Network {
		for i := range networks {
			if networks[i].Prefix.Contains(ip) {
				return &networks[i]
			}
		}
		return nil
	}
	for _, e := range generate(t, Config{Seed: 2, Sessions: 100, Start: start, Duration: 20 * time.Minute, Attacks: Attacks()}, 1e6) {
		if n := find(e.IP); n == nil || n.geo() != e.Geo {
			t.Fatalf("%s is said to be in %s, the plan says %+v", e.IP, e.Geo.City, n)
		}
	}
}

func TestJSONIsTheContracts(t *testing.T) {
	for _, e := range generate(t, Config{Seed: 4, Sessions: 30, Start: start, Duration: 10 * time.Minute, Attacks: Attacks()}, 1e6) {
		var got struct {
			ID, Type, Token, IP, User string
			Label                     struct {
				Session, Role string
				Nuisance      []string
			}
			Time     time.Time
			Previous string `json:"previous_token"`
			Agent    string `json:"user_agent"`
			Geo      struct {
				City, Network string
				Lat, Lon      float64
			}
		}
		line := e.AppendJSON(nil, true)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if got.ID != e.ID || got.Type != e.Type.String() || got.Token != e.Token || got.IP != e.IP.String() || got.User != e.User ||
			got.Label.Role != e.Role.String() || got.Label.Session != string(cmp.Or(e.Attack, "benign")) || len(got.Label.Nuisance) != len(e.Nuisances.List()) || got.Time.UnixNano() != e.Time || got.Previous != e.PreviousToken || got.Agent != e.UserAgent ||
			got.Geo.City != e.Geo.City || got.Geo.Lat != e.Geo.Lat || got.Geo.Lon != e.Geo.Lon || got.Geo.Network != e.Geo.Network.String() {
			t.Fatalf("%s does not say what the event holds", line)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, cfg := range []Config{{}, {Sessions: 1, Duration: -1, Start: start}, {Sessions: 1, Attacks: []Attack{"x"}, Start: start}, {Sessions: 1, Attacks: Attacks(), Start: start}, {Sessions: 1}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

func BenchmarkGenerateJSON(b *testing.B) {
	g, err := New(Config{Seed: 1, Sessions: 50_000, Start: start})
	if err != nil {
		b.Fatal(err)
	}
	var e Event
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		g.Next(&e)
		line = e.AppendJSON(line[:0], true)
	}
}
