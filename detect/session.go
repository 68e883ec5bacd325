package detect

import (
	"net/netip"

	"github.com/hijackd/hijackd/schema"
)

// Session is what is kept of a token, as judges see it. It and everything in it is valid during one call of Judge.
type Session struct {
	Tenant string
	Token  string
	Uses   []Use // in event order
	// Uses[From:To] are what is new to the judge, or what a new mark throws another light on.
	From, To int
	// Whole is the time from which on all uses are kept; of what is older, each vantage's last one is.
	Whole int64
	// Vantages holds those of Uses and earlier ones.
	Vantages []*Vantage
	Marks    []Mark // in event order
	// Expired is the greatest expiry, Unix seconds, among uses that are not kept any more.
	Expired     uint32
	epoch       int
	ended       bool  // it has a mark that may end a life
	named       int64 // when a user was first known, Unix milliseconds rounded up
	twins       []twin
	arrived     []Arrival // from arrivedFrom on, for all judges that ask
	arrivedFrom int
	pairs       [maxVantages + 1][maxVantages + 1]uint8 // what is known of Equivalent, by numbers
}

// Equivalent is the function of that name, remembered for the session. Beyond that, two vantages are one from the time on, in Unix
// nanoseconds, at which they had been used by turns as one device does that tries both IP versions.
func (s *Session) Equivalent(a, b *Vantage, at int64) bool {
	return s.equivalent(a, b) || s.alternated(a, b, at)
}

func (s *Session) equivalent(a, b *Vantage) bool {
	known := &s.pairs[a.number][b.number]
	if *known == 0 {
		*known = 1
		if Equivalent(a, b) {
			*known = 2
		}
		s.pairs[b.number][a.number] = *known
	}
	return *known == 2
}

// Use is one use of the token.
type Use struct {
	Time     int64    // Unix nanoseconds
	Vantage  *Vantage // nil where the event had no address
	Expires  uint32   // as the event says, Unix seconds, 0 where absent
	Accepted bool
	Start    bool // session.started
	Rotation bool // session.rotated
	Elevated bool // session.elevated
	Unbound  bool // the app says that the binding failed
	// Sensitive: a request that should need recent authentication.
	Sensitive bool
	// Inherited: a use of a token that this one replaced.
	Inherited bool
	user      uint8 // number of the user among the session's, 0 for none
	app       uint32
	raw       *use
	mark      *Mark
	fold      *Tokens
}

// ID is the id of the event.
func (u *Use) ID() string {
	if u.mark != nil {
		return u.mark.ID
	}
	return u.fold.idText(eventID{u.raw.id, u.raw.kind})
}

// App is the app that reported the use.
func (u *Use) App() string {
	if a := u.fold.actorOf(u.actor()); a != nil {
		return u.fold.symbols.Text(a.app)
	}
	return ""
}

func (u *Use) actor() uint8 {
	if u.mark != nil {
		return u.mark.actor
	}
	return u.raw.actor
}

// Who is the number of the user among the session's, AppNumber that of the app among all; 0 where the event names none.
func (u *Use) Who() uint8 { return u.user }

// AppNumber is described at Who.
func (u *Use) AppNumber() uint32 { return u.app }

// Named reports whether the event says who used the token.
func (u *Use) Named() bool { return u.user != 0 }

// User is who used the token, as the event says it.
func (u *Use) User() string {
	if a := u.fold.actorOf(u.actor()); a != nil {
		return u.fold.texts.text(a.user)
	}
	return ""
}

// Plain reports whether the event is a session.used, or one that says no more.
func (u *Use) Plain() bool { return !u.Start && !u.Rotation && !u.Elevated }

// Anonymous reports whether the app let somebody use the token without saying who it is.
func (u *Use) Anonymous() bool {
	return u.user == 0 && u.Accepted && !u.Inherited && !u.Start && !u.Rotation
}

