package decode

import (
	"bytes"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/hijackd/hijackd/schema"
)

// attributes are what a CloudEvents envelope says in place of the event's own fields (contract section 1.2). Empty means that it says nothing.
type attributes struct {
	id, time, kind []byte
}

// unframe takes off what schema registries put in front of JSON: a zero byte and 4 bytes of id, or a one and a 16-byte GUID.
func unframe(b []byte) []byte {
	switch {
	case len(b) >= 5 && b[0] == 0:
		return b[5:]
	case len(b) >= 17 && b[0] == 1:
		return b[17:]
	}
	return b
}

// envelope finds the event's members, inside an envelope where there is one: in structured mode (the content type says so, or the
// value has a specversion and data) or around it, in the headers, in binary mode.
func (d *Decoder) envelope(headers []schema.Header) bool {
	d.cloud = attributes{}
	structured, binary, ok := d.headers(headers)
	if !ok || !d.document(eventNames) {
		return false
	}
	looksLikeOne := !binary && d.has(fSpecVersion) && d.has(fData) && d.at[fSpecVersion].kind == kString && d.at[fData].kind == kObject
	if structured || looksLikeOne {
		return d.open()
	}
	d.bare()
	return true
}

// bare makes unknown fields of an envelope's in what is none.
func (d *Decoder) bare() {
	const foreign = 1<<fSpecVersion | 1<<fData
	d.unknown += int64(bits.OnesCount64(d.seen & foreign))
	d.seen &^= foreign
}

// open takes id, time and type from the envelope that was read, and reads its data. The envelope's other attributes are not ours.
func (d *Decoder) open() bool {
	var version []byte
	for _, a := range [...]struct {
		f    field
		into *[]byte
	}{{fSpecVersion, &version}, {fID, &d.cloud.id}, {fTime, &d.cloud.time}, {fType, &d.cloud.kind}} {
		if !d.has(a.f) || d.at[a.f].kind == kNull {
			continue
		}
		v, ok := d.text(a.f)
		if !ok {
			return d.refuse(WrongType, a.f)
		}
		*a.into = v
	}
	if len(version) > 0 && !bytes.HasPrefix(version, []byte("1.")) {
		return d.refuse(BadValue, fSpecVersion)
	}
	data := d.at[fData]
	switch {
	case !d.has(fData) || data.kind == kNull:
		return d.refuse(MissingField, fData)
	case data.kind != kObject:
		return d.refuse(WrongType, fData)
	}
	d.seen, d.unknown = 0, 0
	if d.members(int(data.start)+1, 2, eventNames, &d.eventOrder) < 0 {
		return false
	}
	d.bare()
	return true
}

// headers finds the mode, and in binary mode the attributes.
func (d *Decoder) headers(headers []schema.Header) (structured, binary, ok bool) {
	const media = "application/cloudevents"
	for i := range headers {
		h := &headers[i]
		if len(h.Key) == len("content-type") && strings.EqualFold(h.Key, "content-type") &&
			len(h.Value) >= len(media) && strings.EqualFold(alias(h.Value[:len(media)]), media) {
			return true, false, true
		}
	}
	for i := range headers {
		h := &headers[i]
		var into *[]byte
		var f field
		switch h.Key {
		case "ce_specversion":
			binary = true
			continue
		case "ce_id":
			into, f = &d.cloud.id, fID
		case "ce_time":
			into, f = &d.cloud.time, fTime
		case "ce_type":
			into, f = &d.cloud.kind, fType
		default:
			continue
		}
		binary = true
		switch {
		case *into != nil:
			return false, false, d.refuse(DuplicateKey, f)
		case !utf8.Valid(h.Value):
			return false, false, d.refuse(BadUTF8, f)
		}
		*into = h.Value
	}
	return false, binary, true
}

// parseCloudType reads a CloudEvents type: one of ours, with any reverse-DNS prefix and perhaps a version: com.example.session.used.v1.
func parseCloudType(s string) (schema.EventType, bool) {
	s = strings.TrimSuffix(s, ".v1")
	for i := len(s); i > 0; {
		i = strings.LastIndexByte(s[:i], '.')
		if i < 0 {
			break
		}
		if t, ok := schema.ParseEventType(s[i+1:]); ok {
			return t, reverseDNS(s[:i])
		}
	}
	return schema.ParseEventType(s)
}

// reverseDNS reports whether s is a list of labels with dots between them.
func reverseDNS(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" {
			return false
		}
		for _, c := range []byte(label) {
			if c-'0' > 9 && c|0x20-'a' > 25 && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
