package detecttest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/detect/detecttest"
	"github.com/hijackd/hijackd/detect/rules"
	"github.com/hijackd/hijackd/schema"
)

var geos = []schema.Geo{
	{Country: "FR", City: "Lyon", Lat: 45.764, Lon: 4.8357, HasPlace: true, AccuracyKM: 20, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkResidential},
	{Country: "FR", City: "Lyon", Lat: 45.75, Lon: 4.85, HasPlace: true, AccuracyKM: 20, ASN: 12322, ASOrg: "Free", Network: schema.NetworkResidential},
	{Country: "FR", City: "Paris", Lat: 48.8566, Lon: 2.3522, HasPlace: true, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkMobile},
	{Country: "JP", City: "Tokyo", Lat: 35.6762, Lon: 139.6503, HasPlace: true, AccuracyKM: 10, ASN: 4713, ASOrg: "OCN"},
	{Country: "US", City: "Ashburn", Lat: 39.0438, Lon: -77.4874, HasPlace: true, ASN: 14618, ASOrg: "Amazon.com", Network: schema.NetworkUnknown},
	{Country: "US", Lat: 37.751, Lon: -97.822, HasPlace: true, AccuracyKM: 1000, ASN: 7018},
	{Country: "DE", ASN: 64501, Network: schema.NetworkCorporate},
	{Network: schema.NetworkVPN, Country: "NL"},
	{},
}

var agents = []schema.Agent{
	{Family: "Firefox", OS: "Windows", Major: 140, Class: schema.DeviceDesktop},
	{Family: "Firefox", OS: "Windows", Major: 141, Class: schema.DeviceDesktop},
	{Family: "Chrome", OS: "Linux", Major: 138, Class: schema.DeviceDesktop},
	{},
}

// step is an event before it is known what comes before it.
type step struct {
	gap                                     time.Duration
	id, token, geo, host                    int
	agent, typ, expires, user, session, app int
}

var steps = rapid.Custom(func(t *rapid.T) step {
	return step{
		gap: rapid.SampledFrom([]time.Duration{0, 300 * time.Millisecond, 2 * time.Second, 11 * time.Second, 40 * time.Second, 3 * time.Minute, 9 * time.Minute}).Draw(t, "gap"),
		id:  rapid.IntRange(0, 9).Draw(t, "id"), token: rapid.IntRange(0, 7).Draw(t, "token"),
		geo: rapid.IntRange(0, len(geos)-1).Draw(t, "place"), host: rapid.IntRange(0, 1).Draw(t, "host"), agent: rapid.IntRange(0, len(agents)-1).Draw(t, "agent"),
		typ: rapid.IntRange(0, 19).Draw(t, "type"), expires: rapid.IntRange(1, 20).Draw(t, "expires"),
		user: rapid.IntRange(0, 2).Draw(t, "user"), session: rapid.IntRange(0, 5).Draw(t, "session"), app: rapid.IntRange(0, 2).Draw(t, "app"),
	}
})

func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}) }

// story draws events of a few tokens in event order, over less than two hours, dense in places.
func story(t *rapid.T) []*schema.Event {
	at := detecttest.Start
	var events []*schema.Event
	tokens := []string{"t1", "t2"} // a rotation adds one; the old ones may be used on
	for i, s := range rapid.SliceOfN(steps, 1, 40).Draw(t, "steps") {
		at = at.Add(s.gap)
		token := tokens[s.token%len(tokens)]
		e := &schema.Event{
			ID: fmt.Sprintf("e%d%02d", s.id, i), Time: at.UnixNano(), Offset: int64(i), Repeat: 1, Outcome: schema.OutcomeAccepted,
			Token: token, IP: address(s.geo*10 + s.host), Geo: geos[s.geo], Agent: agents[s.agent],
			User: []string{"", "u-1", "u-2"}[s.user], Session: []string{"", "", "", "", "s-1", "s-2"}[s.session], App: []string{"", "shop", "mail"}[s.app],
		}
		switch s.typ {
		case 19:
			e.Type = schema.SessionStarted
		case 18:
			e.Type = schema.SessionEnded
		case 17:
			e.Type = schema.SessionRevoked
		case 16:
			e.Type, e.PreviousToken, e.Token = schema.SessionRotated, token, fmt.Sprint("t", len(tokens)+1)
			tokens = append(tokens, e.Token)
		case 15, 14:
			e.ExpiresAt = at.Add(time.Duration(s.expires) * time.Minute).UnixNano()
		case 13, 12:
			e.Outcome = schema.OutcomeRejected
		case 11:
			e.Type, e.IP, e.Geo = schema.SessionReauthenticated, netip.Addr{}, schema.Geo{}
		}
		events = append(events, e)
	}
	return events
}

