package detect

import (
	"math"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// Folds is a token fold and a subject fold in one process, each handed at once what the other puts out, where the daemon has topics
// between them: for backtests, evaluations and tests. It keeps all state, for nothing stores what it would evict. It is not safe for
// concurrent use.
type Folds struct {
	Tokens   *Tokens
	Subjects *Subjects
	// Found, if set, hears every version of every finding as it is made.
	Found func(*schema.Finding)

	budget    *Budget
	merged    map[string]schema.Finding
	commands  []schema.Command
	ordered   map[string]bool // ids of commands
	notes     []*schema.Event
	sightings []schema.Sighting
	out       Output
}

// manySymbols bounds the distinct texts that Folds keep: about 100 MB of them at most.
const manySymbols = 1 << 20

// NewFolds returns folds that have seen nothing. A lateness of 0 is DefaultLateness.
func NewFolds(rules []Running, lateness time.Duration) *Folds {
	o := Options{Rules: rules, Lateness: lateness, Budget: NewBudget(math.MaxInt64), Keyer: schema.NewKeyer(), Symbols: NewSymbols(manySymbols)}
	return &Folds{Tokens: NewTokens(o), Subjects: NewSubjects(o), budget: o.Budget, merged: map[string]schema.Finding{}, ordered: map[string]bool{}}
}

// ShowGeoIP has findings show when the GeoIP databases in use were built; see Options.
func (f *Folds) ShowGeoIP(built string) {
	f.Tokens.geoip, f.Subjects.geoip = geoip(built), geoip(built)
}

// Fold folds one event and all that it causes. Offsets must grow from event to event. Notes among the events are folded too: with those that were stored before, a run makes
// the same ones again, under the same ids.
func (f *Folds) Fold(e *schema.Event) {
	f.event(e)
	f.settle()
}

// settle folds what waits, first in first out, until nothing does.
func (f *Folds) settle() {
	for len(f.notes) > 0 || len(f.sightings) > 0 {
		notes, sightings := f.notes, f.sightings
		f.notes, f.sightings = nil, nil
		for _, n := range notes {
			f.event(n)
		}
		for i := range sightings {
			f.out.Reset()
			f.Subjects.Fold(&sightings[i], &f.out)
			f.take()
		}
	}
}

func (f *Folds) event(e *schema.Event) {
	f.out.Reset()
	f.Tokens.Fold(e, &f.out)
	f.take()
}

// take keeps what a fold put out.
func (f *Folds) take() {
	Merge(f.merged, f.out.Findings...)
	if f.Found != nil {
		for i := range f.out.Findings {
			f.Found(&f.out.Findings[i])
		}
	}
	for i := range f.out.Notes {
		f.notes = append(f.notes, f.out.Notes[i].Clone())
	}
	f.sightings = append(f.sightings, f.out.Sightings...)
	for _, c := range f.out.Commands {
		if !f.ordered[c.ID] {
			f.ordered[c.ID] = true
			f.commands = append(f.commands, c)
		}
	}
}

// Flush has the folds tell what they sum up and have not told yet: at the end of the events.
func (f *Folds) Flush() {
	f.out.Reset()
	f.Tokens.FinishCounts(&f.out)
	f.take()
	f.settle()
}

// Findings returns what was found, by (time, id), without decisions.
func (f *Folds) Findings() []schema.Finding { return Sorted(f.merged) }

// Commands returns what the folds order of the response lane, in the order in which they first did.
func (f *Folds) Commands() []schema.Command { return f.commands }

// Bytes is what all state takes, by the folds' own account.
func (f *Folds) Bytes() int64 { return f.budget.Used() }
