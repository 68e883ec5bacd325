package decode

// Reason is why a record is not an event. There is a fixed set of them.
type Reason uint8

// Reasons.
const (
	Unreadable   Reason = iota + 1 // Kafka's batch is broken: bad CRC, unknown codec, decompression bomb
	NullValue                      // a tombstone, or a binary CloudEvent without data
	TooLarge                       // a value over 64 KiB
	BadUTF8                        // invalid UTF-8, or an escape that no UTF-8 text can hold
	BadJSON                        // not JSON, something after it, or nested too deep
	NotObject                      // JSON, but not an object
	DuplicateKey                   // a name twice in one object, or a CloudEvents header twice
	WrongType                      // a value of another JSON type than the field's
	BadValue                       // a value of the right type that the field can't have: no time, no address, out of range
	OverLimit                      // a text longer than the field may be
	UnknownType                    // an event type that section 1.1 doesn't have
	MissingField                   // a field that the event's type requires
	numReasons
)

var reasons = [numReasons]string{"", "unreadable", "null-value", "too-large", "bad-utf8", "bad-json", "not-an-object", "duplicate-key",
	"wrong-type", "bad-value", "over-limit", "unknown-type", "missing-field"}

// String is the reason in a dead letter.
func (r Reason) String() string { return reasons[r] }

// Reasons lists all reasons, for those who make a metric of each.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := Unreadable; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}

// Reject says why a record is not an event. It never holds a byte of the record.
type Reject struct {
	Reason Reason
	// Field is the contract's name of the field at fault ("user", "geo.lat", for an envelope "data", "specversion"); empty where
	// no field of the contract is.
	Field string
}

// String is for people: "over-limit: user".
func (r *Reject) String() string {
	if r.Field == "" {
		return r.Reason.String()
	}
	return r.Reason.String() + ": " + r.Field
}

// Counts is what a Decoder has met since it was made.
type Counts struct {
	Accepted      int64
	UnknownFields int64 // ignored, in accepted events
	UnknownEnums  int64 // values of enumerations that were ignored, in accepted events
	RawTokens     int64 // raw tokens replaced by their fingerprints, in accepted events
	Ahead         int64 // accepted events more than 5 min ahead of their record
	Rejected      [numReasons]int64
}
