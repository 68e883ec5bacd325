package decode

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

// members reads the members of an event, an envelope or a geo object, whose brace is before i, into d.at: only where they stand.
// What they mean is decided when all are known.
func (d *Decoder) members(i, depth int, names map[string]field, expected *order) int {
	if i = d.space(i); i < len(d.b) && d.b[i] == '}' {
		return i + 1
	}
	object := d.names.object()
	prev := first
	for {
		f := expected[prev]
		if f < numFields && len(d.b)-i > len(quoted[f]) && string(d.b[i:i+len(quoted[f])]) == quoted[f] {
			if i += len(quoted[f]); d.b[i] <= ' ' {
				i = d.space(i)
			}
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
		if i < len(d.b) && d.b[i] == ',' {
			i++
		} else {
			var more bool
			if i, more = d.after(i, '}'); !more {
				return i
			}
		}
		if i < len(d.b) && d.b[i] != '"' {
			i = d.space(i)
		}
		prev = f
	}
}

// member reads the value of a field at i.
func (d *Decoder) member(f field, i, depth int) int {
	if f == fUnknown {
		_, i = d.value(i, depth)
		return i
	}
	if d.seen&(1<<f) != 0 {
		d.field = f
		return d.fail(DuplicateKey)
	}
	d.seen |= 1 << f
	if f == fGeo && i < len(d.b) && d.b[i] == '{' {
		d.at[f].kind = kObject
		return d.members(i+1, depth+1, geoNames, &d.geoOrder)
	}
	d.at[f], i = d.value(i, depth)
	return i
}
