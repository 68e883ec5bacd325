package slack

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// counted is "1 finding", "1 203 findings", "3 more".
func counted(n int, noun string) string {
	if n != 1 && noun != "more" {
		noun += "s"
	}
	return grouped(float64(n)) + " " + noun
}

// grouped writes a whole number with a space between thousands.
func grouped(x float64) string {
	s := strconv.FormatFloat(math.Round(math.Abs(x)), 'f', 0, 64)
	var b strings.Builder
	if x < 0 {
		b.WriteByte('-')
	}
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// lasting is a duration in the unit that people would choose.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 2*time.Minute:
		return strconv.FormatInt(int64(d.Seconds()), 10) + " s"
	case d < 2*time.Hour:
		return strconv.FormatInt(int64(d.Minutes()), 10) + " min"
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", int64(d.Hours()), int64(d.Minutes())%60)
	}
	return strconv.FormatInt(int64(d.Hours()/24), 10) + " days"
}

// clock is a time in UTC, without the date where that is the day of ref.
func clock(t, ref time.Time) string {
	t, ref = t.UTC(), ref.UTC()
	if t.YearDay() == ref.YearDay() && t.Year() == ref.Year() {
		return t.Format("15:04:05") + " UTC"
	}
	return t.Format("2006-01-02 15:04:05") + " UTC"
}

// number is a finite number of the evidence, as the rule made it or as JSON brought it back.
func number(f *schema.Finding, key string) (float64, bool) {
	var x float64
	switch v := f.Evidence[key].(type) {
	case float64:
		x = v
	case int:
		x = float64(v)
	case int64:
		x = float64(v)
	case json.Number:
		x, _ = v.Float64()
	default:
		return 0, false
	}
	return x, !math.IsNaN(x) && !math.IsInf(x, 0)
}

// journey is the arithmetic between the two ends of a finding: distance, time and speed.
func journey(f *schema.Finding) string {
	var parts []string
	circle, measured := number(f, "great_circle_km")
	km, near := number(f, "distance_km")
	switch {
	case near && measured && math.Round(km) != math.Round(circle):
		parts = append(parts, fmt.Sprintf("%s km (%s km along the great circle, less the places' inaccuracy)", grouped(km), grouped(circle)))
	case near:
		parts = append(parts, grouped(km)+" km")
	case measured:
		parts = append(parts, grouped(circle)+" km")
	}
	if s, ok := number(f, "seconds"); ok && s >= 0 && s < 1e9 {
		parts = append(parts, "in "+lasting(time.Duration(s*float64(time.Second))))
	}
	if kmh, ok := number(f, "kmh"); ok {
		parts = append(parts, "("+grouped(kmh)+" km/h)")
	}
	return strings.Join(parts, " ")
}

// devices says what differs between the devices at the two ends.
func devices(f *schema.Finding) string {
	if f.From == nil || f.To == nil {
		return ""
	}
	var parts []string
	if a, b := cut(f.From.UA), cut(f.To.UA); a != b {
		parts = append(parts, orUnknown(a)+" → "+orUnknown(b))
	} else if a != "" {
		parts = append(parts, a+" at both ends")
	}
	if a, b := cut(f.From.Device), cut(f.To.Device); a != b {
		parts = append(parts, "device "+orUnknown(a)+" → "+orUnknown(b))
	}
	return strings.Join(parts, "; ")
}

// cut is one of several untrusted values that share a line.
func cut(s string) string { return string(schema.CleanText(strings.TrimSpace(s), 80)) }

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// end is one side of a finding in one line: "Paris FR · 192.0.2.1 · AS3215 Orange · Firefox on Windows".
func end(e *schema.End) string {
	if e == nil {
		return ""
	}
	var parts []string
	add := func(s string) {
		if s = cut(s); s != "" {
			parts = append(parts, s)
		}
	}
	add(e.City + " " + e.Country)
	if e.IP.IsValid() {
		add(e.IP.String())
	}
	if e.ASN != 0 {
		add(fmt.Sprintf("AS%d %s", e.ASN, e.ASOrg))
	}
	add(e.Network)
	add(e.UA)
	return strings.Join(parts, " · ")
}

// certainty is severity and confidence in one line.
func certainty(f *schema.Finding) string {
	s := fmt.Sprintf("%s, confidence %.0f %%", f.Severity, 100*f.Confidence)
	switch {
	case f.WithoutHistory:
		s += ", judged without history"
	case f.Conclusive:
		s += ", conclusive"
	}
	return s
}

// ruleNames lists the rules of findings, each once, as they come.
func ruleNames(fs []schema.Finding) string {
	var names []string
	for i := range fs {
		if n := fs[i].Rule; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}
