package population

import (
	"slices"
	"testing"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// raids is what three days with some attacks of each kind brought.
type raids struct {
	w       *World
	hostile map[uint32][]simulate.Event // by incident, in order of time
	owners  map[uint32][]simulate.Event
	life    map[string][]simulate.Event // of tokens in incidents, before and after, whoever used them
}

func allRaids(t *testing.T) *raids {
	t.Helper()
	r := &raids{hostile: map[uint32][]simulate.Event{}, owners: map[uint32][]simulate.Event{}, life: map[string][]simulate.Event{}}
	cfg := Config{Seed: 3, Users: 700, Start: start, Duration: 48 * time.Hour, Attacks: simulate.AllAttacks(), Each: 4}
	touched := map[string]bool{}
	for _, i := range run(t, cfg, func(*simulate.Event) {}).Incidents() {
		for _, token := range i.Tokens {
			touched[token] = true
		}
	}
	r.w = run(t, cfg, func(e *simulate.Event) {
		if touched[e.Token] {
			r.life[e.Token] = append(r.life[e.Token], *e)
		}
		switch {
		case e.Incident == 0:
		case e.Role == simulate.Attacker:
			r.hostile[e.Incident] = append(r.hostile[e.Incident], *e)
		default:
			r.owners[e.Incident] = append(r.owners[e.Incident], *e)
		}
		if (e.Incident == 0) != (e.Attack == "") || e.Role != simulate.User && e.Incident == 0 {
			t.Fatalf("incident %d, attack %q, role %s", e.Incident, e.Attack, e.Role)
		}
	})
	return r
}

func TestAttacks(t *testing.T) {
	r := allRaids(t)
	t.Run("labels are complete", r.labels)
	t.Run("attacks are what they are called", r.kinds)
}

func (r *raids) labels(t *testing.T) {
	count := map[simulate.Attack]int{}
	for _, i := range r.w.Incidents() {
		count[i.Kind]++
		events := r.hostile[i.Number]
		var tokens, users []string
		first, last := events[0].Time, events[0].Time
		for _, e := range events {
			if e.Attack != i.Kind || e.Tenant != i.Tenant {
				t.Errorf("%s: an event of %s, tenant %s", i.ID, e.Attack, e.Tenant)
			}
			if !slices.Contains(tokens, e.Token) {
				tokens = append(tokens, e.Token)
			}
			if e.User != "" && !slices.Contains(users, e.User) {
				users = append(users, e.User)
			}
			if !slices.Contains(i.Networks, schema.Network(e.IP)) {
				t.Errorf("%s: %s is missing", i.ID, e.IP)
			}
			first, last = min(first, e.Time), max(last, e.Time)
		}
		slices.Sort(tokens)
		slices.Sort(users)
		if len(events) != i.Events || !slices.Equal(slices.Sorted(slices.Values(i.Tokens)), tokens) || !slices.Equal(slices.Sorted(slices.Values(i.Users)), users) ||
			i.First.UnixNano() != first || i.Last.UnixNano() != last {
			t.Errorf("%s says %+v, its events say %d, %v, %v", i.ID, i, len(events), tokens, users)
		}
		if k := slices.IndexFunc(events, func(e simulate.Event) bool { return e.ID == i.FirstID }); k < 0 || events[k].Time != first {
			t.Errorf("%s does not begin with %s", i.ID, i.FirstID)
		}
	}
	for _, kind := range simulate.AllAttacks() {
		if count[kind] != 4 {
			t.Errorf("%d times %s", count[kind], kind)
		}
	}
	if missed := r.w.Missed(); len(missed) > 0 {
		t.Errorf("missed %v", missed)
	}
	unlabelled := func(e simulate.Event) bool { return e.Role == simulate.User && e.Incident == 0 }
	for _, events := range r.life {
		begun := slices.IndexFunc(events, func(e simulate.Event) bool { return e.Role == simulate.Attacker })
		if k := slices.IndexFunc(events[begun:], unlabelled); k >= 0 {
			t.Errorf("after the theft, %s is labelled benign", events[begun+k].ID)
		}
	}
}

// looted is what is known of one incident's first moves.
type looted struct {
	thief  []simulate.Event
	before simulate.Event // of the token's owner, the last before the thief
	after  bool           // the owner goes on
}

func (r *raids) looted(i Incident) (l looted) {
	l.thief = r.hostile[i.Number]
	for _, e := range r.life[l.thief[0].Token] {
		switch {
		case e.Role == simulate.Attacker || !e.IP.IsValid():
		case e.Time < l.thief[0].Time:
			l.before = e
		default:
			l.after = true
		}
	}
	return l
}

// kinds holds every incident to what its kind promises.
func (r *raids) kinds(t *testing.T) {
	for _, i := range r.w.Incidents() {
		l := r.looted(i)
		thief, owner := &l.thief[0], &l.before
		sameAgent, sameASN := thief.UserAgent == owner.UserAgent, thief.Geo.ASN == owner.Geo.ASN
		km := distance(thief.Geo.Lat, thief.Geo.Lon, owner.Geo.Lat, owner.Geo.Lon)
		fair := false
		switch i.Kind {
		case simulate.SlowStolenCookie:
			fair = km > 1000 || owner.Geo.Network.Placeless()
		case simulate.StolenCookie, simulate.FastStolenCookie:
			fair = !sameAgent && (km > 1000 || owner.Geo.Network.Placeless()) && thief.Geo.Country != r.home(owner)
		case simulate.UACopy:
			fair = sameAgent && (km > 1000 || owner.Geo.Network.Placeless())
		case simulate.ParallelProxy:
			fair = !sameAgent && !sameASN && km < 60 && l.after
		case simulate.ResidentialProxy:
			fair = sameAgent && !sameASN && thief.Geo.Network == schema.NetworkResidential
		case simulate.StolenSameCity:
			fair = !sameAgent && sameASN && km < 80 && thief.IP != owner.IP
		case simulate.StolenSameDevice:
			fair = sameAgent && sameASN && km < 80 && thief.IP != owner.IP && thief.Device == owner.Device && thief.JA4 == owner.JA4
		case simulate.StolenSameNAT:
			fair = sameAgent && thief.IP == owner.IP && thief.Device == owner.Device && thief.JA4 == owner.JA4
		case simulate.Hosting:
			fair = sameAgent && thief.Geo.Network == schema.NetworkHosting
		case simulate.Tor:
			fair = thief.Geo.Network == schema.NetworkTor
		case simulate.KeepAlive:
			fair = periodic(l.thief) && len(l.thief) >= 10
		case simulate.HARFile:
			fair = len(i.Tokens) >= 2 && len(i.Networks) == 1
		case simulate.Infostealer:
			fair = len(i.Users) >= 4 && len(i.Networks) == 1 && i.Last.Sub(i.First) < time.Hour
		case simulate.ReplayEnded, simulate.ReplayLogout, simulate.ReplayRevoked, simulate.ReplayRotated, simulate.ReplayGrandparent, simulate.Resurrection:
			fair = r.dead(i, thief)
		case simulate.AiTMScript:
			fair = thief.Type == schema.SessionStarted && thief.Agent.Class != schema.DeviceScript && l.thief[1].Agent.Class == schema.DeviceScript && l.thief[1].IP != thief.IP
		case simulate.Fixation:
			fair = thief.User == "" && slices.ContainsFunc(r.owners[i.Number], func(e simulate.Event) bool { return e.Type == schema.SessionStarted && e.Token == thief.Token }) &&
				l.thief[len(l.thief)-1].User != ""
		case simulate.Forged:
			fair = len(i.Tokens) >= 10 && len(i.Users) == 0 && !thief.Accepted()
		case simulate.ForgedAccepted:
			fair = len(i.Tokens) >= 4 && thief.Accepted() && r.unheard(i)
		case simulate.Guessing:
			fair = len(i.Tokens) >= 100 && !thief.Accepted() && len(i.Networks) == 1 && i.Last.Sub(i.First) < 20*time.Minute
		}
		if !fair {
			t.Errorf("%s, %s: owner %s, thief %s; %d tokens, %d events", i.ID, i.Kind, owner.AppendJSON(nil, true), thief.AppendJSON(nil, true), len(i.Tokens), len(l.thief))
		}
	}
}

// home is the country where the one who makes a request truly lives.
func (r *raids) home(e *simulate.Event) string {
	for _, p := range r.w.people {
		if p.name == e.User {
			return p.city.country
		}
	}
	return ""
}

func periodic(events []simulate.Event) bool {
	gaps := map[int64]int{}
	for k := range events[1:] {
		gaps[(events[k+1].Time-events[k].Time)/int64(30*time.Second)]++
	}
	return len(gaps) <= 2
}

// dead reports whether the thief's token died as the kind says, longer before than any grace, and was answered accordingly.
func (r *raids) dead(i Incident, thief *simulate.Event) bool {
	pause := func(kind schema.EventType, of func(*simulate.Event) string) time.Duration {
		for _, e := range r.owners[i.Number] {
			if e.Type == kind && of(&e) == thief.Token {
				return time.Duration(thief.Time - e.Time)
			}
		}
		return 0
	}
	token, previous := func(e *simulate.Event) string { return e.Token }, func(e *simulate.Event) string { return e.PreviousToken }
	ended := pause(schema.SessionEnded, token) > 30*time.Second
	rotated := pause(schema.SessionRotated, previous) > 40*time.Second
	switch i.Kind {
	case simulate.ReplayEnded:
		return ended && thief.Accepted()
	case simulate.ReplayLogout:
		return ended && !thief.Accepted()
	case simulate.Resurrection:
		return ended && thief.Type == schema.SessionStarted
	case simulate.ReplayRevoked:
		return pause(schema.SessionRevoked, token) > 30*time.Second && !thief.Accepted()
	case simulate.ReplayRotated:
		return rotated
	}
	for _, e := range r.owners[i.Number] { // grandparent: whose successor was replaced, too
		if e.Type == schema.SessionRotated && e.PreviousToken == thief.Token {
			child := e.Token
			return rotated && slices.ContainsFunc(r.owners[i.Number], func(e simulate.Event) bool {
				return e.Type == schema.SessionRotated && e.PreviousToken == child && e.Time < thief.Time
			})
		}
	}
	return false
}

// unheard reports whether nobody but the attacker ever used the tokens.
func (r *raids) unheard(i Incident) bool {
	for _, token := range i.Tokens {
		for _, e := range r.life[token] {
			if e.Role != simulate.Attacker || e.Type != schema.SessionUsed {
				return false
			}
		}
	}
	return true
}
