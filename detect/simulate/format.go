package simulate

import (
	"math"
	"strconv"
)

// appendTime appends a time as RFC 3339 in UTC, with as many digits of a second as it has. The date is Howard Hinnant's
// civil_from_days ("chrono-Compatible Low-Level Date Algorithms"), for the years 1970 to 9999.
func appendTime(dst []byte, ns int64) []byte {
	seconds, nanos := ns/1e9, ns%1e9
	days, clock := seconds/86400, seconds%86400
	z := days + 719468
	era := z / 146097
	doe := z % 146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	month := mp + 3
	if month > 12 {
		month -= 12
	}
	year := yoe + era*400
	if month <= 2 {
		year++
	}
	dst = append(pair(pair(dst, year/100), year%100), '-')
	dst = append(pair(dst, month), '-')
	dst = append(pair(dst, doy-(153*mp+2)/5+1), 'T')
	dst = append(pair(dst, clock/3600), ':')
	dst = append(pair(dst, clock/60%60), ':')
	dst = pair(dst, clock%60)
	if nanos != 0 {
		dst = append(dst, '.')
		for unit := int64(1e8); nanos > 0; unit /= 10 {
			dst = append(dst, byte('0'+nanos/unit))
			nanos %= unit
		}
	}
	return append(dst, 'Z')
}

func pair(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendDegrees appends a coordinate. Those with up to four digits after the point, as databases have them, go by integers.
func appendDegrees(dst []byte, v float64) []byte {
	whole := math.Round(v * 1e4)
	if whole/1e4 != v || math.Abs(whole) > 1e7 {
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	n := int64(whole)
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = strconv.AppendInt(dst, n/1e4, 10)
	if rest := n % 1e4; rest != 0 {
		dst = append(dst, '.')
		for unit := int64(1000); rest > 0; unit /= 10 {
			dst = append(dst, byte('0'+rest/unit))
			rest %= unit
		}
	}
	return dst
}
