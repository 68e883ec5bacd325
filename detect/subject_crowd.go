package detect

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

// crowd is what is known of the people behind a network: those whose sessions began there, and the days on which many came.
type crowd struct {
	served []mark64 // users with a session that began there, the earliest
	days   []day    // the latest
	pooled bool
}

// day is one UTC day of a network.
type day struct {
	number int64    // days since 1970
	users  []uint64 // hashes, until they are PoolUsers
	full   bool
}

// An egress pool is an address that many people share: an office, a gateway, a carrier's translation. It is learned once on each of
// PoolDays UTC days PoolUsers users were seen to arrive there, or to log in there.
//
// What is learned suppresses responses, so it must not be taught by those it protects from. Somebody who arrives counts if the token
// comes from elsewhere with the device that it had there; somebody who logs in, on networks of people only, for accounts are cheap on a
// rented machine. So poisoning takes as many live tokens or residential accounts on three days, without a finding about the network
// meanwhile: one that has any of confidence poolDoubt is not learned.
const (
	PoolUsers = 20
	PoolDays  = 3
	poolDoubt = 0.6

	maxDays    = 8
	crowdBytes = int(unsafe.Sizeof(crowd{}))
	dayBytes   = int(unsafe.Sizeof(day{}))
)

const dayLength = int64(24 * time.Hour)

// serve notes that a user's session began on the network.
func (s *subject) serve(x *Sight) {
	if user := x.User(); user != "" && (x.Kind == schema.SightingBorn || x.Login()) {
		s.crowd.served = s.learnMark(s.crowd.served, mark64{xxhash.Sum64String(user), x.Time}, maxServed)
	}
}

// unserve takes back what turned out to have been an arrival.
func (s *subject) unserve(x *Sight) {
	m := mark64{xxhash.Sum64String(x.User()), x.Time}
	if i := slices.Index(s.crowd.served, m); i >= 0 && !x.Started {
		s.crowd.served = slices.Delete(s.crowd.served, i, i+1)
		s.bytes -= mark64Bytes
	}
}

// Served reports whether a session of the user began on the network before a moment.
func (s *Subject) Served(user string, before Moment) bool {
	hash := xxhash.Sum64String(user)
	return slices.ContainsFunc(s.state.crowd.served, func(m mark64) bool { return m.hash == hash && m.since < before.Time })
}

// Regulars is how many users' sessions began on the network before a moment, up to 64.
func (s *Subject) Regulars(before Moment) (n int) {
	for _, m := range s.state.crowd.served {
		if m.since < before.Time {
			n++
		}
	}
	return n
}

// learnPool counts somebody who came, and says so once it is known that many share the network.
func (t *Subjects) learnPool(s *subject, e *schema.Sighting, x *Sight, out *Output) {
	user := x.User()
	if s.crowd.pooled || user == "" || !comes(x) {
		return
	}
	d := s.day(floorDiv(x.Time, dayLength))
	hash := xxhash.Sum64String(user)
	if d == nil || d.full || slices.Contains(d.users, hash) {
		return
	}
	d.users = append(d.users, hash)
	s.bytes += 8
	if len(d.users) < PoolUsers {
		return
	}
	s.bytes -= 8 * len(d.users)
	d.users, d.full = nil, true
	var full []string
	var last int64
	for _, o := range s.crowd.days {
		if o.full && len(full) < PoolDays {
			last = o.number
			full = append(full, time.Unix(0, o.number*dayLength).UTC().Format(time.DateOnly))
		}
	}
	if len(full) < PoolDays || slices.ContainsFunc(s.said, func(p saying) bool { return p.version.Confidence >= poolDoubt }) {
		return
	}
	s.crowd.pooled = true
	out.Commands = append(out.Commands, schema.Command{
		ID: schema.CommandID(schema.Pool, e.Tenant, e.Subject), Verb: schema.Pool, Tenant: strings.Clone(e.Tenant), Network: strings.Clone(e.Subject), By: "hijackd",
		Why: fmt.Sprintf("at least %d users came to it on each of %v", PoolUsers, full), At: time.Unix(0, (last+1)*dayLength).UTC(),
	})
}

// comes reports whether a sighting shows somebody who belongs to the network's people.
func comes(x *Sight) bool {
	if x.Kind == schema.SightingMoved && !x.Login() {
		return x.Apart && !x.NewDevice
	}
	if !x.Login() || x.Vantage == nil {
		return false
	}
	switch x.Vantage.Geo.Network {
	case schema.NetworkResidential, schema.NetworkMobile, schema.NetworkCorporate, schema.NetworkSatellite:
		return true
	}
	return false
}

// day returns the record of a day, entering it where it is new; nil for one older than those that are kept.
func (s *subject) day(number int64) *day {
	days := s.crowd.days
	i, known := slices.BinarySearchFunc(days, number, func(d day, n int64) int { return int(max(-1, min(1, d.number-n))) })
	if known {
		return &days[i]
	}
	if len(days) >= maxDays {
		if i == 0 {
			return nil
		}
		s.bytes -= dayBytes + 8*len(days[0].users)
		days = slices.Delete(days, 0, 1)
		i--
	}
	s.crowd.days = slices.Insert(days, i, day{number: number})
	s.bytes += dayBytes
	return &s.crowd.days[i]
}
