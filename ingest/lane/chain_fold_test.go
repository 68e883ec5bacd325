package lane

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hijackd/hijackd/schema"
)

// stretch is how many offsets of an event topic are summed up together.
const stretch = 16

// chainTokens is a token fold: of every new id of a key it tells the key's user, and it counts them, and what has no key, per stretch. What
// it tells of a key without its history would be wrong, so it doesn't; and counts from then on would be, so it tells them before, not after.
type chainTokens struct {
	*modelFold
	name   string
	counts map[int64]*chainCount
	blind  bool
	again  int64
	kept   []Outgoing
}

type chainCount struct{ n, told int }

func newChainTokens(name string, room int) *chainTokens {
	return &chainTokens{modelFold: newModelFold(room), name: name, counts: map[int64]*chainCount{}}
}

func (f *chainTokens) Load(k schema.Key, history []*toy, complete bool) {
	if !complete && !f.blind {
		f.Flush()
		f.blind = true
	}
	f.modelFold.Load(k, history, complete)
}

func (f *chainTokens) Fold(e *toy) {
	if e.key != "" {
		s := f.state[f.Key(e)]
		s.last = max(s.last, e.offset)
		if s.ids[e.id] {
			return
		}
		s.ids[e.id] = true
		if !s.partial && e.offset >= f.again {
			f.tell(fmt.Sprintf("%s %s/%s", userOf(e.key), e.key, e.id))
		}
	}
	c := f.counts[e.offset/stretch]
	if c == nil {
		c = &chainCount{}
		f.counts[e.offset/stretch] = c
	}
	if c.n++; c.n%5 == 0 {
		f.sum(e.offset/stretch, c)
	}
}

func (f *chainTokens) tell(v string) {
	f.kept = append(f.kept, Outgoing{Topic: "sightings", Value: []byte(v)})
}

func (f *chainTokens) sum(of int64, c *chainCount) {
	if !f.blind {
		f.tell(fmt.Sprintf("app %s:%d:%d", f.name, of, c.n))
		c.told = c.n
	}
}

func (f *chainTokens) Flush() {
	for _, of := range slices.Sorted(maps.Keys(f.counts)) {
		if c := f.counts[of]; c.told != c.n {
			f.sum(of, c)
		}
	}
}

func (f *chainTokens) Rewind(offset int64) int64 { return offset / stretch * stretch }

func (f *chainTokens) Again(before int64) { f.again = before }

func (f *chainTokens) Outbox(all bool) []Outgoing {
	if !all && len(f.kept) < 10 {
		return nil
	}
	out := f.kept
	f.kept = nil
	return out
}

// userOf is the user of a key: three share all keys.
func userOf(key string) string { return "u" + string('0'+key[len(key)-1]%3) }

// chainSubjects is a subject fold: whenever it learns something of a user or the app it finds all that it knows of them.
type chainSubjects struct{ *modelFold }

func (f *chainSubjects) Fold(e *toy) {
	s := f.state[f.Key(e)]
	s.last = max(s.last, e.offset)
	if s.ids[e.id] {
		return
	}
	s.ids[e.id] = true
	n, v := describe(e.key, s.ids)
	v = fmt.Sprintf("%s %06d %s", e.key, n, v)
	if s.partial {
		v += withoutHistory
	}
	f.out = append(f.out, Outgoing{Topic: "found", Value: []byte(v)})
}

// describe is what is known of a subject: of a user all sightings, of the app the sum over all stretches of the greatest count of each.
func describe(subject string, ids map[string]bool) (n int, all string) {
	if subject != "app" {
		return len(ids), strings.Join(slices.Sorted(maps.Keys(ids)), ",")
	}
	greatest := map[string]int{}
	for id := range ids {
		i := strings.LastIndexByte(id, ':')
		c, _ := strconv.Atoi(id[i+1:])
		greatest[id[:i]] = max(greatest[id[:i]], c)
	}
	for _, of := range slices.Sorted(maps.Keys(greatest)) {
		n += greatest[of]
		all += fmt.Sprint(of, "=", greatest[of], ",")
	}
	return n, all
}