// Before reports whether u comes before o in event order: (time, id).
func (u *Use) Before(o *Use) bool {
	return u.Time < o.Time || u.Time == o.Time && u.ID() < o.ID()
}

// Vantage is where and how a token is used.
type Vantage struct {
	IP     netip.Addr
	Geo    schema.Geo
	Agent  schema.Agent
	Device string
	// First is the time of its first use, Unix nanoseconds.
	First  int64
	number uint8
	ja4    string // what of it is stable from one connection to the next
	device uint64
	cnf    uint64
}

// MarkKind says what turn a mark stands for.
type MarkKind uint8

// Turns in the life of a token.
const (
	Started MarkKind = iota
	Ended
	Revoked
	RotatedOut
	Sentence
	Authenticated // the user proved who they are, at Auth; Time is when that was said
	Family        // the first token of the family and the first use of it
)

// Mark is a turn in the life of a token.
type Mark struct {
	Kind MarkKind
	Time int64 // Unix nanoseconds
	ID   string
	// Text is the successor of a RotatedOut, the payload of a Sentence, the first token of a Family.
	Text string
	// Vantage is where a Started or an Authenticated happened, or the family began; nil where that is not known.
	Vantage *Vantage
	// Auth is when the user authenticated, Unix seconds; of a Family its earliest session.started. 0 where unknown.
	Auth  uint32
	actor uint8
	fold  *Tokens
}

// Ends are the turns that ended the life that a use belongs to: ends, revocations and rotations after the last start at or before
// the use, up to it.
func (s *Session) Ends(u *Use) []*Mark {
	var ends []*Mark
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Time > u.Time || m.Time == u.Time && m.ID > u.ID() {
			break
		}
		switch m.Kind {
		case Started:
			ends = nil
		case Ended, Revoked, RotatedOut:
			ends = append(ends, m)
		}
	}
	return ends
}

// At is the moment of the mark as if it were a use, to stand in a Verdict's Pattern. Of a sentence it is the replay.
func (m *Mark) At() *Use {
	if p, ok := m.Sentencing(); ok {
		replay := *m
		replay.ID = p.Event
		m = &replay
	}
	return &Use{Time: m.Time, mark: m, fold: m.fold}
}

// Epoch is the life that an event at the time, with the id, belongs to: one more for each start that follows an end.
func (s *Session) Epoch(time int64, id string) int {
	n, ended := s.epoch, false
	for i := range s.Marks {
		m := &s.Marks[i]
		if m.Time > time || m.Time == time && m.ID > id {
			break
		}
		switch m.Kind {
		case Started:
			if ended {
				n++
			}
			ended = false
		case Ended, Revoked:
			ended = true
		}
	}
	return n
}

// End describes the vantage as one side of a finding.
func (v *Vantage) End() *schema.End {
	e := &schema.End{
		IP: v.IP, Network: v.Geo.Network.String(), ASN: v.Geo.ASN, ASOrg: clean(v.Geo.ASOrg), Country: clean(v.Geo.Country),
		City: clean(v.Geo.City), AccuracyKM: v.Geo.AccuracyKM, UA: clean(v.Agent.String()), Device: clean(v.Device),
	}
	if v.Geo.HasPlace {
		lat, lon := v.Geo.Lat, v.Geo.Lon
		e.Lat, e.Lon = &lat, &lon
	}
	return e
}

const shownBytes = 256

func clean(s string) string { return string(schema.CleanText(s, shownBytes)) }

// Bound reports whether the event names a key that the token is bound to.
func (v *Vantage) Bound() bool { return v.cnf != 0 }

// Bit is the vantage as an element of a set of the session's vantages.
func (v *Vantage) Bit() uint64 { return 1 << v.number }

// First reports whether the use is the first one of its vantage that is asked about with this set, and enters it.
func (u *Use) First(seen *uint64) bool {
	if u.Vantage == nil {
		return false
	}
	bit := uint64(1) << u.Vantage.number
	was := *seen & bit
	*seen |= bit
	return was == 0
}
