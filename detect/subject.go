package detect

import "github.com/hijackd/hijackd/schema"

// SubjectJudge looks at a user or a network and says what it recognises, as Judge does for tokens.
type SubjectJudge interface {
	// Scope is what it judges: users or networks.
	Scope() schema.Scope
	Judge(s *Subject, say func(SubjectVerdict))
}

// Subject is what is kept of a user or a network, as judges see it.
type Subject struct{}

// SubjectVerdict is what a judge recognised.
type SubjectVerdict struct{}

// Subjects is the fold of a subject lane: what is known of each user, network and app, and the rules over it. It is not safe for
// concurrent use.
type Subjects struct{ apps *apps }

// NewSubjects returns a fold without any state.
func NewSubjects(o Options) *Subjects { return &Subjects{apps: newApps(o)} }

// Subject names what a sighting is about: scope and subject, for names of users and networks may be the same.
func (t *Subjects) Subject(e *schema.Sighting) schema.Subject {
	return schema.Subject{Tenant: e.Tenant, Name: string(e.Scope) + ":" + e.Subject}
}

// Fold folds one sighting and appends what it causes to out.
func (t *Subjects) Fold(e *schema.Sighting, out *Output) {
	if e.Scope == schema.ScopeApp {
		t.apps.fold(e, out)
	}
}
