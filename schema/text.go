package schema

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is text that an attacker may have written (user agents, paths, names), made safe to show to people: valid UTF-8, no control,
// format or bidirectional characters, capped. Markup of the place where it is shown still needs escaping.
type Text string

// CleanText makes a Text of at most maxBytes bytes out of s.
func CleanText(s string, maxBytes int) Text {
	if clean(s) && len(s) <= maxBytes {
		return Text(s)
	}
	var b strings.Builder
	for _, r := range s {
		if !shown(r) {
			r = '\uFFFD'
		}
		if b.Len()+utf8.RuneLen(r) > maxBytes {
			break
		}
		b.WriteRune(r)
	}
	return Text(b.String())
}

func clean(s string) bool {
	for _, r := range s {
		if !shown(r) {
			return false
		}
	}
	return true
}

// shown leaves out Cc and Cf (which hold the bidirectional controls of UAX #9), line and paragraph separators, surrogates, private use.
func shown(r rune) bool {
	return r != utf8.RuneError && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}
