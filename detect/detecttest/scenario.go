package detecttest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Start is the moment that the times of scenarios count from.
var Start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// Scenario is one story and what is to be found in it. Its text has a line for each of:
//
//	place NAME IP ASN CC [city=… lat=… lon=… radius=… class=… org=…]
//	device NAME FAMILY MAJOR OS CLASS [device=… ja4=… cnf=…]
//	set RULE.KEY VALUE
//	[HH:]MM:SS[.mmm] ID TYPE [PLACE] [DEVICE] [token=… previous=… user=… session=… app=… expires=MM:SS auth=MM:SS binding=ok|failed sensitive rejected ahead
//	  repeat=… host=… path=… scheme=… in=… bits=… raw record=MM:SS]
//	every MM:SS until HH:MM:SS and then the words of an event: it comes again and again, # in a word being the number from 1;
//	  with such a line, all events come in the order of their times
//	want RULE EVENT… [conclusive|weak] [low|medium|high|critical] [token=…] [KEY=VALUE of evidence]… [: SUMMARY]
//
// Events come in the order of their lines, whatever their times. An underscore in a value is a space. What is found and not wanted
// is wrong too, of the rule that the scenario's folder is named after; under nuisance, of all.
type Scenario struct {
	Name   string
	Title  string // its first comment
	Config map[string]any
	Events []*schema.Event
	Wants  []Want
}

// Want is one finding to be found.
type Want struct {
	Line       int
	Rule       string
	Events     []string
	Token      string
	Conclusive *bool
	Severity   string
	Evidence   map[string]string
	Summary    string
}

type reader struct {
	Scenario
	places  map[string]schema.Event
	devices map[string]schema.Event
	// repeated: an event comes again and again.
	repeated bool
}

// Read reads a scenario; an error names its line.
func Read(name string, r io.Reader) (Scenario, error) {
	s := reader{Scenario: Scenario{Name: name, Config: map[string]any{}}, places: map[string]schema.Event{}, devices: map[string]schema.Event{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if text, ok := strings.CutPrefix(line, "#"); ok && s.Title == "" {
			s.Title = strings.TrimSpace(text)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if err := s.line(n, line); err != nil {
			return Scenario{}, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if s.repeated {
		slices.SortStableFunc(s.Events, func(a, b *schema.Event) int { return cmp.Compare(a.Time, b.Time) })
	}
	return s.Scenario, lines.Err()
}

func (s *reader) line(n int, line string) error {
	words := strings.Fields(line)
	switch words[0] {
	case "place":
		return s.place(words[1:])
	case "device":
		return s.device(words[1:])
	case "set":
		return s.set(words[1:])
	case "want":
		return s.want(n, line)
	}
	if words[0] == "every" {
		return s.every(words[1:])
	}
	return s.event(words)
}

// every reads an event that comes again and again.
func (s *reader) every(words []string) error {
	if len(words) < 4 || words[1] != "until" {
		return fmt.Errorf("every MM:SS until HH:MM:SS TIME ID TYPE expected")
	}
	var times [3]time.Duration
	for i, k := range []int{0, 2, 3} {
		var err error
		if times[i], err = offset(words[k]); err != nil {
			return err
		}
	}
	if times[0] <= 0 {
		return fmt.Errorf("every 0 s: an endless story")
	}
	s.repeated = true
	for n, at := 1, times[2]; at < times[1]; n, at = n+1, at+times[0] {
		again := strings.Split(strings.ReplaceAll(strings.Join(words[3:], " "), "#", strconv.Itoa(n)), " ")
		again[0] = fmt.Sprintf("0:%.3f", at.Seconds())
		if err := s.event(again); err != nil {
			return err
		}
	}
	return nil
}

func (s *reader) place(words []string) (err error) {
	if len(words) < 4 {
		return fmt.Errorf("place NAME IP ASN CC expected")
	}
	var e schema.Event
	if e.IP, err = netip.ParseAddr(words[1]); err != nil {
		return err
	}
	asn, err := strconv.ParseUint(words[2], 10, 32)
	if err != nil {
		return err
	}
	e.Geo.ASN = uint32(asn)
	e.Geo.Country = strings.Trim(words[3], "-")
	for _, w := range words[4:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "city":
			e.Geo.City = spaced(v)
		case "org":
			e.Geo.ASOrg = spaced(v)
		case "lat":
			e.Geo.Lat, err = strconv.ParseFloat(v, 64)
			e.Geo.HasPlace = true
		case "lon":
			e.Geo.Lon, err = strconv.ParseFloat(v, 64)
		case "radius":
			var r uint64
			r, err = strconv.ParseUint(v, 10, 16)
			e.Geo.AccuracyKM = uint16(r)
		case "class":
			var ok bool
			if e.Geo.Network, ok = schema.ParseNetworkClass(v); !ok {
				err = fmt.Errorf("no network class %q", v)
			}
		default:
			err = fmt.Errorf("no such fact about a place: %s", k)
		}
		if err != nil {
			return err
		}
	}
	s.places[words[0]] = e
	return nil
}

var classes = map[string]schema.DeviceClass{"desktop": schema.DeviceDesktop, "mobile": schema.DeviceMobile, "tablet": schema.DeviceTablet, "bot": schema.DeviceBot, "script": schema.DeviceScript}

func (s *reader) device(words []string) error {
	if len(words) < 5 {
		return fmt.Errorf("device NAME FAMILY MAJOR OS CLASS expected")
	}
	major, err := strconv.ParseUint(words[2], 10, 16)
	if err != nil {
		return err
	}
	e := schema.Event{Agent: schema.Agent{Family: spaced(words[1]), Major: uint16(major), OS: strings.Trim(spaced(words[3]), "-"), Class: classes[words[4]]}}
	for _, w := range words[5:] {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "device":
			e.Device = v
		case "ja4":
			e.JA4 = v
		case "cnf":
			e.CNF = v
		default:
			return fmt.Errorf("no such fact about a device: %s", k)
		}
	}
	s.devices[words[0]] = e
	return nil
}

func (s *reader) set(words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("set RULE.KEY VALUE expected")
	}
	rule, key, _ := strings.Cut(words[0], ".")
	keys, _ := s.Config[rule].(map[string]any)
	if keys == nil {
		keys = map[string]any{}
		s.Config[rule] = keys
	}
	var v any = words[1]
	if f, err := strconv.ParseFloat(words[1], 64); err == nil {
		v = f
	}
	for path := strings.Split(key, "."); ; path = path[1:] {
		if len(path) == 1 {
			keys[path[0]] = v
			return nil
		}
		inner, _ := keys[path[0]].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			keys[path[0]] = inner
		}
		keys = inner
	}
}

