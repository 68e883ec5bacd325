package detect

import "github.com/hijackd/hijackd/schema"

func (t *Tokens) supersede(e *schema.Event, out *Output)                          {}
func (t *Tokens) inherit(s *session, view *Session, e *schema.Event, out *Output) {}
func (t *Tokens) passOn(s *session, view *Session, e *schema.Event, out *Output)  {}
func (t *Tokens) foldInherited(s *session, e *schema.Event, out *Output)          {}
func (t *Tokens) sentence(view *Session, f *schema.Finding, about string, e *schema.Event, out *Output) {
}
