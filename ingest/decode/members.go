package decode

import "bytes"

// order remembers which field followed which in the last records. Producers write their fields in one order, so comparing
// with the expected name replaces finding the name's end and looking it up. A wrong guess costs the comparison, nothing else: what
// matches is by itself the whole name, its quotes and the colon.
type order [256]field

// Places in an order that are no field.
const first field = 254

func (o *order) reset() {
	for i := range o {
		o[i] = fUnknown
	}
}

// members reads the members of an event, a sighting, an envelope, a geo or an agent object, whose brace is before i, into d.at: only where they stand.
// What they mean is decided when all are known.
func (d *Decoder) members(i, depth int, names map[string]field, expected *order) int {
	if i = d.space(i); i < len(d.b) && d.b[i] == '}' {
		return i + 1
	}
	object := d.names.object()
	prev := first
	for {
		b := d.b
		f := expected[prev]
		if f < numFields && len(b)-i > len(quoted[f]) && string(b[i:i+len(quoted[f])]) == quoted[f] {
			i += len(quoted[f])
		} else {
			name, next := d.name(i)
			if next < 0 {
				return next
			}
			var known bool
			if f, known = names[string(name)]; !known {
				f = fUnknown
				d.unknown++
				if !d.names.add(object, name) {
					return d.fail(DuplicateKey)
				}
			}
			expected[prev] = f
			i = next
		}
		if i = d.member(f, i, depth); i < 0 {
			return i
		}
		if i < len(b) && b[i] == ',' {
			i++
		} else {
			var more bool
			if i, more = d.after(i, '}'); !more {
				return i
			}
		}
		if i < len(b) && b[i] <= ' ' {
			i = d.space(i)
		}
		prev = f
	}
}

// member reads the value of a field, from i on.
func (d *Decoder) member(f field, i, depth int) int {
	b := d.b
	if i < len(b) && b[i] <= ' ' {
		i = d.space(i)
	}
	if f >= numFields {
		_, i = d.value(i, depth)
		return i
	}
	if d.seen&(1<<f) != 0 {
		d.field = f
		return d.fail(DuplicateKey)
	}
	d.seen |= 1 << f
	if i < len(b) && b[i] == '"' && !d.control {
		start := i + 1
		n := bytes.IndexByte(b[start:], '"')
		if n >= 0 && (!d.backslash || bytes.IndexByte(b[start:start+n], '\\') < 0) {
			d.at[f] = span{uint32(start), uint32(start + n), kString} // #nosec G115 -- records are at most 64 KiB
			return start + n + 1
		}
	}
	if f == fGeo && i < len(b) && b[i] == '{' {
		d.at[f] = span{kind: kObject}
		return d.members(i+1, depth+1, geoNames, &d.geoOrder)
	}
	if f == sAgent && i < len(b) && b[i] == '{' {
		d.at[f] = span{kind: kObject}
		return d.members(i+1, depth+1, agentNames, &d.agentOrder)
	}
	d.at[f], i = d.value(i, depth)
	return i
}
