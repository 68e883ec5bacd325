package simulate

import (
	"strconv"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Label says what an event really is.
type Label string

// Labels of honest events. An event of a thief is labelled with its Attack.
const (
	Ordinary      Label = "ordinary"
	Commute       Label = "commute"        // Wi-Fi to LTE or back
	CarrierNAT    Label = "carrier-nat"    // another address of the carrier's pool
	Privacy       Label = "privacy-v6"     // another IPv6 address of the household's /64
	HappyEyeballs Label = "happy-eyeballs" // IPv4 and IPv6 in turn
	Update        Label = "browser-update"
	RefreshRace   Label = "refresh-race" // the old token once more, just after its rotation
	InFlight      Label = "in-flight"    // a request that was under way at the logout
)

// Event is a session event and the truth about it.
type Event struct {
	schema.Event
	Label Label
	// Attack is set on every event that belongs to an attack, the victim's own included.
	Attack Attack
}

// AppendJSON appends the event as one line of JSON without a line break: the fields of contract section 1 and label. Its geo object
// is written where withGeo is set, as an edge would that knows it.
func (e *Event) AppendJSON(dst []byte, withGeo bool) []byte {
	text := func(name, value string) {
		if value != "" {
			dst = append(append(append(dst, `,"`...), name...), `":"`...)
			dst = append(append(dst, value...), '"')
		}
	}
	dst = append(append(append(dst, `{"id":"`...), e.ID...), `","time":"`...)
	dst = time.Unix(0, e.Time).UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	text("type", e.Type.String())
	text("token", e.Token)
	text("previous_token", e.PreviousToken)
	dst = e.IP.AppendTo(append(dst, `,"ip":"`...))
	dst = append(dst, '"')
	text("user_agent", e.UserAgent)
	text("user", e.User)
	text("app", e.App)
	text("session", e.Session)
	text("method", e.Method)
	text("path", e.Path)
	if e.Status != 0 {
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(e.Status), 10)
	}
	if withGeo {
		dst = appendGeo(dst, &e.Geo)
	}
	text("label", string(e.Label))
	text("attack", string(e.Attack))
	return append(dst, '}')
}

func appendGeo(dst []byte, g *schema.Geo) []byte {
	dst = append(append(append(dst, `,"geo":{"country":"`...), g.Country...), `","city":"`...)
	dst = strconv.AppendFloat(append(append(dst, g.City...), `","lat":`...), g.Lat, 'g', -1, 64)
	dst = strconv.AppendFloat(append(dst, `,"lon":`...), g.Lon, 'g', -1, 64)
	dst = strconv.AppendUint(append(dst, `,"accuracy_km":`...), uint64(g.AccuracyKM), 10)
	dst = strconv.AppendUint(append(dst, `,"asn":`...), uint64(g.ASN), 10)
	dst = append(append(append(dst, `,"as_org":"`...), g.ASOrg...), `","network":"`...)
	return append(append(dst, g.Network.String()...), `"}`...)
}
