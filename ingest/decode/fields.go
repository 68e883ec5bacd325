package decode

import "github.com/hijackd/hijackd/schema"

// field numbers a name of the contract. The order is that of the contract's table, which is a likely order of producers.
type field uint8

const (
	fID field = iota
	fTime
	fToken
	fType
	fIP
	fUserAgent
	fUser
	fTenant
	fApp
	fHost
	fSession
	fPreviousToken
	fDevice
	fJA4
	fBinding
	fCNF
	fScheme
	fTokenIn
	fTokenBits
	fMethod
	fPath
	fStatus
	fOutcome
	fSensitive
	fAuthTime
	fExpiresAt
	fRepeat
	fGeo
	fNote
	// Of a CloudEvents envelope. To a bare event these two are unknown fields.
	fSpecVersion
	fData
	// Of geo.
	gCountry
	gCity
	gLat
	gLon
	gAccuracy
	gASN
	gASOrg
	gNetwork
	// Of a sighting, beside those that it shares with events.
	sKind
	sScope
	sSubject
	sEventID
	sLane
	sEpoch
	sStarted
	sRotated
	sRejected
	sApart
	sNewDevice
	sAgent
	sCounts
	// Of agent.
	aFamily
	aOS
	aMajor
	aClass
	numFields

	fUnknown field = 255
)

// form is what a field's value has to be.
type form uint8

const (
	text    form = iota // refused over max bytes
	cutText             // cut at max bytes
	token
	timestamp
	address
	enumeration
	integer
	number
	boolean
	object
)

// spec describes a field. Limits are in bytes.
type spec struct {
	name string
	form form
	max  int
	enum []string
}

const maxRecord = 64 << 10

var specs = [numFields]spec{
	fID:            {name: "id", form: text, max: 128},
	fTime:          {name: "time", form: timestamp},
	fToken:         {name: "token", form: token},
	fType:          {name: "type", form: enumeration, enum: eventTypes},
	fIP:            {name: "ip", form: address},
	fUserAgent:     {name: "user_agent", form: cutText, max: 512},
	fUser:          {name: "user", form: text, max: 256},
	fTenant:        {name: "tenant", form: text, max: 256},
	fApp:           {name: "app", form: text, max: 256},
	fHost:          {name: "host", form: text, max: 256},
	fSession:       {name: "session", form: text, max: 256},
	fPreviousToken: {name: "previous_token", form: token},
	fDevice:        {name: "device", form: text, max: 256},
	fJA4:           {name: "ja4", form: text, max: 256},
	fBinding:       {name: "binding", form: enumeration, enum: []string{"ok", "failed"}},
	fCNF:           {name: "cnf", form: text, max: 256},
	fScheme:        {name: "scheme", form: enumeration, enum: []string{"https", "http"}},
	fTokenIn:       {name: "token_in", form: enumeration, enum: []string{"cookie", "header", "query", "body"}},
	fTokenBits:     {name: "token_bits", form: integer},
	fMethod:        {name: "method", form: cutText, max: 64},
	fPath:          {name: "path", form: cutText, max: 2048},
	fStatus:        {name: "status", form: integer},
	fOutcome:       {name: "outcome", form: enumeration, enum: []string{"accepted", "rejected"}},
	fSensitive:     {name: "sensitive", form: boolean},
	fAuthTime:      {name: "auth_time", form: timestamp},
	fExpiresAt:     {name: "expires_at", form: timestamp},
	fRepeat:        {name: "repeat", form: integer},
	fGeo:           {name: "geo", form: object},
	fNote:          {name: "note", form: object},
	fSpecVersion:   {name: "specversion", form: text},
	fData:          {name: "data", form: object},
	gCountry:       {name: "country", form: cutText, max: 256},
	gCity:          {name: "city", form: cutText, max: 256},
	gLat:           {name: "lat", form: number},
	gLon:           {name: "lon", form: number},
	gAccuracy:      {name: "accuracy_km", form: number},
	gASN:           {name: "asn", form: integer},
	gASOrg:         {name: "as_org", form: cutText, max: 256},
	gNetwork:       {name: "network", form: enumeration, enum: networkClasses()},
	sKind:          {name: "kind", form: text, max: 32},
	sScope:         {name: "scope", form: text, max: 32},
	sSubject:       {name: "subject", form: text, max: 256},
	sEventID:       {name: "event_id", form: text, max: 128},
	sLane:          {name: "lane", form: integer},
	sEpoch:         {name: "epoch", form: integer},
	sStarted:       {name: "started", form: boolean},
	sRotated:       {name: "rotated", form: boolean},
	sRejected:      {name: "rejected", form: boolean},
	sApart:         {name: "apart", form: boolean},
	sNewDevice:     {name: "new_device", form: boolean},
	sAgent:         {name: "agent", form: object},
	sCounts:        {name: "counts", form: text, max: maxRecord},
	aFamily:        {name: "family", form: text, max: 512},
	aOS:            {name: "os", form: text, max: 512},
	aMajor:         {name: "major", form: integer},
	aClass:         {name: "class", form: enumeration, enum: deviceClasses()},
}

// String is the name that a Reject shows.
func (f field) String() string {
	switch {
	case f >= aFamily:
		return "agent." + specs[f].name
	case f >= gCountry && f <= gNetwork:
		return "geo." + specs[f].name
	}
	return specs[f].name
}

// eventTypes are the names of section 1.1 and of hijackd's notes, in the order of schema.EventType.
var eventTypes = func() (names []string) {
	for t := schema.SessionUsed; t <= schema.Sentenced; t++ {
		names = append(names, t.String())
	}
	return names
}()

func networkClasses() (names []string) {
	for c := schema.NetworkResidential; c <= schema.NetworkAnycast; c++ {
		names = append(names, c.String())
	}
	return names
}

func deviceClasses() (names []string) {
	for c := schema.DeviceDesktop; c <= schema.DeviceScript; c++ {
		names = append(names, c.String())
	}
	return names
}

// quoted holds each field's name as compact JSON has it before the value.
var quoted = func() (q [numFields]string) {
	for f := range q {
		q[f] = `"` + specs[f].name + `":`
	}
	return q
}()

var (
	eventNames    = named(fID, fData)
	geoNames      = named(gCountry, gNetwork)
	agentNames    = named(aFamily, aClass)
	sightingNames = func() map[string]field {
		names := named(sKind, sCounts)
		for _, f := range []field{fID, fTime, fToken, fIP, fUser, fTenant, fApp, fSession, fDevice, fJA4, fGeo} {
			names[specs[f].name] = f
		}
		return names
	}()
)

func named(from, to field) map[string]field {
	names := map[string]field{}
	for f := from; f <= to; f++ {
		names[specs[f].name] = f
	}
	return names
}
