package simulate

import (
	"math/bits"
	"strconv"

	"github.com/hijackd/hijackd/schema"
)

// Event is a session event and the truth about it.
type Event struct {
	schema.Event
	// Attack is set on every event that belongs to an attack, the victim's own included; empty for a benign session.
	Attack    Attack
	Role      Role
	Nuisances Nuisances
	Incident  uint32 // the attack's number from 1 on, 0 for none
}

// AppendJSON appends the event as one line of JSON without a line break: the fields of contract section 1, and label, which hijackd
// ignores. Its geo object is written where withGeo is set, as an edge would that knows it.
func (e *Event) AppendJSON(dst []byte, withGeo bool) []byte {
	dst = e.AppendUnlabelled(dst, withGeo)
	dst = append(dst[:len(dst)-1], `,"label":{"session":"`...)
	if e.Attack == "" {
		dst = append(dst, "benign"...)
	}
	dst = append(append(dst, e.Attack...), `","role":"`...)
	dst = append(append(dst, e.Role.String()...), '"')
	if e.Nuisances != 0 {
		dst = append(dst, `,"nuisance":[`...)
		for s := e.Nuisances; s != 0; s &= s - 1 {
			dst = append(append(append(dst, '"'), nuisanceNames[bits.TrailingZeros64(uint64(s))]...), '"', ',')
		}
		dst[len(dst)-1] = ']'
	}
	if e.Incident != 0 {
		dst = append(appendIncident(append(dst, `,"incident":"`...), e.Incident), '"')
	}
	return append(dst, '}', '}')
}

func appendIncident(dst []byte, n uint32) []byte {
	return strconv.AppendUint(append(dst, "inc-"...), uint64(n), 10)
}

// AppendUnlabelled is AppendJSON without the label.
func (e *Event) AppendUnlabelled(dst []byte, withGeo bool) []byte {
	dst = append(append(append(dst, `{"id":"`...), e.ID...), `","time":"`...)
	dst = append(appendTime(dst, e.Time), `","type":"`...)
	dst = append(append(dst, e.Type.String()...), '"')
	dst = text(dst, `,"token":"`, e.Token)
	dst = text(dst, `,"previous_token":"`, e.PreviousToken)
	if e.IP.IsValid() {
		dst = append(e.IP.AppendTo(append(dst, `,"ip":"`...)), '"')
	}
	dst = text(dst, `,"user_agent":"`, e.UserAgent)
	dst = text(dst, `,"user":"`, e.User)
	dst = text(dst, `,"tenant":"`, e.Tenant)
	dst = text(dst, `,"app":"`, e.App)
	dst = text(dst, `,"host":"`, e.Host)
	dst = text(dst, `,"session":"`, e.Session)
	dst = text(dst, `,"device":"`, e.Device)
	dst = text(dst, `,"ja4":"`, e.JA4)
	dst = text(dst, `,"cnf":"`, e.CNF)
	dst = text(dst, `,"method":"`, e.Method)
	dst = text(dst, `,"path":"`, e.Path)
	if e.Status != 0 {
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(e.Status), 10)
	}
	dst = e.appendToken(dst)
	if withGeo && e.Geo != (schema.Geo{}) {
		dst = appendGeo(dst, &e.Geo)
	}
	return append(dst, '}')
}

var (
	schemes  = [...]string{"", "https", "http"}
	carriers = [...]string{"", "cookie", "header", "query", "body"}
	bindings = [...]string{"", "ok", "failed"}
)

// appendToken appends what is known of the token and of the login.
func (e *Event) appendToken(dst []byte) []byte {
	dst = text(dst, `,"scheme":"`, schemes[e.Scheme])
	dst = text(dst, `,"token_in":"`, carriers[e.TokenIn])
	dst = text(dst, `,"binding":"`, bindings[e.Binding])
	if e.TokenBits != 0 {
		dst = strconv.AppendInt(append(dst, `,"token_bits":`...), int64(e.TokenBits), 10)
	}
	if e.Sensitive {
		dst = append(dst, `,"sensitive":true`...)
	}
	if e.AuthTime != 0 {
		dst = append(appendTime(append(dst, `,"auth_time":"`...), e.AuthTime), '"')
	}
	if e.ExpiresAt != 0 {
		dst = append(appendTime(append(dst, `,"expires_at":"`...), e.ExpiresAt), '"')
	}
	if e.Repeat > 1 {
		dst = strconv.AppendInt(append(dst, `,"repeat":`...), int64(e.Repeat), 10)
	}
	return dst
}

// text appends a member, where it is not empty; name holds everything up to the value. Simulated texts need no escapes.
func text(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	return append(append(append(dst, name...), value...), '"')
}

func appendGeo(dst []byte, g *schema.Geo) []byte {
	dst = append(dst, `,"geo":{`...)
	start := len(dst)
	dst = text(dst, `,"country":"`, g.Country)
	dst = text(dst, `,"city":"`, g.City)
	if g.HasPlace {
		dst = appendDegrees(append(dst, `,"lat":`...), g.Lat)
		dst = appendDegrees(append(dst, `,"lon":`...), g.Lon)
	}
	if g.AccuracyKM != 0 {
		dst = strconv.AppendUint(append(dst, `,"accuracy_km":`...), uint64(g.AccuracyKM), 10)
	}
	if g.ASN != 0 {
		dst = strconv.AppendUint(append(dst, `,"asn":`...), uint64(g.ASN), 10)
	}
	dst = text(dst, `,"as_org":"`, g.ASOrg)
	dst = text(dst, `,"network":"`, g.Network.String())
	if len(dst) > start { // without the first comma
		dst = append(dst[:start], dst[start+1:]...)
	}
	return append(dst, '}')
}
