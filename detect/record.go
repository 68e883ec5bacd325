package detect

import "github.com/hijackd/hijackd/schema"

// What is kept of a session: records without pointers, linked by number. An ordinary session has one vantage, one actor and a few
// uses. Sizes are asserted by a test, because a million sessions pay for each byte.

// session is the head of it.
type session struct {
	key      schema.Key
	last     int64     // offset of the last event folded
	newest   int64     // time of the newest use, Unix nanoseconds
	oldest   int64     // time of the oldest use that may be compacted
	moved    int64     // time of the newest use at a vantage other than the newest use's
	ids      [2]uint64 // Bloom filter over the ids kept, so that a new id costs no search
	look     uint64    // signature of the vantage of the newest use
	actors   ref
	vantages ref
	uses     ref
	marks    ref
	found    ref
	breaches ref
	twins    ref
	born     uint32 // time of the first own accepted use, Unix seconds
	active   uint32 // Unix hour of the latest own accepted use, times 256, and in which of the seven hours before and whether on the day before there was one
	expires  uint32 // the greatest expiry among compacted uses, Unix seconds
	latest   uint32 // the greatest expiry among all uses, Unix seconds
	nuses    uint16
	nmarks   uint8
	nvantage uint8
	vantage  uint8 // number of the vantage of the newest use
	epoch    uint8 // lives that ended before the first event known here, handed down by a rotated-out token
	issued   uint8 // seconds from born to the first event that says that the token was issued
	actor    uint8 // who used the token last, if that was an accepted session.used, or unknownActor
	main     uint8 // number of the main vantage
	flags    uint16
	fresh    uint32 // the latest authentication known, Unix seconds
	turn     uint32 // a login or elevation that kept the token and is not judged yet, Unix seconds
}

const (
	sessionUsed      = 1 << iota // the record is in the table
	sessionRecent                // touched since the clock hand passed
	sessionPartial               // its history could not be read
	sessionHasUse                // newest is valid
	sessionEnded                 // it has a mark other than a start
	sessionThinned               // uses were dropped that might matter
	sessionAccepted              // it has an accepted use
	sessionTold                  // the newest use was accepted, and whoever it concerns was told of its vantage in its cell
	sessionAnonymous             // it has an accepted use of its own without a user
	sessionNamed                 // it has a use of its own by a user
	sessionUsers                 // it is known under several users
	sessionBound                 // it was used with a key
	sessionSensitive             // it has a sensitive use
	sessionTurned                // it was elevated, or its user logged in on it
)

// vantage is where and how a token is used. Each address is one of its own; rules decide which are equivalent.
type vantage struct {
	look     uint64 // signature over all that follows
	first    int64  // time of the first use
	ip       [16]byte
	device   uint64 // hash
	cnf      uint64 // hash
	lat, lon int32  // 1e-7 degrees
	asn      uint32
	org      uint32 // symbols
	country  uint32
	city     uint32
	family   uint32
	os       uint32
	ja4      uint32
	name     ref // text of device
	next     ref
	accuracy uint16 // km
	major    uint16
	network  uint8
	class    uint8
	number   uint8
	flags    uint8
}

const (
	vantagePlace = 1 << iota
	vantageIPv4
	vantageLeft // its network was told that the token is used elsewhere again
)

// actor is who used the token, as one event says it.
type actor struct {
	look    uint64
	app     uint32 // symbol
	user    ref    // texts
	session ref
	next    ref
	// time of the first event that says it, Unix milliseconds rounded up, in parts for the sake of 32 bytes
	sinceHigh uint32
	sinceLow  uint16
	number    uint8
}

// eventID is an id packed into 16 bytes, or the number of its text.
type eventID struct {
	b    [16]byte
	kind uint8
}

// use is one use of the token.
type use struct {
	id      [16]byte
	time    [2]uint32 // Unix nanoseconds, in halves for the sake of four-byte alignment
	expires uint32    // Unix seconds, 0 where absent
	vantage uint8     // number, or noVantage
	actor   uint8
	kind    uint8 // of the id
	flags   uint8
}

const noVantage = 0xFF

const (
	useRejected  = 1 << iota
	useInherited // of a token that this one replaced
	useStart     // session.started
	useRotation  // session.rotated: the token goes on for another one
	useElevation // session.elevated
	useUnbound   // the app says that the binding failed
	useSensitive
	useReturned // a network that the token had moved onto was told that it is used elsewhere again
)

const usesPerChunk = 4

type useChunk struct {
	uses [usesPerChunk]use
	next ref
	n    uint32
}

// mark is a turn in the life of a token.
type mark struct {
	id      [16]byte
	time    int64
	text    ref // of the successor, of a sentence, of the family's first token
	next    ref
	auth    uint32 // when the user authenticated, Unix seconds
	idk     uint8
	kind    uint8
	actor   uint8
	vantage uint8 // number of where it happened, or noVantage
}

// found remembers the version of a finding that went out, so that only a stronger one goes out after it.
type found struct {
	id         [findingDigest]byte
	revision   uint8
	time       int64
	first      int64
	event      uint64
	events     uint64
	confidence float32
	next       ref
	epoch      uint16
	names      uint16 // digest of user and session
	rule       uint8
	informed   uint8
	flags      uint8
}

const (
	foundConclusive = 1 << iota
	foundPartial
	foundBeyond // counted in the last one
	foundWithdrawn
	foundByMark   // it rests on marks alone, which are all kept
	foundSentence // a version of it sentenced the token's successors
)

const textSize = 27

// textChunk is a piece of a string that belongs to one session.
type textChunk struct {
	next ref
	n    uint8
	b    [textSize]byte
}

func (u *use) at() int64 { return int64(uint64(u.time[0])<<32 | uint64(u.time[1])) } // #nosec G115 -- bits

func (u *use) setTime(t int64) { u.time = [2]uint32{uint32(uint64(t) >> 32), uint32(t)} } // #nosec G115 -- bits
