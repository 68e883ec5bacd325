package detect

import (
	"encoding/json"
	"fmt"

	"github.com/hijackd/hijackd/schema"
)

// Sentencing is the payload of a note Sentenced: a token of the family was replayed after it was rotated out.
type Sentencing struct {
	Finding  string          `json:"finding"`  // the finding on the replayed token
	Event    string          `json:"event"`    // its completing event
	Token    string          `json:"token"`    // the replayed token
	Severity schema.Severity `json:"severity"` // of that finding
	Class    string          `json:"class"`    // what kind of replay it was; empty for one that was withdrawn
	Informed int             `json:"informed"` // ranks versions of the finding
	Hops     int             `json:"hops"`     // rotations between the replayed token and this one
}

// Sentencing reads the payload of a Sentence; ok is false for one that can't be read.
func (m *Mark) Sentencing() (p Sentencing, ok bool) {
	ok = m.Kind == Sentence && json.Unmarshal([]byte(m.Text), &p) == nil
	return p, ok
}

// Sentences are the sentences in force: of each finding the best informed ones.
func (s *Session) Sentences() []*Mark {
	var all []*Mark
	informed := map[string]int{}
	for i := range s.Marks {
		if p, ok := s.Marks[i].Sentencing(); ok {
			informed[p.Finding] = max(informed[p.Finding], p.Informed)
		}
	}
	for i := range s.Marks {
		if p, ok := s.Marks[i].Sentencing(); ok && p.Informed == informed[p.Finding] && p.Class != "" {
			all = append(all, &s.Marks[i])
		}
	}
	return all
}

// sentence tells the successors of a token that was replayed,
// if the verdict says so, or takes it back if a version before may have.
func (t *Tokens) sentence(view *Session, c *candidate, e *schema.Event, out *Output) {
	f := &c.finding
	if f.WithoutHistory || c.version.flags&foundSentence == 0 {
		return
	}
	var named schema.Finding // as the replay itself says; the rest each successor knows best
	t.name(&named, c.verdict.Pattern[len(c.verdict.Pattern)-1].actor())
	p := Sentencing{Finding: f.ID, Event: f.EventID, Token: view.Token, Severity: f.Severity, Class: c.verdict.Sentence, Informed: f.Informed}
	t.pronounce(view, p, author{named.User, named.Session, named.App, e.Partition}, f.Time.UnixNano(), out)
}

func (t *Tokens) pronounce(view *Session, p Sentencing, by author, at int64, out *Output) {
	if p.Hops++; p.Hops > maxSentenced {
		return
	}
	payload, err := json.Marshal(p)
	if err != nil {
		return
	}
	cause := fmt.Sprintf("%s %s %d", p.Finding, p.Event, p.Informed)
	for m := range view.successors() {
		out.Notes = append(out.Notes, by.note(schema.Sentenced, view.Tenant, m.Text, "", cause, at, string(payload)))
	}
}

// passSentences passes on what a new mark makes passable: a sentence to the successors, or those in force to a new successor.
func (t *Tokens) passSentences(view *Session, e *schema.Event, out *Output) {
	var pass []*Mark
	switch e.Type {
	case schema.Superseded:
		pass = view.Sentences()
	case schema.Sentenced:
		for i := range view.Marks {
			if m := &view.Marks[i]; m.ID == e.ID {
				pass = append(pass, m)
			}
		}
	}
	for _, m := range pass {
		if p, ok := m.Sentencing(); ok {
			var named schema.Finding
			t.name(&named, m.actor)
			t.pronounce(view, p, author{named.User, named.Session, named.App, e.Partition}, m.Time, out)
		}
	}
}
