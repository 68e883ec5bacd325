package decode

import (
	"math"
	"math/bits"
	"slices"

	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

// Sightings decodes the records of one partition of the sightings topic, as a Decoder does those of the event topic: in place, the
// sighting's strings aliasing the record's value. hijackd alone writes them, so there is no envelope and no raw token. An unknown field,
// kind or scope is one that a newer hijackd has written: folds ignore what they don't know.
type Sightings struct{ d Decoder }

// NewSightings returns a decoder of a partition's sightings.
func NewSightings(partition int32) *Sightings {
	s := &Sightings{d: Decoder{partition: partition}}
	s.d.expectNothing()
	return s
}

// Decode reads a record into g, which it overwrites, and returns nil; or it returns why the record is no sighting, and g is undefined.
// The Reject is valid until the next call.
func (s *Sightings) Decode(rec *schema.Record, g *schema.Sighting) *Reject {
	d := &s.d
	d.field = fUnknown
	if !d.begin(rec) || !d.document(sightingNames) || !d.fillSighting(rec, g) {
		return d.rejected()
	}
	return nil
}

func (d *Decoder) fillSighting(rec *schema.Record, g *schema.Sighting) bool {
	*g = schema.Sighting{Partition: d.partition, Offset: rec.Offset, RecordTime: rec.Time}
	for rest := d.seen; rest != 0; rest &= rest - 1 {
		f := field(bits.TrailingZeros64(rest)) // #nosec G115 -- below 64
		v := &d.at[f]
		if v.kind == kNull || v.kind == kString && v.start == v.end {
			d.seen &^= 1 << f
			continue
		}
		if r := d.setSighting(g, f); r != 0 {
			return d.refuse(r, f)
		}
	}
	d.settlePlace(&g.Geo)
	for _, f := range [...]field{fID, sKind, sScope, sSubject, fTime} {
		if !d.has(f) {
			return d.refuse(MissingField, f)
		}
	}
	return true
}

func (d *Decoder) setSighting(g *schema.Sighting, f field) Reason {
	switch f {
	case fID:
		return d.setText(&g.ID, f)
	case sKind:
		return setName(d, &g.Kind, f, kinds)
	case fTenant:
		return d.setText(&g.Tenant, f)
	case sScope:
		return setName(d, &g.Scope, f, scopes)
	case sSubject:
		return d.setText(&g.Subject, f)
	case fTime:
		return d.setTime(&g.Time, f)
	case sEventID:
		return d.setText(&g.EventID, f)
	case fToken:
		return d.setFingerprint(&g.Token, f)
	case fUser:
		return d.setText(&g.User, f)
	case fSession:
		return d.setText(&g.Session, f)
	case fApp:
		return d.setText(&g.App, f)
	case sLane:
		return d.setInt32(&g.Lane, f, 0)
	case sEpoch:
		var n int32
		r := d.setInt32(&n, f, 0)
		g.Epoch = int(n)
		return r
	case sStarted:
		return d.setBool(&g.Started, f)
	case sRotated:
		return d.setBool(&g.Rotated, f)
	case sRejected:
		return d.setBool(&g.Rejected, f)
	case sApart:
		return d.setBool(&g.Apart, f)
	case sNewDevice:
		return d.setBool(&g.NewDevice, f)
	case fIP:
		return d.setAddress(&g.IP, f)
	case fGeo, sAgent:
		if d.at[f].kind != kObject {
			return WrongType
		}
		return 0
	case fDevice:
		return d.setText(&g.Device, f)
	case fJA4:
		return d.setText(&g.JA4, f)
	case sCounts:
		return d.setText(&g.Counts, f)
	case aFamily, aOS, aMajor, aClass:
		return d.setAgent(&g.Agent, f)
	default:
		return d.setGeo(&g.Geo, f)
	}
}

func (d *Decoder) setAgent(a *schema.Agent, f field) Reason {
	switch f {
	case aFamily:
		return d.setText(&a.Family, f)
	case aOS:
		return d.setText(&a.OS, f)
	case aMajor:
		var n int64
		r := d.setInteger(&n, f, 0, math.MaxUint16)
		a.Major = uint16(n) // #nosec G115 -- in range, or refused
		return r
	default:
		return setEnum(d, &a.Class, f)
	}
}

var (
	kinds = []schema.SightingKind{schema.SightingUsed, schema.SightingBorn, schema.SightingMoved, schema.SightingCounts, schema.SightingEnded,
		schema.SightingRevoked, schema.SightingRejected, schema.SightingKnown, schema.SightingBack, schema.SightingDismiss}
	scopes = []schema.Scope{schema.ScopeUser, schema.ScopeNetwork, schema.ScopeSession, schema.ScopeApp}
)

// setName gives a field one of the names. It doesn't alias the record, since nobody expects that of a name.
func setName[N ~string](d *Decoder, to *N, f field, names []N) Reason {
	v, ok := d.text(f)
	switch i := slices.IndexFunc(names, func(n N) bool { return string(n) == string(v) }); {
	case !ok:
		return WrongType
	case i >= 0:
		*to = names[i]
	case len(v) > specs[f].max:
		return OverLimit
	default:
		*to = N(v)
	}
	return 0
}

func (d *Decoder) setFingerprint(to *string, f field) Reason {
	v, ok := d.text(f)
	switch {
	case !ok:
		return WrongType
	case !fingerprint.Valid(alias(v)):
		return BadValue
	}
	*to = alias(v)
	return 0
}
