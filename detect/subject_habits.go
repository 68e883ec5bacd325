package detect

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

// habits are what is usual for a user: when which country, device and network was seen first, and when the first sessions began. They are a
// function of the set of sightings, as long as their lists are not full; of countries, devices and sessions the earliest are kept.
type habits struct {
	since     int64 // of the first sighting; valid with any
	any       bool
	countries []habit
	devices   []habit
	ids       []mark64 // device ids
	sessions  []mark64 // tokens that were not rotated in
	spots     []spot
}

// habit is a country or a device, and when it was seen first.
type habit struct {
	name string
	at   Moment
}

// mark64 is a hash and the first time it was seen.
type mark64 struct {
	hash  uint64
	since int64
}

// spot is a network in coarse form: the provider in a city.
type spot struct {
	hash        uint64
	since, last int64
}

// Bounds of habits.
const (
	maxHabits = 32 // of countries, devices and device ids each
	// MaxLearnSessions is the greatest number of sessions that a judge may ask about.
	MaxLearnSessions = 64
	maxSpots         = 64 // the one longest unseen makes room
	maxServed        = 64 // users of a network

	habitsBytes = int(unsafe.Sizeof(habits{}))
	habitBytes  = int(unsafe.Sizeof(habit{}))
	mark64Bytes = int(unsafe.Sizeof(mark64{}))
	spotBytes   = int(unsafe.Sizeof(spot{}))
)

// learn takes in a use.
func (h *habits) learn(s *subject, x *Sight, p *placed) {
	v := &p.vantage
	if !h.any || x.Time < h.since {
		h.since, h.any = x.Time, true
	}
	h.learnSession(s, x)
	h.learnSpot(s, p.spot, x.Time)
	if p.learned && x.Time > p.since {
		return // nothing of it can be earlier than it is known to be
	}
	p.learned, p.since = true, x.Time
	if placeKnown(v) {
		h.countries = s.learnHabit(h.countries, v.Geo.Country, x.Moment)
	}
	h.devices = s.learnHabit(h.devices, v.Agent.String(), x.Moment)
	if v.device != 0 {
		h.ids = s.learnMark(h.ids, mark64{v.device, x.Time}, maxHabits)
	}
}

func placeKnown(v *Vantage) bool { return v.Geo.Country != "" && !v.Geo.Network.Placeless() }

// learnSession counts a token as a session from its first use or login on, unless it goes on for another one.
func (h *habits) learnSession(s *subject, x *Sight) {
	hash := xxhash.Sum64String(x.Token.Name)
	first := x.Moment == x.Token.first
	if i := slices.IndexFunc(h.sessions, func(m mark64) bool { return m.hash == hash }); i >= 0 && first && x.Time < h.sessions[i].since {
		s.bytes -= mark64Bytes
		h.sessions = slices.Delete(h.sessions, i, i+1) // it was another use that passed for the first one
	}
	if !x.Rotated && (first || x.Started) {
		h.sessions = s.learnMark(h.sessions, mark64{hash, x.Time}, MaxLearnSessions)
	}
}

// learnHabit keeps the first moment of a name, of the earliest names.
func (s *subject) learnHabit(all []habit, name string, at Moment) []habit {
	if name == "" {
		return all
	}
	if i := slices.IndexFunc(all, func(h habit) bool { return h.name == name }); i >= 0 {
		if !at.Before(all[i].at) {
			return all
		}
		s.bytes -= habitBytes + len(all[i].name) + len(all[i].at.Event)
		all = slices.Delete(all, i, i+1)
	}
	i := len(all)
	for i > 0 && at.Before(all[i-1].at) {
		i--
	}
	if i >= maxHabits {
		return all
	}
	h := habit{strings.Clone(name), Moment{at.Time, strings.Clone(at.Event)}}
	all = slices.Insert(all, i, h)
	s.bytes += habitBytes + len(h.name) + len(h.at.Event)
	if len(all) > maxHabits {
		last := all[maxHabits]
		s.bytes -= habitBytes + len(last.name) + len(last.at.Event)
		all = all[:maxHabits]
	}
	return all
}

