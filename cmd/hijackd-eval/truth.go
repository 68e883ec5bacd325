package main

import (
	"slices"
	"time"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// incident is one attack as the labels tell it.
type incident struct {
	kind     simulate.Attack
	shown    []look // devices that the attacker shows
	tokens   []named
	first    int64  // time of the attacker's first event
	start    string // its id
	last     int64  // and of the last one
	requests []int  // positions in the stream of the attacker's events
}

// truth is what the labels say: who is attacked from when on, and what nuisances the sessions of the rest have.
type truth struct {
	events    int
	incidents []*incident // by number, from 1 on; nil where there is none
	tokens    map[named][]uint32
	users     map[named][]uint32
	networks  map[named][]uint32
	apps      map[named][]uint32
	owners    map[named][]look // devices that a token's owner shows, by token
	sessions  map[named]*life
	nuisances map[string]simulate.Nuisances // of the events that have some, by id
}

// look is what an event shows of the device. Versions of browsers grow by themselves.
type look struct {
	family, os       string
	class            schema.DeviceClass
	device, ja4, cnf string
}

func lookOf(e *simulate.Event) look {
	return look{e.Agent.Family, e.Agent.OS, e.Agent.Class, e.Device, e.JA4, e.CNF}
}

// named is a name that means something within a tenant only.
type named struct{ tenant, name string }

// life is a session, from its login to the next one, whatever its token is called meanwhile.
type life struct {
	attacked  bool
	nuisances simulate.Nuisances
}

func newTruth() *truth {
	return &truth{
		tokens: map[named][]uint32{}, users: map[named][]uint32{}, networks: map[named][]uint32{}, apps: map[named][]uint32{},
		owners: map[named][]look{}, sessions: map[named]*life{}, nuisances: map[string]simulate.Nuisances{},
	}
}

// see takes in the labels of one event.
func (t *truth) see(e *simulate.Event) {
	t.events++
	t.session(e)
	if token := (named{e.Tenant, e.Token}); e.Role == simulate.User && e.Token != "" && !slices.Contains(t.owners[token], lookOf(e)) {
		t.owners[token] = append(t.owners[token], lookOf(e))
	}
	if e.Nuisances != 0 {
		t.nuisances[e.ID] = e.Nuisances
	}
	if e.Incident == 0 {
		return
	}
	for len(t.incidents) <= int(e.Incident) {
		t.incidents = append(t.incidents, nil)
	}
	i := t.incidents[e.Incident]
	if i == nil {
		i = &incident{kind: e.Attack}
		t.incidents[e.Incident] = i
	}
	for _, token := range []string{e.Token, e.PreviousToken} {
		if enter(t.tokens, named{e.Tenant, token}, e.Incident) {
			i.tokens = append(i.tokens, named{e.Tenant, token})
		}
	}
	enter(t.users, named{e.Tenant, e.User}, e.Incident)
	if e.Role != simulate.Attacker {
		return
	}
	if i.requests == nil || e.Time < i.first {
		i.first, i.start = e.Time, e.ID
	}
	i.last = max(i.last, e.Time)
	i.requests = append(i.requests, t.events)
	if l := lookOf(e); !slices.Contains(i.shown, l) {
		i.shown = append(i.shown, l)
	}
	if e.IP.IsValid() {
		enter(t.networks, named{e.Tenant, schema.Network(e.IP).String()}, e.Incident)
	}
	enter(t.apps, named{e.Tenant, e.App}, e.Incident)
}

func (t *truth) session(e *simulate.Event) {
	name := e.Session
	if name == "" {
		name = e.Token
	}
	if name == "" {
		return // login.failed
	}
	s := t.sessions[named{e.Tenant, name}]
	if s == nil {
		s = &life{}
		t.sessions[named{e.Tenant, name}] = s
	}
	s.attacked = s.attacked || e.Attack != ""
	s.nuisances |= e.Nuisances
}

// enter adds an incident under a name and reports whether that is news.
func enter(into map[named][]uint32, name named, incident uint32) bool {
	if name.name == "" || slices.Contains(into[name], incident) {
		return false
	}
	into[name] = append(into[name], incident)
	return true
}

// alike reports whether the attacker shows nothing that the owners don't show as well.
func (t *truth) alike(i *incident) bool {
	return !slices.ContainsFunc(i.shown, func(l look) bool {
		return !slices.ContainsFunc(i.tokens, func(token named) bool { return slices.Contains(t.owners[token], l) })
	})
}

// aftermath is how long after an attack's last request a finding about its app may still come: an app's counts are of hours.
const aftermath = int64(time.Hour)

// about lists the incidents that a finding is about: it names the token, the user or the network of an attack that had begun. A finding about
// an app names few of them or none: it is also about the attacks that its rule is there for, which were in its hour; never-issued, of which there is
// one finding per app and day, about those from its hour to the end of the day.
func (t *truth) about(f *schema.Finding) []uint32 {
	var all []uint32
	at := f.Time.UnixNano()
	add := func(numbers []uint32) {
		for _, n := range numbers {
			if i := t.incidents[n]; i.requests != nil && (at >= i.first || f.Scope == schema.ScopeApp) && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	if f.Token != "" {
		add(t.tokens[named{f.Tenant, f.Token}])
	}
	for i := range f.Targets {
		add(t.tokens[named{f.Tenant, f.Targets[i].Token}])
	}
	switch f.Scope {
	case schema.ScopeUser:
		add(t.users[named{f.Tenant, f.Subject}])
	case schema.ScopeNetwork:
		add(t.networks[named{f.Tenant, f.Subject}])
	case schema.ScopeApp:
		tokens, _ := f.Evidence["tokens"].([]string)
		for _, token := range tokens {
			add(t.tokens[named{f.Tenant, token}])
		}
		until := at + aftermath
		if f.Rule == "never-issued" {
			until = f.Time.Truncate(24*time.Hour).Add(24*time.Hour).UnixNano() - 1
		}
		for _, n := range t.apps[named{f.Tenant, f.Subject}] {
			if i := t.incidents[n]; i.kind.Rule() == f.Rule && i.first < until && at <= i.last+aftermath && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// stolen reports whether the token is part of an attack that had begun by a time.
func (t *truth) stolen(token named, by int64) bool {
	return slices.ContainsFunc(t.tokens[token], func(n uint32) bool {
		i := t.incidents[n]
		return i.requests != nil && by >= i.first
	})
}
