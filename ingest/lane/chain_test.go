package lane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hijackd/hijackd/schema"
)

// chain is two token lanes and the subject lane that reads what they tell. An oracle knows what it finds in the end if nothing happens.
type chain struct {
	r         *rand.Rand
	m         *chainMutation
	tokens    [2]*post
	logs      [2][]schema.Record
	subjects  *post
	sightings []schema.Record
	first     map[string]int64    // each sighting's smallest offset
	facts     [2]map[string]int64 // what is to be told, and the offset after which it has to have been
	final     map[string]string   // of each subject: the last thing to find
	found     map[string]string   // and the last thing found
	calm      bool
}

// chainMutation is a chain with one part of the protocol missing.
type chainMutation struct {
	name             string
	tokens, subjects mutation
	fold             func(*chainTokens) Fold[toy]
	lastRowWins      bool
}

func newChain(seed uint64, m *chainMutation, metrics *Metrics) *chain {
	c := &chain{r: rand.New(rand.NewPCG(seed, 17)), m: m, first: map[string]int64{}, final: map[string]string{}, found: map[string]string{}}
	known := map[string]map[string]bool{}
	learn := func(told []Outgoing) {
		for _, o := range told {
			subject, id, _ := strings.Cut(string(o.Value), " ")
			if known[subject] == nil {
				known[subject] = map[string]bool{}
			}
			known[subject][id] = true
		}
	}
	for i := range c.tokens {
		c.facts[i] = map[string]int64{}
		oracle := newChainTokens(fmt.Sprint(i), 1<<20)
		keys, ids := 2+c.r.IntN(6), 4+c.r.IntN(20)
		for offset := range int64(50 + c.r.IntN(150)) {
			e := toy{fmt.Sprintf("k%d%d", i, c.r.IntN(keys)), fmt.Sprintf("i%d", c.r.IntN(ids)), offset}
			if c.r.IntN(8) == 0 {
				e = toy{"", fmt.Sprint("n", offset), offset}
			}
			c.logs[i] = append(c.logs[i], schema.Record{Offset: offset, Value: []byte(e.key + " " + e.id)})
			if k := oracle.Key(&e); e.key != "" && !oracle.Has(k) {
				oracle.Load(k, nil, true)
			}
			oracle.Fold(&e)
			told := oracle.Outbox(true)
			learn(told)
			for _, o := range told {
				if v := string(o.Value); !strings.HasPrefix(v, "app") {
					c.facts[i][v] = offset
				}
			}
			if offset%stretch == stretch-1 {
				oracle.Flush()
				told := oracle.Outbox(true)
				learn(told)
				for _, o := range told {
					c.facts[i][string(o.Value)] = offset
				}
			}
		}
		oracle.Flush()
		learn(oracle.Outbox(true))
		c.tokens[i] = &post{r: c.r, m: &m.tokens, metrics: metrics, calm: &c.calm, table: c.table(seed, i),
			records: func() []schema.Record { return c.logs[i] },
			fold: func() Fold[toy] {
				f := newChainTokens(fmt.Sprint(i), 1+c.r.IntN(8))
				if m.fold != nil {
					return m.fold(f)
				}
				return f
			},
			publish: c.tell, check: func(to int64) error { return c.check(i, to) }}
	}
	for subject, ids := range known {
		_, c.final[subject] = describe(subject, ids)
	}
	c.subjects = &post{r: c.r, m: &m.subjects, metrics: metrics, calm: &c.calm, table: c.table(seed, 2),
		records: func() []schema.Record { return c.sightings },
		fold:    func() Fold[toy] { return &chainSubjects{newModelFold(1 + c.r.IntN(4))} },
		publish: c.find, check: func(to int64) error { return c.subjects.table.holds(c.first, to) }}
	return c
}

func (c *chain) table(seed uint64, i int) *modelTable {
	return &modelTable{r: rand.New(rand.NewPCG(seed, 100+uint64(i))), last: c.m.lastRowWins}
}

