package enrich

import (
	"math"
	"strings"

	"github.com/mileusna/useragent"

	"github.com/hijackd/hijackd/schema"
)

const (
	maxAgent = 512 // bytes that are looked at
	// maxParts bounds what the parser of browsers is given: its cost is (parts of the text) × (names it knows). Browsers send at most
	// some 20 parts.
	maxParts  = 48
	maxFamily = 64
)

// ParseAgent reads a user agent: the family of browser or tool, operating system, major version and class of machine. It is a pure
// function of the text. At most 512 bytes are looked at.
func ParseAgent(text string) schema.Agent {
	text = text[:min(len(text), maxAgent)]
	if a, ok := parseTool(text); ok {
		return a
	}
	if parts(text) > maxParts {
		return schema.Agent{Family: product(text)}
	}
	ua := useragent.Parse(text)
	a := schema.Agent{Family: ua.Name, OS: ua.OS, Class: class(&ua)}
	if ua.Name == ua.String || len(ua.Name) > maxFamily {
		a.Family = product(text)
	}
	a.Family = string(schema.CleanText(strings.Clone(a.Family), maxFamily))
	if v := ua.VersionNo.Major; v > 0 && v <= math.MaxUint16 {
		a.Major = uint16(v) // #nosec G115 -- in range
	}
	return a
}

func class(ua *useragent.UserAgent) schema.DeviceClass {
	switch {
	case ua.Bot:
		return schema.DeviceBot
	case ua.Tablet:
		return schema.DeviceTablet
	case ua.Mobile:
		return schema.DeviceMobile
	case ua.Desktop:
		return schema.DeviceDesktop
	}
	return schema.DeviceUnknown
}

func parts(text string) (n int) {
	for i := range len(text) {
		switch text[i] {
		case ' ', ';', '/', '(', ')', '[', ']':
			n++
		}
	}
	return n
}

// product is the name that a user agent begins with (RFC 9110, 10.1.5), made safe and short.
func product(text string) string {
	text = strings.TrimLeft(text, " ")
	if i := strings.IndexAny(text, "/ (;"); i >= 0 {
		text = text[:i]
	}
	return string(schema.CleanText(text, maxFamily))
}
