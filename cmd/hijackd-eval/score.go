package main

import (
	"maps"
	"math"
	"slices"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// score counts how well one or several seeds were judged.
type score struct {
	seeds, events, tokens int
	sessions, benign      int
	kinds                 map[variant]*recall
	nuisances             map[simulate.Nuisance]*harm
	rules                 map[string]*contribution
	without               map[string]map[variant]*recall
	alerts, revocations   int // false ones
	lost                  []loss
}

// variant is a kind of attack, by attackers whose device differs from the victim's in something that events show, or in nothing.
type variant struct {
	kind  simulate.Attack
	alike bool
}

// recall is how many attacks of a kind were found.
type recall struct {
	incidents int
	found     int // by a finding of medium severity or more
	revoked   int // policy.mode enforce, rules in their default modes
	would     int // with every rule at enforce
	seconds   []float64
	requests  []float64
}

// harm is what harmless sessions with a nuisance suffered.
type harm struct{ sessions, alerts, revocations int }

// contribution is what one rule found.
type contribution struct {
	findings  int // of any severity
	incidents int // that it found with medium severity or more
	alone     int // which no other rule found so
	alerts    int // false ones
	low       int // findings of low severity about nobody attacked
}

// loss is a mistake, for whoever is to mend it.
type loss struct {
	Seed     uint64           `json:"seed"`
	What     string           `json:"what"` // false alert, false revocation, missed attack, not revoked
	Kind     simulate.Attack  `json:"attack,omitempty"`
	Alike    bool             `json:"alike,omitempty"` // the thief shows nothing of their own
	Incident uint32           `json:"incident,omitempty"`
	Start    string           `json:"start,omitempty"` // id of the attacker's first event
	Finding  *schema.Finding  `json:"finding,omitempty"`
	Labels   []string         `json:"nuisances,omitempty"`
	Findings []schema.Finding `json:"findings,omitempty"` // that there are about a missed attack
}

func newScore() *score {
	return &score{
		kinds: map[variant]*recall{}, nuisances: map[simulate.Nuisance]*harm{}, rules: map[string]*contribution{},
		without: map[string]map[variant]*recall{},
	}
}

func at[K comparable, V any](m map[K]*V, k K) *V {
	v := m[k]
	if v == nil {
		v = new(V)
		m[k] = v
	}
	return v
}

// emission is when a finding was first made with medium severity or more: the time of the event then folded, and its position.
type emission struct {
	time     int64
	position int
}

// outcome is everything that came of one seed.
type outcome struct {
	seed     uint64
	truth    *truth
	findings []schema.Finding // merged, not decided
	commands []schema.Command
	emitted  map[string]emission
	tokens   int
	policy   *actions.Policy // policy.mode enforce, rules in their default modes
}

func alarming(f *schema.Finding) bool { return f.Severity != schema.Low }

// responses are the decisions on an outcome's findings, as far as they count: which findings alert, and which tokens are revoked.
type responses struct {
	decided []schema.Finding
	about   [][]uint32 // incidents of each
}

func (o *outcome) respond(without string) *responses {
	kept := o.findings
	if without != "" {
		kept = slices.DeleteFunc(slices.Clone(kept), func(f schema.Finding) bool { return f.Rule == without })
	}
	r := &responses{decided: actions.DecideAll(o.policy, kept, o.commands)}
	for i := range r.decided {
		r.about = append(r.about, o.truth.about(&r.decided[i]))
	}
	return r
}

// caught tells of each incident whether it was found and whether its tokens are revoked.
type caught struct {
	found          bool
	revoked, would bool
	first          emission
	rules          []string
}

func (o *outcome) catch(r *responses) []caught {
	all := make([]caught, len(o.truth.incidents))
	for i := range r.decided {
		f := &r.decided[i]
		for _, n := range r.about[i] {
			c := &all[n]
			c.revoked = c.revoked || f.Decision == schema.RevokeSession
			c.would = c.would || f.Would == schema.RevokeSession
			if !alarming(f) {
				continue
			}
			if e := o.emitted[f.ID]; !c.found || e.position < c.first.position {
				c.first = e
			}
			c.found = true
			if !slices.Contains(c.rules, f.Rule) {
				c.rules = append(c.rules, f.Rule)
			}
		}
	}
	return all
}

// score counts one seed, and what each rule's absence would change.
func (o *outcome) score(ruleNames []string) *score {
	s := newScore()
	s.seeds, s.events, s.tokens = 1, o.truth.events, o.tokens
	whole := o.respond("")
	all := o.catch(whole)
	o.recall(s.kinds, all)
	o.detections(s, all)
	o.mistakes(s, whole, all)
	o.harms(s, whole)
	for _, rule := range ruleNames {
		m := map[variant]*recall{}
		less := all
		if s.rules[rule] != nil { // else nothing is left out
			less = o.catch(o.respond(rule))
		}
		o.recall(m, less)
		s.without[rule] = m
	}
	return s
}

func (o *outcome) recall(into map[variant]*recall, all []caught) {
	for n, i := range o.truth.incidents {
		if i == nil || i.requests == nil {
			continue
		}
		r := at(into, o.variant(i))
		r.incidents++
		r.found += count(all[n].found)
		r.revoked += count(all[n].revoked)
		r.would += count(all[n].would)
	}
}

func (o *outcome) variant(i *incident) variant { return variant{i.kind, o.truth.alike(i)} }

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// detections measures how long each detection took, and who made it.
func (o *outcome) detections(s *score, all []caught) {
	for n, i := range o.truth.incidents {
		if i == nil || !all[n].found {
			continue
		}
		c, r := &all[n], at(s.kinds, o.variant(i))
		r.seconds = append(r.seconds, max(0, float64(c.first.time-i.first)/1e9))
		made, _ := slices.BinarySearch(i.requests, c.first.position+1)
		r.requests = append(r.requests, float64(max(1, made)))
		for _, rule := range c.rules {
			at(s.rules, rule).incidents++
			if len(c.rules) == 1 {
				at(s.rules, rule).alone++
			}
		}
	}
}

// mistakes keeps attacks that were missed, so that somebody can look.
func (o *outcome) mistakes(s *score, r *responses, all []caught) {
	for n, i := range o.truth.incidents {
		if i == nil || i.requests == nil || all[n].found && all[n].would {
			continue
		}
		l := loss{Seed: o.seed, What: "not revoked", Kind: i.kind, Alike: o.truth.alike(i), Incident: uint32(n), Start: i.start} // #nosec G115 -- small
		if !all[n].found {
			l.What = "missed attack"
		}
		for k := range r.decided {
			if slices.Contains(r.about[k], l.Incident) {
				l.Findings = append(l.Findings, r.decided[k])
			}
		}
		s.lost = append(s.lost, l)
	}
}

// harms counts what people suffered who were not attacked.
func (o *outcome) harms(s *score, r *responses) {
	for _, life := range o.truth.sessions {
		s.sessions++
		if life.attacked {
			continue
		}
		s.benign++
		for _, n := range life.nuisances.List() {
			at(s.nuisances, n).sessions++
		}
	}
	revoked := map[string]bool{}
	for i := range r.decided {
		f := &r.decided[i]
		c := at(s.rules, f.Rule)
		c.findings++
		for _, token := range o.wronged(f) {
			if !revoked[token] {
				revoked[token] = true
				s.revocations++
				o.blame(s, "false revocation", f, func(h *harm) { h.revocations++ })
			}
		}
		switch {
		case len(r.about[i]) > 0:
		case !alarming(f):
			c.low++
		case f.Decision != schema.Observe:
			c.alerts++
			s.alerts++
			o.blame(s, "false alert", f, func(h *harm) { h.alerts++ })
		}
	}
}

// wronged lists the tokens that a finding would revoke though nobody attacked them, or nobody yet. A finding that is not conclusive by itself
// revokes together with others, which may be later.
func (o *outcome) wronged(f *schema.Finding) (tokens []string) {
	if f.Would != schema.RevokeSession {
		return nil
	}
	by := int64(math.MaxInt64)
	if f.Conclusive {
		by = f.Time.UnixNano()
	}
	for _, token := range append([]string{f.Token}, targets(f)...) {
		if token != "" && !o.truth.stolen(named{f.Tenant, token}, by) {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// blame keeps a mistake and counts it with the nuisances that it is put down to.
func (o *outcome) blame(s *score, what string, f *schema.Finding, count func(*harm)) {
	labels := o.labels(f)
	for _, n := range labels.List() {
		count(at(s.nuisances, n))
	}
	s.lost = append(s.lost, loss{Seed: o.seed, What: what, Finding: f, Labels: names(labels)})
}

func targets(f *schema.Finding) (tokens []string) {
	for i := range f.Targets {
		tokens = append(tokens, f.Targets[i].Token)
	}
	return tokens
}

// labels are the nuisances that a false finding is put down to: those of its events, or else of its session.
func (o *outcome) labels(f *schema.Finding) (s simulate.Nuisances) {
	for _, id := range f.Events {
		s |= o.truth.nuisances[id]
	}
	if s != 0 {
		return s
	}
	for _, name := range []string{f.Session, f.Token} {
		if life := o.truth.sessions[named{f.Tenant, name}]; life != nil {
			return life.nuisances
		}
	}
	return 0
}

func names(s simulate.Nuisances) (all []string) {
	for _, n := range s.List() {
		all = append(all, n.String())
	}
	return all
}

// add adds the counts of another seed.
func (s *score) add(o *score) {
	s.seeds, s.events, s.tokens = s.seeds+o.seeds, s.events+o.events, s.tokens+o.tokens
	s.sessions, s.benign = s.sessions+o.sessions, s.benign+o.benign
	s.alerts, s.revocations = s.alerts+o.alerts, s.revocations+o.revocations
	s.lost = append(s.lost, o.lost...)
	addRecall(s.kinds, o.kinds)
	for n, h := range o.nuisances {
		to := at(s.nuisances, n)
		to.sessions, to.alerts, to.revocations = to.sessions+h.sessions, to.alerts+h.alerts, to.revocations+h.revocations
	}
	for rule, c := range o.rules {
		to := at(s.rules, rule)
		to.findings, to.incidents, to.alone = to.findings+c.findings, to.incidents+c.incidents, to.alone+c.alone
		to.alerts, to.low = to.alerts+c.alerts, to.low+c.low
	}
	for _, rule := range slices.Sorted(maps.Keys(o.without)) {
		if s.without[rule] == nil {
			s.without[rule] = map[variant]*recall{}
		}
		addRecall(s.without[rule], o.without[rule])
	}
}

func addRecall(to, from map[variant]*recall) {
	for v, r := range from {
		t := at(to, v)
		t.incidents, t.found, t.revoked, t.would = t.incidents+r.incidents, t.found+r.found, t.revoked+r.revoked, t.would+r.would
		t.seconds, t.requests = append(t.seconds, r.seconds...), append(t.requests, r.requests...)
	}
}