// check looks whether everything is told that lies before a token lane's commit.
func (c *chain) check(i int, to int64) error {
	for fact, by := range c.facts[i] {
		if subject, id, _ := strings.Cut(fact, " "); by < to {
			if _, told := c.first[subject+" "+id]; !told {
				return fmt.Errorf("lane %d committed %d and never told %q of %d", i, to, fact, by)
			}
		}
	}
	return nil
}

// fate is what becomes of a publication: nothing, a part of it, all of it with a lost answer, all of it twice, or as it should.
func (c *chain) fate(out []Outgoing, m *mutation, each func(Outgoing)) error {
	fate := c.r.IntN(30)
	if c.calm || len(out) == 0 {
		fate = 29
	}
	for i, o := range out {
		if fate == 0 || fate == 1 && i > len(out)/2 {
			break
		}
		each(o)
	}
	if fate == 3 {
		for _, o := range out {
			each(o)
		}
	}
	if fate < 3 && !m.ignoreError {
		return errors.New("timed out")
	}
	return nil
}

// tell appends to the sightings topic.
func (c *chain) tell(_ context.Context, out []Outgoing) error {
	return c.fate(out, &c.m.tokens, func(o Outgoing) {
		offset := int64(len(c.sightings))
		if _, known := c.first[string(o.Value)]; !known {
			c.first[string(o.Value)] = offset
		}
		c.sightings = append(c.sightings, schema.Record{Offset: offset, Value: slices.Clone(o.Value)})
	})
}

// find hears what the subject lane finds: of two versions the one that knows more counts.
func (c *chain) find(_ context.Context, out []Outgoing) error {
	return c.fate(out, &c.m.subjects, func(o Outgoing) {
		v := string(o.Value)
		subject, version, _ := strings.Cut(v, " ")
		if !strings.HasSuffix(v, withoutHistory) && version > c.found[subject] {
			c.found[subject] = version
		}
	})
}

// run is one story: in the end the subject lane has found what it would have found undisturbed.
func (c *chain) run(ctx context.Context) error {
	posts := []*post{c.tokens[0], c.tokens[1], c.subjects}
	for _, p := range posts {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	for range 300 {
		if err := posts[c.r.IntN(3)].step(ctx); err != nil {
			return err
		}
	}
	for _, p := range posts {
		p.settle()
	}
	c.calm = true
	err := errors.New("nothing found")
	for n := 0; err != nil && n < 5_000; n++ {
		for _, p := range posts {
			if err := p.step(ctx); err != nil {
				return err
			}
		}
		err = c.finished(posts)
	}
	for _, p := range posts {
		p.discard()
	}
	return err
}

func (c *chain) finished(posts []*post) error {
	for i, p := range posts {
		if end := int64(len(p.records())); p.committed < end {
			return fmt.Errorf("calm, and no progress of lane %d beyond %d of %d", i, p.committed, end)
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(c.final)) {
		if _, got, _ := strings.Cut(c.found[subject], " "); got != c.final[subject] {
			return fmt.Errorf("of %s the last thing found is %s, undisturbed it is %s", subject, got, c.final[subject])
		}
	}
	return nil
}

// chainViolations runs stories until so many have failed.
func chainViolations(t *testing.T, m *chainMutation, stories, enough uint64) (failed []string, ran uint64) {
	metrics := NewMetrics(prometheus.NewRegistry())
	for ; ran < stories && uint64(len(failed)) < enough; ran++ {
		synctest.Test(t, func(t *testing.T) {
			if err := newChain(ran, m, metrics).run(t.Context()); err != nil {
				failed = append(failed, fmt.Sprintf("seed %d: %v", ran, err))
			}
		})
	}
	return failed, ran
}

func TestSubjectLanesFindTheSameWhateverFails(t *testing.T) {
	failed, _ := chainViolations(t, &chainMutation{}, 500, 3)
	for _, f := range failed {
		t.Error(f)
	}
}
