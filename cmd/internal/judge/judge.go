// Package judge runs everything that hijackd decides with in one process: token folds, subject folds and the response lane's policy.
// A backtest and the evaluation judge with it.
//
// Sightings reach the subject fold and notes the token fold at once, where the daemon has topics between them; so a shuffle of the
// events within the lateness gives the same findings. It keeps the state of every token that it met, for nothing stores what it would
// evict, and it acts on nothing.
package judge

import (
	"math"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// Options are what a Judge depends on.
type Options struct {
	Rules    []detect.Running
	Lateness time.Duration // 0 for detect.DefaultLateness
}

// Judge is all folds over events in a given order. It is not safe for concurrent use.
type Judge struct {
	tokens   *detect.Tokens
	subjects *detect.Subjects
	budget   *detect.Budget
	found    map[string]schema.Finding
	commands []schema.Command
	ordered  map[string]bool // ids of commands
	events   []*schema.Event // that wait: notes
	sighted  []schema.Sighting
	out      detect.Output
}

// maxSymbols bounds the distinct texts kept: about 100 MB of them at most.
const maxSymbols = 1 << 20

// New returns a Judge that has seen nothing.
func New(o Options) *Judge {
	budget := detect.NewBudget(math.MaxInt64)
	options := detect.Options{Rules: o.Rules, Lateness: o.Lateness, Budget: budget, Keyer: schema.NewKeyer(), Symbols: detect.NewSymbols(maxSymbols)}
	return &Judge{
		tokens: detect.NewTokens(options), subjects: detect.NewSubjects(options), budget: budget,
		found: map[string]schema.Finding{}, ordered: map[string]bool{},
	}
}

// Event folds one event and all that it causes. hijackd's own notes are left out: what they say is made again here, by these rules.
func (j *Judge) Event(e *schema.Event) {
	if e.Type.IsNote() {
		return
	}
	j.fold(e)
	j.settle()
}

func (j *Judge) fold(e *schema.Event) {
	j.out.Reset()
	j.tokens.Fold(e, &j.out)
	j.take()
}

// settle folds what waits, first in first out, until nothing does.
func (j *Judge) settle() {
	for len(j.events) > 0 || len(j.sighted) > 0 {
		events, sighted := j.events, j.sighted
		j.events, j.sighted = nil, nil
		for _, e := range events {
			j.fold(e)
		}
		for i := range sighted {
			j.out.Reset()
			j.subjects.Fold(&sighted[i], &j.out)
			j.take()
		}
	}
}

// take keeps what a fold put out.
func (j *Judge) take() {
	detect.Merge(j.found, j.out.Findings...)
	for i := range j.out.Notes {
		j.events = append(j.events, j.out.Notes[i].Clone())
	}
	j.sighted = append(j.sighted, j.out.Sightings...)
	for _, c := range j.out.Commands {
		if !j.ordered[c.ID] {
			j.ordered[c.ID] = true
			j.commands = append(j.commands, c)
		}
	}
}

// Finish returns what was found, by (time, id), without decisions, and the commands of the folds.
func (j *Judge) Finish() ([]schema.Finding, []schema.Command) {
	return detect.Sorted(j.found), j.commands
}

// Tokens is how many tokens are kept, and Bytes what all state takes, as the folds account for it.
func (j *Judge) Tokens() int  { return j.tokens.Len() }
func (j *Judge) Bytes() int64 { return j.budget.Used() }

// Decide gives each finding its decision under a policy, in the order given.
func Decide(p *actions.Policy, findings []schema.Finding, _ []schema.Command) []schema.Finding {
	decided := make([]schema.Finding, len(findings))
	for i := range findings {
		f := findings[i]
		f.Decision, f.Would, f.Suppressed = p.Decide(&f)
		decided[i] = f
	}
	return decided
}
