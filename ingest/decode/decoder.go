package decode

import (
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/schema"
)

// Decoder decodes the records of one partition. It reuses its buffers, so it is not safe for concurrent use: each lane has its own.
type Decoder struct {
	scanner
	partition int32
	hasher    *fingerprint.Hasher
	counts    Counts

	eventOrder, geoOrder, agentOrder order

	// Of the record at hand:
	seen    uint64 // fields that are there, as bits
	at      [numFields]span
	unknown int64 // unknown fields
	strange int64 // unknown values of enumerations
	cloud   attributes
	tokens  tokens
	field   field // at fault
	reject  Reject
}

// New returns a Decoder of a partition's records. Raw tokens are replaced by fingerprints of the hasher, which becomes the Decoder's.
func New(hasher *fingerprint.Hasher, partition int32) *Decoder {
	d := &Decoder{hasher: hasher, partition: partition}
	d.expectNothing()
	return d
}

func (d *Decoder) expectNothing() {
	d.eventOrder.reset()
	d.geoOrder.reset()
	d.agentOrder.reset()
}

// Counts is what the Decoder has met so far. The caller reads it between two calls of Decode.
func (d *Decoder) Counts() *Counts { return &d.counts }

// Decode reads a record into e, which it overwrites, and returns nil; or it returns why the record is not an event, and e is
// undefined. The Reject is valid until the next call. Decode rewrites the record's value in place, and e aliases it.
func (d *Decoder) Decode(rec *schema.Record, e *schema.Event) *Reject {
	d.field = fUnknown
	if !d.decode(rec, e) {
		return d.rejected()
	}
	d.counts.Accepted++
	d.counts.UnknownFields += d.unknown
	d.counts.UnknownEnums += d.strange
	if e.Ahead {
		d.counts.Ahead++
	}
	return nil
}

func (d *Decoder) rejected() *Reject {
	d.counts.Rejected[d.reason]++
	d.reject = Reject{Reason: d.reason}
	if d.field != fUnknown {
		d.reject.Field = d.field.String()
	}
	return &d.reject
}

func (d *Decoder) decode(rec *schema.Record, e *schema.Event) bool {
	return d.begin(rec) && d.envelope(rec.Headers) && d.fill(rec, e)
}

// begin looks over a record's value as a whole.
func (d *Decoder) begin(rec *schema.Record) bool {
	switch {
	case rec.Broken != "":
		return d.refuse(Unreadable, fUnknown)
	case len(rec.Value) == 0:
		return d.refuse(NullValue, fUnknown)
	case len(rec.Value) > maxRecord:
		return d.refuse(TooLarge, fUnknown)
	}
	d.b = unframe(rec.Value)
	valid, backslash, control := precheck(d.b)
	if !valid {
		return d.refuse(BadUTF8, fUnknown)
	}
	d.backslash, d.control = backslash, control
	d.seen, d.unknown, d.strange, d.tokens = 0, 0, 0, tokens{}
	d.names.reset()
	return true
}

// document reads the whole value as one object.
func (d *Decoder) document(names map[string]field) bool {
	i := d.space(0)
	if i >= len(d.b) {
		return d.refuse(BadJSON, fUnknown)
	}
	if d.b[i] != '{' {
		_, end := d.value(i, 0)
		if end >= 0 && d.space(end) == len(d.b) {
			d.fail(NotObject)
		} else if end >= 0 {
			d.fail(BadJSON)
		}
		return false
	}
	if i = d.members(i+1, 1, names, &d.eventOrder); i < 0 {
		return false
	}
	if i = d.space(i); i < len(d.b) {
		return d.refuse(BadJSON, fUnknown)
	}
	return true
}

func (d *Decoder) refuse(r Reason, f field) bool {
	d.reason, d.field = r, f
	return false
}

func (d *Decoder) has(f field) bool { return d.seen&(1<<f) != 0 }