// learnMark keeps the first time of a hash, of the earliest ones.
func (s *subject) learnMark(all []mark64, m mark64, most int) []mark64 {
	if i := slices.IndexFunc(all, func(o mark64) bool { return o.hash == m.hash }); i >= 0 {
		if m.since >= all[i].since {
			return all
		}
		s.bytes -= mark64Bytes
		all = slices.Delete(all, i, i+1)
	}
	i := len(all)
	for i > 0 && (m.since < all[i-1].since || m.since == all[i-1].since && m.hash < all[i-1].hash) {
		i--
	}
	if i >= most {
		return all
	}
	all = slices.Insert(all, i, m)
	s.bytes += mark64Bytes
	if len(all) > most {
		s.bytes -= mark64Bytes
		all = all[:most]
	}
	return all
}

func (h *habits) learnSpot(s *subject, hash uint64, at int64) {
	for i := range h.spots {
		if p := &h.spots[i]; p.hash == hash {
			p.since, p.last = min(p.since, at), max(p.last, at)
			return
		}
	}
	if len(h.spots) >= maxSpots {
		oldest := 0
		for i := range h.spots {
			if h.spots[i].last < h.spots[oldest].last {
				oldest = i
			}
		}
		h.spots[oldest] = spot{hash, at, at}
		return
	}
	h.spots = append(h.spots, spot{hash, at, at})
	s.bytes += spotBytes
}

// spotOf is a network in coarse form: the provider and the city, or the degree of latitude and longitude; else the address.
func spotOf(v *Vantage) uint64 {
	g := &v.Geo
	if g.ASN == 0 {
		return xxhash.Sum64String(schema.Network(v.IP).String())
	}
	where := g.City
	if where == "" && g.HasPlace && !g.Network.Placeless() {
		where = strconv.Itoa(int(math.Floor(g.Lat))) + "," + strconv.Itoa(int(math.Floor(g.Lon)))
	}
	return xxhash.Sum64String(strconv.FormatUint(uint64(g.ASN), 10) + "/" + g.Country + "/" + where)
}

// Knew reports whether the user had been seen on the network of a sighting, in coarse form, before it.
func (s *Subject) Knew(x *Sight) bool {
	return slices.ContainsFunc(s.state.habits.spots, func(p spot) bool { return p.hash == x.place.spot && p.since < x.Time })
}

// KnewDevice reports whether the user was seen with the vantage's device before a moment: by its id, or where it has none by browser and
// system.
func (s *Subject) KnewDevice(v *Vantage, before Moment) bool {
	h := s.state.habits
	if v.device != 0 {
		return slices.ContainsFunc(h.ids, func(m mark64) bool { return m.hash == v.device && m.since < before.Time })
	}
	name := v.Agent.String()
	return slices.ContainsFunc(h.devices, func(d habit) bool { return d.name == name && d.at.Time < before.Time })
}

// FirstInCountry reports whether a sighting is the user's first in its country.
func (s *Subject) FirstInCountry(x *Sight) bool {
	return x.Vantage != nil && placeKnown(x.Vantage) && isFirst(s.state.habits.countries, x.Vantage.Geo.Country, x.Moment)
}

// FirstWithDevice reports whether a sighting is the user's first with its browser and system.
func (s *Subject) FirstWithDevice(x *Sight) bool {
	return x.Vantage != nil && isFirst(s.state.habits.devices, x.Vantage.Agent.String(), x.Moment)
}

func isFirst(all []habit, name string, at Moment) bool {
	return slices.Contains(all, habit{name, at})
}

// Countries and Devices are what the user was seen with before a moment, earliest first.
func (s *Subject) Countries(before Moment) []string { return names(s.state.habits.countries, before) }

// Devices are the browsers and systems that the user was seen with before a moment, earliest first.
func (s *Subject) Devices(before Moment) []string { return names(s.state.habits.devices, before) }

func names(all []habit, before Moment) []string {
	seen := []string{}
	for _, h := range all {
		if h.at.Before(before) {
			seen = append(seen, clean(h.name))
		}
	}
	return seen
}

// Known is for how long, and by how many sessions, the user had been seen before a moment; sessions are counted up to MaxLearnSessions.
func (s *Subject) Known(before Moment) (lasting time.Duration, sessions int) {
	h := s.state.habits
	for _, m := range h.sessions {
		if m.since < before.Time {
			sessions++
		}
	}
	if h.any && h.since < before.Time {
		lasting = time.Duration(max(0, before.Time-h.since)) // negative: more than a Duration holds
	}
	return lasting, sessions
}