func lines(t *rapid.T, found []schema.Finding) []string {
	var all []string
	for i := range found {
		line, err := json.Marshal(found[i])
		if err != nil {
			t.Fatalf("a finding can't be written (NaN or Inf?): %v", err)
		}
		all = append(all, string(line))
	}
	return all
}

// ofUsers reports whether a finding is about a user. What users are told of a token under two users, a theft by itself, depends on which
// of the two was named first.
func ofUsers(f schema.Finding) bool { return f.Scope == schema.ScopeUser }

func twoUsers(events []*schema.Event) bool {
	users := map[string]bool{"": true}
	for _, e := range events {
		users[e.User] = true
	}
	return len(users) > 2
}

func mustEqual(t *rapid.T, how string, events []*schema.Event, got, want []schema.Finding) {
	if twoUsers(events) {
		got, want = slices.DeleteFunc(got, ofUsers), slices.DeleteFunc(want, ofUsers)
	}
	a, b := lines(t, got), lines(t, want)
	for _, x := range a {
		if !slices.Contains(b, x) {
			t.Errorf("%s: found too much: %s", how, x)
		}
	}
	for _, x := range b {
		if !slices.Contains(a, x) {
			t.Errorf("%s: not found: %s", how, x)
		}
	}
	if !slices.Equal(a, b) {
		for _, e := range events {
			t.Logf("%s %s %v %s %v exp %v %v %s %s %s", time.Unix(0, e.Time).UTC().Format("15:04:05.0"), e.ID, e.Type, e.Token+"<"+e.PreviousToken, e.IP, e.ExpiresAt, e.Outcome, e.User, e.Session, e.App)
		}
		t.Fatalf("%s: the findings differ", how)
	}
}

func beyond(found []schema.Finding) bool {
	return slices.ContainsFunc(found, func(f schema.Finding) bool { return f.Evidence["about"] == "beyond" })
}

var running = rules.Default().Running()

func TestOrderMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := story(t)
		want := detecttest.Found(running, events)
		shuffled := detecttest.Shuffled(events, int64(detect.DefaultLateness), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		got := detecttest.Found(running, shuffled)
		if beyond(want) || beyond(got) { // which of more than 32 findings of a rule are told apart depends on which came first, and one that is withdrawn keeps its place
			return
		}
		mustEqual(t, "shuffled", shuffled, got, want)
	})
}

func TestDuplicatesMakeNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := story(t)
		want := detecttest.Found(running, events)
		var twice []*schema.Event
		for i, e := range events {
			twice = append(twice, e)
			twice = append(twice, events[rapid.IntRange(0, i).Draw(t, "again")])
		}
		mustEqual(t, "with duplicates", twice, detecttest.Found(running, twice), want)
	})
}

func TestRestartMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := story(t)
		want := detecttest.Found(running, events)
		at := rapid.IntRange(0, len(events)-1).Draw(t, "restart")
		mustEqual(t, "restarted", events, detecttest.FoundAfterRestart(running, events, at), want)
	})
}

// TestTimeOfDayMakesNoDifference: rules know no clock. Windows of a crowd lie on a grid, so the shift is by whole windows.
func TestTimeOfDayMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := story(t)
		shift := time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "windows")) * 5 * time.Minute
		var moved []*schema.Event
		for _, e := range events {
			c := e.Clone()
			c.Time += int64(shift)
			if c.ExpiresAt != 0 {
				c.ExpiresAt += int64(shift)
			}
			moved = append(moved, c)
		}
		a, b := detecttest.Found(running, events), detecttest.Found(running, moved)
		if len(a) != len(b) {
			t.Fatalf("%d findings, %d when shifted", len(a), len(b))
		}
		same := func(i int) bool {
			return slices.ContainsFunc(b, func(f schema.Finding) bool {
				return f.Rule == a[i].Rule && f.Token == a[i].Token && f.Time.Equal(a[i].Time.Add(shift)) && f.FirstSeen.Equal(a[i].FirstSeen.Add(shift)) &&
					f.Confidence == a[i].Confidence && f.Conclusive == a[i].Conclusive && slices.Equal(f.Events, a[i].Events) || a[i].Evidence["class"] == "sentenced"
			})
		}
		for i := range a {
			if !same(i) {
				t.Errorf("not found when shifted by %v: %v", shift, lines(t, a[i:i+1]))
			}
		}
	})
}
