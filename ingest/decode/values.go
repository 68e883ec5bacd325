package decode

import (
	"math"
	"net/netip"

	"github.com/hijackd/hijackd/schema"
)

// text is the text of a string that was found, its escapes undone; ok is false if the value is no string.
func (d *Decoder) text(f field) (text []byte, ok bool) {
	v := &d.at[f]
	if v.kind == kEscaped {
		v.end, v.kind = v.start+uint32(len(unescape(d.b[v.start:v.end]))), kString // #nosec G115 -- records are at most 64 KiB
	}
	return d.b[v.start:v.end:v.end], v.kind == kString
}

func (d *Decoder) setText(to *string, f field) Reason {
	v, ok := d.text(f)
	if !ok {
		return WrongType
	}
	if limit := specs[f].max; len(v) > limit {
		if specs[f].form != cutText {
			return OverLimit
		}
		v = cut(v, limit)
	}
	*to = alias(v)
	return 0
}

func (d *Decoder) setTime(to *int64, f field) Reason {
	v, ok := d.text(f)
	if !ok {
		return WrongType
	}
	if *to, ok = parseTime(v); !ok {
		return BadValue
	}
	return 0
}

func (d *Decoder) setType(e *schema.Event) Reason {
	v, ok := d.text(fType)
	if !ok {
		return WrongType
	}
	if e.Type, ok = schema.ParseEventType(alias(v)); !ok {
		return UnknownType
	}
	return 0
}

// setEnum gives an enumeration the number of a value's place in its list, which the tests hold against the names in schema.
func setEnum[E ~uint8](d *Decoder, to *E, f field) Reason {
	v, ok := d.text(f)
	if !ok {
		return WrongType
	}
	for i, name := range specs[f].enum {
		if string(v) == name {
			*to = E(i + 1) // #nosec G115 -- a short list
			return 0
		}
	}
	d.strange++
	return 0
}

func (d *Decoder) setBool(to *bool, f field) Reason {
	k := d.at[f].kind
	if k != kTrue && k != kFalse {
		return WrongType
	}
	*to = k == kTrue
	return 0
}

func (d *Decoder) setAddress(to *netip.Addr, f field) Reason {
	v, ok := d.text(f)
	if !ok {
		return WrongType
	}
	if *to, ok = parseAddress(v); !ok {
		return BadValue
	}
	return 0
}

func (d *Decoder) setInteger(to *int64, f field, least, most int64) Reason {
	v := d.at[f]
	if v.kind != kNumber {
		return WrongType
	}
	n, ok := parseInteger(d.b[v.start:v.end])
	if !ok || n < least || n > most {
		return BadValue
	}
	*to = n
	return 0
}

func (d *Decoder) setInt32(to *int32, f field, least int64) Reason {
	var n int64
	if r := d.setInteger(&n, f, least, math.MaxInt32); r != 0 {
		return r
	}
	*to = int32(n) // #nosec G115 -- in range
	return 0
}

func (d *Decoder) setNumber(to *float64, f field, least, most float64) Reason {
	v := d.at[f]
	if v.kind != kNumber {
		return WrongType
	}
	n, ok := parseNumber(d.b[v.start:v.end])
	if !ok || n < least || n > most {
		return BadValue
	}
	*to = n
	return 0
}

// setNote keeps a note's object as it is written. The type comes before it in the order of fields; to other types it is an unknown field.
func (d *Decoder) setNote(e *schema.Event) Reason {
	if e.Type != schema.Inherited && e.Type != schema.Sentenced {
		d.unknown++
		return 0
	}
	v := d.at[fNote]
	if v.kind != kObject {
		return WrongType
	}
	e.Note = alias(d.b[v.start:v.end])
	return 0
}

// attributes gives the event what its CloudEvents envelope says, which goes before the event's own fields.
func (d *Decoder) attributes(e *schema.Event) bool {
	var ok bool
	if len(d.cloud.id) > 0 {
		if len(d.cloud.id) > specs[fID].max {
			return d.refuse(OverLimit, fID)
		}
		e.ID = alias(d.cloud.id)
		d.seen &^= 1 << fID
	}
	if len(d.cloud.time) > 0 {
		if e.Time, ok = parseTime(d.cloud.time); !ok {
			return d.refuse(BadValue, fTime)
		}
		d.seen &^= 1 << fTime
	}
	if len(d.cloud.kind) > 0 {
		if e.Type, ok = parseCloudType(alias(d.cloud.kind)); !ok {
			return d.refuse(UnknownType, fType)
		}
		d.seen &^= 1 << fType
	}
	return true
}

// missing names the first required field that the event lacks (contract sections 1 and 1.1), or fUnknown.
func (d *Decoder) missing(e *schema.Event) field {
	switch {
	case e.ID == "":
		return fID
	case !d.has(fTime) && len(d.cloud.time) == 0:
		return fTime
	case !d.has(fToken) && !tokenless(e):
		return fToken
	case !e.IP.IsValid() && (e.Type == schema.SessionUsed || e.Type == schema.SessionStarted || e.Type == schema.LoginFailed):
		return fIP
	case !d.has(fPreviousToken) && (e.Type == schema.SessionRotated || e.Type == schema.Superseded):
		return fPreviousToken
	case e.Note == "" && (e.Type == schema.Inherited || e.Type == schema.Sentenced):
		return fNote
	}
	return fUnknown
}

// tokenless reports whether the event needs no token: a failed login has none yet, and a revocation may name a session or a user.
func tokenless(e *schema.Event) bool {
	return e.Type == schema.LoginFailed || e.Type == schema.SessionRevoked && (e.Session != "" || e.User != "")
}
