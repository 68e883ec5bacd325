package detect

import (
	"encoding/json"
	"fmt"
)

// countsVersion is one version of what a lane counted of an app, of events of one hour in one stretch of its partition: all up to then, so
// that a later version replaces an earlier one.
type countsVersion struct {
	Stretch int64 `json:"stretch"`
	// Seq orders versions: it grows with all that is counted, and is the same after a restart.
	Seq int64 `json:"seq"`
	// At is the lane's clock when it was told: the greatest event time so far, Unix nanoseconds.
	At       int64                 `json:"at"`
	N        map[string]int64      `json:"n"`
	MinBits  int64                 `json:"min_bits,omitempty"`
	MaxLead  int64                 `json:"max_lead,omitempty"`
	MaxLag   int64                 `json:"max_lag,omitempty"`
	Examples map[string][]Example  `json:"examples,omitempty"`
	Tokens   map[string][]withSign `json:"tokens,omitempty"`
}

type withSign struct {
	Token string `json:"token"`
	N     int64  `json:"n"`
}

// factNames are the facts' names in versions, by number. A name that is not known is one that a newer hijackd counts.
var factNames = func() (names [facts]string) {
	copy(names[:], []string{"accepted", "rejected", "raw", "cleartext", "query", "weak", "lead", "lag", "out_of_hosts", "active", "issued",
		"unissued", "idle", "overaged", "unrenewed", "strayed"})
	for i := range AgeClasses {
		names[int(Ages)+i] = fmt.Sprint("age", i)
	}
	for i := range slotsPerHour {
		names[int(Failures)+i], names[int(Logins)+i], names[int(Strangers)+i] = fmt.Sprint("failed", i), fmt.Sprint("login", i), fmt.Sprint("stranger", i)
	}
	return names
}()

var factNumbers = func() map[string]Fact {
	numbers := map[string]Fact{}
	for f, name := range factNames {
		numbers[name] = Fact(f) // #nosec G115 -- a few facts
	}
	return numbers
}()

// encode writes a version. It cannot fail: there are only numbers and texts in it.
func (c *Counted) encode(stretch, seq, at int64) string {
	v := countsVersion{Stretch: stretch, Seq: seq, At: at, N: map[string]int64{}, MinBits: c.MinBits, MaxLead: c.MaxLead, MaxLag: c.MaxLag}
	for f, n := range c.n {
		if n != 0 {
			v.N[factNames[f]] = n
		}
	}
	for i, list := range c.examples {
		if len(list) > 0 {
			if v.Examples == nil {
				v.Examples = map[string][]Example{}
			}
			v.Examples[factNames[int(RawTokens)+i]] = list
		}
	}
	for i, list := range c.tokens {
		for _, s := range list {
			if v.Tokens == nil {
				v.Tokens = map[string][]withSign{}
			}
			name := factNames[int(Unissued)+i]
			v.Tokens[name] = append(v.Tokens[name], withSign{s.token, s.n})
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// decodeCounts reads a version. Numbers out of any reason are left out: sums of them must not run over.
func decodeCounts(text string) (v countsVersion, c *Counted, ok bool) {
	if json.Unmarshal([]byte(text), &v) != nil || v.Seq <= 0 || v.Stretch < 0 {
		return v, nil, false
	}
	c = &Counted{MaxLead: max(0, v.MaxLead), MaxLag: max(0, v.MaxLag)}
	c.bits(max(0, v.MinBits))
	for name, n := range v.N {
		if f, known := factNumbers[name]; known && n > -maxCount && n < maxCount {
			c.n[f] = n
		}
	}
	for name, list := range v.Examples {
		f, known := factNumbers[name]
		if !known || f < RawTokens || f > OutOfHosts {
			continue
		}
		for _, x := range list {
			c.show(f, x)
		}
	}
	for name, list := range v.Tokens {
		f, known := factNumbers[name]
		if !known || f < Unissued || f > Strayed {
			continue
		}
		for _, s := range list {
			c.sample(f, s.Token, s.N)
		}
	}
	return v, c, true
}

// maxCount is more than all events of a year at a million a second.
const maxCount = 1 << 45
