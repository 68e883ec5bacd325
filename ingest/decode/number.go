package decode

import "strconv"

// parseInteger reads a JSON number as JSON Schema's integer: 12, 12.0 and 1.2e1 are one. ok is false for fractions and
// for what is outside of ±10^18.
func parseInteger(b []byte) (v int64, ok bool) {
	negative := b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) > 18 {
		return exactInteger(b, negative)
	}
	for _, c := range b {
		if c-'0' > 9 {
			return exactInteger(b, negative)
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v, true
}

// exactInteger is parseInteger for numbers with a fraction, an exponent or many digits: the digits without their zeros at both ends,
// and a power of ten.
func exactInteger(b []byte, negative bool) (v int64, ok bool) {
	const enough = 1 << 20 // beyond what 64 KiB of digits could make up for
	power, fraction, started := 0, false, false
	zeros := 0 // met since the last other digit
	for i, c := range b {
		if c == '.' {
			fraction = true
			continue
		}
		if c|0x20 == 'e' {
			exponent, err := strconv.Atoi(alias(b[i+1:]))
			if err != nil || exponent > enough || exponent < -enough {
				// Atoi fails for what an int can't hold; only its sign still matters.
				exponent = enough
				if b[i+1] == '-' {
					exponent = -enough
				}
			}
			power += exponent
			break
		}
		if fraction {
			power--
		}
		if c == '0' {
			if started {
				zeros++
			}
			continue
		}
		for ; zeros > 0; zeros-- {
			if v > 1e17 {
				return 0, false
			}
			v *= 10
		}
		if v > 1e17 {
			return 0, false
		}
		v, started = v*10+int64(c-'0'), true
	}
	if !started {
		return 0, true
	}
	if power += zeros; power < 0 || power > 18 {
		return 0, false
	}
	for ; power > 0; power-- {
		if v > 1e17 {
			return 0, false
		}
		v *= 10
	}
	if negative {
		v = -v
	}
	return v, true
}

// parseNumber reads a JSON number; ok is false for what a float64 can't hold.
func parseNumber(b []byte) (v float64, ok bool) {
	v, err := strconv.ParseFloat(alias(b), 64)
	return v, err == nil
}
