package spine

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
)

// fields are an event's, in JSON names.
type fields map[string]any

func (p place) event(id, token, typ, user string, at time.Time, more fields) string {
	f := fields{"id": id, "token": token, "type": typ, "time": at.UTC().Format(time.RFC3339Nano), "ip": p.ip, "user_agent": p.agent, "user": user,
		"app": "shop", "geo": fields{"country": p.country, "city": p.city, "lat": p.lat, "lon": p.lon, "accuracy_km": 20, "asn": p.asn}}
	maps.Copy(f, more)
	b, err := json.Marshal(f)
	if err != nil {
		panic(err) // a map of strings and numbers
	}
	return string(b)
}

func (p place) with(ip, agent string) place {
	p.ip, p.agent = ip, agent
	return p
}

const (
	chromeOnLinux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
	pythons       = "python-requests/2.32.3"
)

// population is the events of many users with two sessions each, in order of time, all of it within what may come late. One in ten has
// somebody in Tokyo log in as them; one in ten has a session in a stolen archive that one machine replays; another machine guesses
// tokens, and one app sends them over plain HTTP.
func population(users int, now time.Time) (events []string) {
	type dated struct {
		at    time.Time
		event string
	}
	var all []dated
	add := func(p place, at time.Time, id, token, typ, user string, more fields) {
		all = append(all, dated{at, p.event(id, token, typ, user, at, more)})
	}
	begin := now.Add(-9 * time.Minute)
	for n := range users {
		user := fmt.Sprintf("u-%d", n)
		home := paris.with(fmt.Sprintf("192.0.%d.%d", n/200, 1+n%200), paris.agent)
		for s, agent := range []string{paris.agent, chromeOnLinux} {
			tok := token(1000 + 10*n + s)
			for u := range 8 {
				typ, more := "session.used", fields{"session": fmt.Sprintf("sid-%d-%d", n, s)}
				if u == 0 {
					typ = "session.started"
				}
				if n%7 == 0 && s == 1 {
					more["app"], more["scheme"] = "legacy", "http"
				}
				add(home.with(home.ip, agent), begin.Add(time.Duration(u)*time.Minute+time.Duration(n*20+s)*time.Millisecond), fmt.Sprintf("e-%d-%d-%d", n, s, u), tok, typ, user, more)
			}
		}
		at := now.Add(-2*time.Minute + time.Duration(n)*10*time.Millisecond)
		switch n % 10 {
		case 0:
			add(tokyo.with(fmt.Sprintf("198.51.100.%d", 1+n%200), chromeOnLinux), at, fmt.Sprintf("e-%d-login", n), token(1000+10*n+9), "session.started", user, fields{"session": fmt.Sprint("sid-thief-", n)})
		case 5:
			add(tokyo.with("203.0.113.77", pythons), at, fmt.Sprintf("e-%d-archive", n), token(1000+10*n), "session.used", user, nil)
		}
	}
	for n := range 60 {
		at := now.Add(-90*time.Second + time.Duration(n)*100*time.Millisecond)
		add(tokyo.with("203.0.113.99", pythons), at, fmt.Sprint("e-guess-", n), token(900_000+n), "session.used", "", fields{"status": 401})
	}
	slices.SortStableFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	for _, d := range all {
		events = append(events, d.event)
	}
	return events
}

func TestKilledInMidStreamSubjectLanesFindWhatABacktestFinds(t *testing.T) {
	s := newSite(t, 4, "")
	config := s.config("rules: {clock-skew: {mode: off}}") // a file doesn't say when Kafka got a record
	s.rewrite(config, "mode: enforce", "mode: shadow")     // nor what was revoked
	events := population(200, time.Now())
	want := s.backtest(config, events)
	scopes := map[string]int{}
	for _, f := range want {
		scopes[strings.Fields(f)[2]]++
	}
	t.Logf("%d events, to find by scope: %v", len(events), scopes)
	if scopes["user"] < 20 || scopes["network"] < 2 || scopes["app"] < 1 {
		t.Fatal("the traffic has too little for subject lanes to find")
	}

	alive := []*member{s.start(config), s.start(config)}
	r := rand.New(rand.NewPCG(3, 3))
	const rounds = 6
	for round := range rounds {
		s.produce(events[round*len(events)/rounds : (round+1)*len(events)/rounds]...)
		time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond) // the moment of the kill is what is random
		victim := r.IntN(len(alive))
		alive[victim].kill()
		alive[victim] = s.start(config)
	}
	s.await("everything judged, stored and committed", func() bool {
		return s.drained(s.topic) && s.drained(s.topic+".sightings") && s.drained(s.topic+".signals")
	})
	for _, m := range alive {
		m.stop(t)
	}
	s.same(s.findings(), want)
	if n := s.count("SELECT count() FROM {db}.sightings FINAL"); n < uint64(len(events))/10 {
		t.Errorf("only %d sightings are stored", n)
	}
	s.keyed()
}

// keyed looks at the sightings topic: each record lies where the lane of its subject reads, and some came again after a kill.
func (s *site) keyed() {
	s.t.Helper()
	n, err := s.client.Partitions(s.t.Context(), s.topic)
	if err != nil {
		s.t.Fatal(err)
	}
	ids, repeated := map[string]bool{}, 0
	for p := range int32(n) {
		_, err := s.client.Scan(s.t.Context(), s.topic+".sightings", p, 0, func(b *broker.Batch) error {
			for _, r := range b.Records {
				var g struct{ ID, Tenant, Scope, Subject string }
				if err := json.Unmarshal(r.Value, &g); err != nil {
					return err
				}
				key := g.Tenant + "\x00" + g.Scope + ":" + g.Subject
				if string(r.Key) != key || broker.Placements[0].Of(r.Key, n) != p {
					s.t.Fatalf("partition %d has the key %q of %q", p, r.Key, key)
				}
				if ids[g.ID] {
					repeated++
				}
				ids[g.ID] = true
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.t.Logf("%d sightings, %d of them again after a kill", len(ids)+repeated, repeated)
	if repeated == 0 {
		s.t.Error("no kill came between two commits: the test shows nothing")
	}
}
