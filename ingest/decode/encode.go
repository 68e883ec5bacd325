package decode

import (
	"math"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hijackd/hijackd/schema"
)

// AppendEvent appends the event's JSON form to dst: the fields of contract section 1 and note, absent ones left out. Decoding it gives
// the event again, save what is not the producer's to say: position, record time, parsed user agent. Geo is written as it stands.
func AppendEvent(dst []byte, e *schema.Event) []byte {
	w := writer{dst: append(dst, '{'), empty: true}
	w.text(fID, e.ID)
	w.name(fTime)
	w.dst = appendTime(w.dst, e.Time)
	w.text(fToken, e.Token)
	w.text(fType, e.Type.String())
	w.address(fIP, e.IP)
	w.text(fUserAgent, e.UserAgent)
	w.text(fUser, e.User)
	w.text(fTenant, e.Tenant)
	w.text(fApp, e.App)
	w.text(fHost, e.Host)
	w.text(fSession, e.Session)
	w.text(fPreviousToken, e.PreviousToken)
	w.text(fDevice, e.Device)
	w.text(fJA4, e.JA4)
	w.enum(fBinding, uint8(e.Binding))
	w.text(fCNF, e.CNF)
	w.enum(fScheme, uint8(e.Scheme))
	w.enum(fTokenIn, uint8(e.TokenIn))
	w.integer(fTokenBits, int64(e.TokenBits), 0)
	w.text(fMethod, e.Method)
	w.text(fPath, e.Path)
	w.integer(fStatus, int64(e.Status), 0)
	w.enum(fOutcome, uint8(e.Outcome))
	w.flag(fSensitive, e.Sensitive)
	w.time(fAuthTime, e.AuthTime)
	w.time(fExpiresAt, e.ExpiresAt)
	w.integer(fRepeat, int64(max(e.Repeat, 1)), 1)
	if g := e.Geo; g != (schema.Geo{}) {
		w.name(fGeo)
		w.geo(&g)
	}
	if e.Note != "" {
		w.name(fNote)
		w.dst = append(w.dst, e.Note...)
	}
	return append(w.dst, '}')
}

// writer appends members to an object that is open.
type writer struct {
	dst   []byte
	empty bool
}

func (w *writer) geo(g *schema.Geo) {
	w.dst, w.empty = append(w.dst, '{'), true
	w.text(gCountry, g.Country)
	w.text(gCity, g.City)
	if g.HasPlace {
		w.number(gLat, g.Lat)
		w.number(gLon, g.Lon)
		w.integer(gAccuracy, int64(g.AccuracyKM), 0)
	}
	w.integer(gASN, int64(g.ASN), 0)
	w.text(gASOrg, g.ASOrg)
	w.enum(gNetwork, uint8(g.Network))
	w.dst, w.empty = append(w.dst, '}'), false
}

func (w *writer) name(f field) {
	if !w.empty {
		w.dst = append(w.dst, ',')
	}
	w.empty = false
	w.dst = append(w.dst, quoted[f]...)
}

func (w *writer) text(f field, s string) {
	if s != "" {
		w.name(f)
		w.dst = appendText(w.dst, s)
	}
}

func (w *writer) enum(f field, v uint8) {
	if v > 0 {
		w.text(f, specs[f].enum[v-1])
	}
}

func (w *writer) flag(f field, v bool) {
	if v {
		w.name(f)
		w.dst = append(w.dst, "true"...)
	}
}

func (w *writer) address(f field, ip netip.Addr) {
	if ip.IsValid() {
		w.name(f)
		w.dst = append(w.dst, '"')
		w.dst = append(ip.Unmap().WithZone("").AppendTo(w.dst), '"')
	}
}

func (w *writer) integer(f field, v, absent int64) {
	if v != absent {
		w.name(f)
		w.dst = strconv.AppendInt(w.dst, v, 10)
	}
}

func (w *writer) number(f field, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	w.name(f)
	w.dst = strconv.AppendFloat(w.dst, v, 'f', -1, 64)
}

func (w *writer) time(f field, ns int64) {
	if ns != 0 {
		w.name(f)
		w.dst = appendTime(w.dst, ns)
	}
}

func appendTime(dst []byte, ns int64) []byte {
	dst = append(dst, '"')
	return append(time.Unix(0, ns).UTC().AppendFormat(dst, time.RFC3339Nano), '"')
}

// appendText appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	if plain(s) {
		return append(append(dst, s...), '"')
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r)) // #nosec G115 -- ASCII
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// plain reports whether a text stands for itself in JSON, as nearly all do.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
