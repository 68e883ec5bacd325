package decode

// The first and last year of event times: Unix nanoseconds from 1970 to 2261 fit into an int64, the year 2262 does not wholly.
const (
	firstYear = 1970
	lastYear  = 2261
)

var daysBefore = [13]int{0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// parseTime reads an RFC 3339 date-time, with an offset and up to nine digits of a second, as Unix nanoseconds. T and Z may be
// lower-case, as the RFC's grammar has it. A leap second is refused, for Unix time has no place for it.
func parseTime(b []byte) (ns int64, ok bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || b[10]|0x20 != 't' || b[13] != ':' || b[16] != ':' {
		return 0, false
	}
	century, ok1 := two(b, 0)
	year, ok2 := two(b, 2)
	month, ok3 := two(b, 5)
	day, ok4 := two(b, 8)
	hour, ok5 := two(b, 11)
	minute, ok6 := two(b, 14)
	second, ok7 := two(b, 17)
	year += 100 * century
	leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 || month-1 > 11 || day-1 >= daysIn(month, leap) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	b = b[19:]
	var fraction int64
	if b[0] == '.' {
		i, unit := 1, int64(1e9)
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			unit /= 10
			fraction += int64(b[i]-'0') * unit
		}
		if i < 2 || i > 10 {
			return 0, false
		}
		b = b[i:]
	}
	offset, ok := parseOffset(b)
	if !ok {
		return 0, false
	}
	y := int(year) - 1 // #nosec G115 -- two pairs of digits
	days := y*365 + y/4 - y/100 + y/400 + daysBefore[month] + int(day) - 1 - 719162
	if leap && month > 2 {
		days++
	}
	seconds := int64(days)*86400 + int64(hour)*3600 + int64(minute)*60 + int64(second) - offset // #nosec G115 -- pairs of digits
	if seconds < 0 || seconds >= beyond {
		return 0, false
	}
	return seconds*1e9 + fraction, true
}

// beyond is 2262-01-01T00:00:00Z in Unix seconds.
const beyond = ((lastYear-firstYear+1)*365 + 71) * 86400

// parseOffset reads Z or ±hh:mm, in seconds east of UTC.
func parseOffset(b []byte) (seconds int64, ok bool) {
	if len(b) == 1 {
		return 0, b[0]|0x20 == 'z'
	}
	if len(b) != 6 || b[3] != ':' || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hour, ok1 := two(b, 1)
	minute, ok2 := two(b, 4)
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = int64(hour)*3600 + int64(minute)*60 // #nosec G115 -- pairs of digits
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func daysIn(month uint, leap bool) uint {
	switch {
	case month == 2 && leap:
		return 29
	case month == 2:
		return 28
	}
	return 30 + (month+month>>3)&1
}

// two reads two digits at i.
func two(b []byte, i int) (v uint, ok bool) {
	x, y := uint(b[i]-'0'), uint(b[i+1]-'0')
	return x*10 + y, x <= 9 && y <= 9
}
