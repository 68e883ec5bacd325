package decode

import (
	"math"
	"math/bits"

	"github.com/hijackd/hijackd/schema"
)

// maxAhead is by how much an event may be ahead of its record, in nanoseconds, before it is not judged (contract section 1).
const maxAhead = 5 * 60 * 1e9

// fill makes the event of the members that were found.
func (d *Decoder) fill(rec *schema.Record, e *schema.Event) bool {
	*e = schema.Event{Partition: d.partition, Offset: rec.Offset, RecordTime: rec.Time, Repeat: 1}
	if !d.attributes(e) {
		return false
	}
	for rest := d.seen; rest != 0; rest &= rest - 1 {
		f := field(bits.TrailingZeros64(rest)) // #nosec G115 -- below 64
		v := &d.at[f]
		if v.kind == kNull || v.kind == kString && v.start == v.end {
			d.seen &^= 1 << f
			continue
		}
		if r := d.set(e, f); r != 0 {
			return d.refuse(r, f)
		}
	}
	d.settlePlace(&e.Geo)
	if e.Outcome == schema.OutcomeUnknown {
		e.Outcome = schema.OutcomeAccepted
		if e.Status == 401 || e.Status == 403 {
			e.Outcome = schema.OutcomeRejected
		}
	}
	// A record without a timestamp has nothing to be ahead of.
	e.Ahead = rec.Time > 0 && e.Time-rec.Time > maxAhead
	if missing := d.missing(e); missing != fUnknown {
		return d.refuse(MissingField, missing)
	}
	return d.settleTokens(e)
}

// set gives the event's field the value that was found, which is neither null nor empty.
func (d *Decoder) set(e *schema.Event, f field) Reason {
	switch f {
	case fID:
		return d.setText(&e.ID, f)
	case fTime:
		return d.setTime(&e.Time, f)
	case fToken:
		return d.setToken(&d.tokens.token, f)
	case fType:
		return d.setType(e)
	case fIP:
		return d.setAddress(&e.IP, f)
	case fUserAgent:
		return d.setText(&e.UserAgent, f)
	case fUser:
		return d.setText(&e.User, f)
	case fTenant:
		return d.setText(&e.Tenant, f)
	case fApp:
		return d.setText(&e.App, f)
	case fHost:
		return d.setText(&e.Host, f)
	case fSession:
		return d.setText(&e.Session, f)
	case fPreviousToken:
		return d.setToken(&d.tokens.previous, f)
	case fDevice:
		return d.setText(&e.Device, f)
	case fJA4:
		return d.setText(&e.JA4, f)
	case fBinding:
		return setEnum(d, &e.Binding, f)
	case fCNF:
		return d.setText(&e.CNF, f)
	case fScheme:
		return setEnum(d, &e.Scheme, f)
	case fTokenIn:
		return setEnum(d, &e.TokenIn, f)
	case fTokenBits:
		return d.setInt32(&e.TokenBits, f, 0)
	case fMethod:
		return d.setText(&e.Method, f)
	case fPath:
		return d.setText(&e.Path, f)
	case fStatus:
		return d.setInt32(&e.Status, f, 0)
	case fOutcome:
		return setEnum(d, &e.Outcome, f)
	case fSensitive:
		return d.setBool(&e.Sensitive, f)
	case fAuthTime:
		return d.setTime(&e.AuthTime, f)
	case fExpiresAt:
		return d.setTime(&e.ExpiresAt, f)
	case fRepeat:
		return d.setInt32(&e.Repeat, f, 1)
	case fGeo:
		if d.at[f].kind != kObject {
			return WrongType
		}
	case fNote:
		return d.setNote(e)
	default:
		return d.setGeo(&e.Geo, f)
	}
	return 0
}

// settlePlace drops what is only half a place.
func (d *Decoder) settlePlace(g *schema.Geo) {
	if g.HasPlace = d.has(gLat) && d.has(gLon); !g.HasPlace {
		g.Lat, g.Lon, g.AccuracyKM = 0, 0, 0
	}
}

func (d *Decoder) setGeo(g *schema.Geo, f field) Reason {
	switch f {
	case gCountry:
		return d.setText(&g.Country, f)
	case gCity:
		return d.setText(&g.City, f)
	case gLat:
		return d.setNumber(&g.Lat, f, -90, 90)
	case gLon:
		return d.setNumber(&g.Lon, f, -180, 180)
	case gAccuracy:
		var km float64
		r := d.setNumber(&km, f, 0, math.MaxFloat64)
		g.AccuracyKM = uint16(min(math.Ceil(km), math.MaxUint16))
		return r
	case gASN:
		var asn int64
		r := d.setInteger(&asn, f, 0, math.MaxUint32)
		g.ASN = uint32(asn) // #nosec G115 -- in range, or refused
		return r
	case gASOrg:
		return d.setText(&g.ASOrg, f)
	case gNetwork:
		return setEnum(d, &g.Network, f)
	}
	return 0
}
