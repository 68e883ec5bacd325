package detect

import (
	"hash/maphash"
	"strings"
	"sync"
)

// Symbols gives short numbers to strings that recur over all sessions: countries, cities, providers, browsers, apps. It is bounded:
// past its bound a string gets a number made of its hash, which still tells equal from different (31 bits) but not what it was.
// It is safe for concurrent use.
type Symbols struct {
	mu    sync.RWMutex
	ids   map[string]uint32
	texts []string
	max   int
	seed  maphash.Seed
}

const hashedSymbol = 1 << 31

// NewSymbols returns a table of at most maxSymbols strings.
func NewSymbols(maxSymbols int) *Symbols {
	return &Symbols{ids: map[string]uint32{"": 0}, texts: []string{""}, max: maxSymbols, seed: maphash.MakeSeed()}
}

// Number returns the number of s; 0 stands for the empty string. It keeps a copy of s.
func (y *Symbols) Number(s string) uint32 {
	if s == "" {
		return 0
	}
	y.mu.RLock()
	id, ok := y.ids[s]
	y.mu.RUnlock()
	if ok {
		return id
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	if id, ok := y.ids[s]; ok {
		return id
	}
	if len(y.texts) >= y.max {
		return hashedSymbol | uint32(maphash.String(y.seed, s)) // #nosec G115 -- cut on purpose
	}
	id = uint32(len(y.texts)) // #nosec G115 -- bounded by max
	s = strings.Clone(s)
	y.ids[s] = id
	y.texts = append(y.texts, s)
	return id
}

// Text returns the string of a number, empty for one that came past the bound.
func (y *Symbols) Text(id uint32) string {
	y.mu.RLock()
	defer y.mu.RUnlock()
	if id&hashedSymbol != 0 || int(id) >= len(y.texts) {
		return ""
	}
	return y.texts[id]
}