func (s *reader) event(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("TIME ID TYPE expected")
	}
	at, err := offset(words[0])
	if err != nil {
		return err
	}
	typ, ok := schema.ParseEventType("session." + words[2])
	if words[2] == "failed" {
		typ, ok = schema.LoginFailed, true
	}
	if !ok {
		return fmt.Errorf("no event type %q", words[2])
	}
	e := &schema.Event{ID: words[1], Time: Start.Add(at).UnixNano(), Type: typ, Token: "t", Repeat: 1, Outcome: schema.OutcomeAccepted, Offset: int64(len(s.Events))}
	if typ == schema.LoginFailed {
		e.Token = ""
	}
	for _, w := range words[3:] {
		k, v, _ := strings.Cut(w, "=")
		if known, err := request(e, k, v); err != nil {
			return err
		} else if known {
			continue
		}
		switch k {
		case "token":
			e.Token = v
		case "previous":
			e.PreviousToken = v
		case "user":
			e.User = v
		case "session":
			e.Session = v
		case "app":
			e.App = v
		case "ip":
			if e.IP, err = netip.ParseAddr(v); err != nil {
				return err
			}
		case "expires":
			at, err := offset(v)
			if err != nil {
				return err
			}
			e.ExpiresAt = Start.Add(at).UnixNano()
		case "auth":
			at, err := offset(v)
			if err != nil {
				return err
			}
			e.AuthTime = Start.Add(at).UnixNano()
		case "binding":
			e.Binding = map[string]schema.Binding{"ok": schema.BindingOK, "failed": schema.BindingFailed}[v]
		case "sensitive":
			e.Sensitive = true
		case "rejected":
			e.Outcome = schema.OutcomeRejected
		case "ahead":
			e.Ahead = true
		default:
			place, isPlace := s.places[w]
			device, isDevice := s.devices[w]
			switch {
			case isPlace:
				e.IP, e.Geo = place.IP, place.Geo
			case isDevice:
				e.Agent, e.Device, e.JA4, e.CNF = device.Agent, device.Device, device.JA4, device.CNF
			default:
				return fmt.Errorf("neither a place, a device nor a fact: %s", w)
			}
		}
	}
	s.Events = append(s.Events, e)
	return nil
}

func (s *reader) want(n int, line string) error {
	facts, summary, _ := strings.Cut(line, " : ")
	words := strings.Fields(facts)
	if len(words) < 2 {
		return fmt.Errorf("want RULE EVENT… expected")
	}
	if words[1] == "nothing" {
		return nil
	}
	w := Want{Line: n, Rule: words[1], Token: "t", Evidence: map[string]string{}, Summary: strings.TrimSpace(summary)}
	for _, word := range words[2:] {
		k, v, given := strings.Cut(word, "=")
		switch {
		case k == "token":
			w.Token = v
		case given:
			w.Evidence[k] = spaced(v)
		case word == "conclusive" || word == "weak":
			is := word == "conclusive"
			w.Conclusive = &is
		case word == "low" || word == "medium" || word == "high" || word == "critical":
			w.Severity = word
		default:
			w.Events = append(w.Events, word)
		}
	}
	s.Wants = append(s.Wants, w)
	return nil
}

func spaced(s string) string { return strings.ReplaceAll(s, "_", " ") }

// offset reads [HH:]MM:SS[.mmm].
func offset(s string) (time.Duration, error) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, fmt.Errorf("no time: %q", s)
	}
	var total float64
	for _, p := range parts {
		x, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return 0, fmt.Errorf("no time: %q", s)
		}
		total = total*60 + x
	}
	return time.Duration(total * float64(time.Second)).Round(time.Millisecond), nil
}
