package detect

import (
	"encoding/json"

	"github.com/hijackd/hijackd/schema"
)

// Sentencing is the payload of a note Sentenced: a token of the family was replayed after it was rotated out.
type Sentencing struct {
	Finding  string          `json:"finding"`  // the finding on the replayed token
	Token    string          `json:"token"`    // the replayed token
	Severity schema.Severity `json:"severity"` // of that finding
	Class    string          `json:"class"`    // what kind of replay it was
	Hops     int             `json:"hops"`     // rotations between the replayed token and this one
}

// Sentencing reads the payload of a Sentence; ok is false for one that can't be read.
func (m *Mark) Sentencing() (p Sentencing, ok bool) {
	ok = m.Kind == Sentence && json.Unmarshal([]byte(m.Text), &p) == nil
	return p, ok
}

// sentence tells the successors of a token that was replayed, if the verdict says so.
func (t *Tokens) sentence(view *Session, c *candidate, e *schema.Event, out *Output) {
	f := &c.finding
	if c.verdict.Sentence == "" || f.WithoutHistory {
		return
	}
	p := Sentencing{Finding: f.ID, Token: view.Token, Severity: f.Severity, Class: c.verdict.Sentence}
	t.pronounce(view, p, e, f.Time.UnixNano(), out)
}

func (t *Tokens) pronounce(view *Session, p Sentencing, e *schema.Event, at int64, out *Output) {
	p.Hops++
	payload, err := json.Marshal(p)
	if err != nil {
		return
	}
	for i := range view.Marks {
		if m := &view.Marks[i]; m.Kind == RotatedOut && m.Text != view.Token {
			out.Notes = append(out.Notes, t.note(schema.Sentenced, e, m.Text, "", p.Finding, at, string(payload)))
		}
	}
}

// passSentences passes on what a new mark makes passable: a sentence to the successors, or all sentences to a new successor.
func (t *Tokens) passSentences(view *Session, e *schema.Event, out *Output) {
	for i := range view.Marks {
		m := &view.Marks[i]
		if m.Kind != Sentence || e.Type != schema.Superseded && m.ID != e.ID {
			continue
		}
		if p, ok := m.Sentencing(); ok {
			t.pronounce(view, p, e, m.Time, out)
		}
	}
}
