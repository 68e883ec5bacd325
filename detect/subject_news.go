package detect

import (
	"encoding/json"
	"strings"
	"time"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

// saying is the version of a finding that went out, so that only a stronger one goes out after it, or a better informed one where
// something that came late weakens it.
type saying struct {
	rule      uint8
	lift      int // added to what versions of it say of Informed
	revisions uint8
	withdrawn bool
	beyond    bool           // counted in the last one
	version   schema.Finding // what ranks it; no summary, evidence or ends
	digest    uint64         // over all of it
}

// saidFor is for how long a version is remembered, in event time: as long as the signals topic keeps it. MaxFindings counts over it.
const saidFor = 7 * 24 * int64(time.Hour)

const sayingBytes = int(unsafe.Sizeof(saying{})) + 64

// proposal is a verdict as a finding, not yet explained.
type proposal struct {
	rule    uint8
	verdict SubjectVerdict
	finding schema.Finding
}

// judge asks the rules, and lets out what is news.
func (t *Subjects) judge(s *subject, e *schema.Sighting, n news, out *Output) {
	t.view = Subject{Scope: s.scope, Tenant: e.Tenant, Name: e.Subject, news: n, since: ago(s.newest, t.lateness), state: s, Sights: s.sights}
	best := map[string]*proposal{}
	var order []*proposal
	for i := range t.rules {
		if t.rules[i].Subject.Scope() != s.scope {
			continue
		}
		t.rules[i].Subject.Judge(&t.view, func(v SubjectVerdict) {
			p := t.propose(s, e, uint8(i), v) // #nosec G115 -- a few rules
			switch old := best[p.finding.ID]; {
			case old == nil:
				best[p.finding.ID] = p
				order = append(order, p)
			case p.finding.Compare(&old.finding) > 0:
				*old = *p
			}
		})
	}
	if n.late {
		for i := range s.said {
			if p := &s.said[i]; best[p.version.ID] == nil && !p.withdrawn && !p.beyond && t.revisable(s, p, n.at) {
				t.withdraw(s, p, out)
			}
		}
	}
	for _, p := range order {
		t.let(s, p, n, out)
	}
	t.view = Subject{}
}

// let lets a proposal out if it is news.
func (t *Subjects) let(s *subject, p *proposal, n news, out *Output) {
	was := s.find(p.finding.ID)
	if was == nil {
		t.first(s, p, out)
		return
	}
	if was.beyond {
		return // counted already
	}
	p.finding.Informed += was.lift
	order := p.finding.Compare(&was.version)
	if order <= 0 && (!n.late || !t.revisable(s, was, n.at)) {
		return
	}
	f, digest := p.explained()
	if order == 0 && digest == was.digest && !was.withdrawn {
		return
	}
	if order <= 0 {
		up := was.version.Informed - p.finding.Informed + 1
		was.lift, p.finding.Informed = was.lift+up, p.finding.Informed+up
		was.revisions++
	}
	s.bytes -= was.bytes()
	was.version, was.digest, was.withdrawn = p.ranks(), digest, false
	s.bytes += was.bytes()
	f.Informed = p.finding.Informed
	t.geoip.stamp(&f)
	out.Findings = append(out.Findings, f)
}

// revisable reports whether something new of the moment may weaken a version that went out, and all that it rests on is still kept.
func (t *Subjects) revisable(s *subject, p *saying, at Moment) bool {
	done := Moment{p.version.Time.UnixNano(), p.version.EventID}
	whole := s.thinned == 0 || ago(done.Time, t.windows[s.scope]) > s.thinned
	return whole && p.revisions < maxRevisions && done.Time >= ago(s.newest, t.lateness) && !done.Before(at)
}

func (s *subject) find(id string) *saying {
	for i := range s.said {
		if s.said[i].version.ID == id {
			return &s.said[i]
		}
	}
	return nil
}

// first lets out a finding that is new.
func (t *Subjects) first(s *subject, p *proposal, out *Output) {
	same, past := 0, 0
	for i := range s.said {
		if o := &s.said[i]; o.rule == p.rule {
			same++
			if o.beyond {
				past++
			}
		}
	}
	if same >= maxFound {
		return
	}
	f, digest := p.explained()
	now := saying{rule: p.rule, version: p.ranks(), digest: digest}
	if same >= MaxFindings-1 {
		now.beyond = true
		f.Informed += past + 1
		f.Evidence["about"], f.Evidence["beyond"] = aboutBeyond, past+1
		f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, 0, aboutBeyond)
	}
	s.said = append(s.said, now)
	s.bytes += now.bytes()
	t.geoip.stamp(&f)
	out.Findings = append(out.Findings, f)
}

// withdraw says that a finding turned out to be none: confidence 0, better informed than what was said.
func (t *Subjects) withdraw(s *subject, p *saying, out *Output) {
	p.revisions++
	p.lift = p.version.Informed + 1
	v := &p.version
	v.Informed, v.Confidence, v.Conclusive, v.Severity = p.lift, 0, false, schema.Low
	p.withdrawn = true
	f := *v
	f.Evidence, f.Events, f.Signals = map[string]any{"withdrawn": true}, []string{}, nil
	f.Summary = "Withdrawn: an event that came late explains it"
	out.Findings = append(out.Findings, f)
}

// propose makes a finding of a verdict.
func (t *Subjects) propose(s *subject, e *schema.Sighting, rule uint8, v SubjectVerdict) *proposal {
	r := t.rules[rule].Rule
	done := v.Pattern[len(v.Pattern)-1]
	f := schema.Finding{
		Rule: r.Name, RuleVersion: r.Version, Severity: v.Severity, Confidence: v.Confidence, Conclusive: v.Conclusive && !s.partial, Informed: v.Informed,
		Signals: v.Signals, Scope: s.scope, Subject: strings.Clone(e.Subject), Tenant: strings.Clone(e.Tenant), EventID: done.Event, Time: instant(done.Time),
		FirstSeen: instant(v.Pattern[0].Time), Attack: r.Attack, WithoutHistory: s.partial, App: done.App, Targets: v.Targets,
	}
	f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, 0, v.About)
	for _, x := range v.Pattern {
		f.Events = append(f.Events, x.Event)
	}
	if s.scope == schema.ScopeUser {
		f.User = f.Subject
	}
	foreign := v.Foreign
	if foreign == nil {
		foreign = done
	}
	if !v.NoToken {
		f.Token, f.Session, f.Epoch, f.Partition = foreign.Token.Name, foreign.Session(), foreign.Epoch, foreign.Token.Lane
	}
	return &proposal{rule, v, f}
}

// ranks is what of a finding ranks its versions.
func (p *proposal) ranks() schema.Finding {
	f := p.finding
	f.Signals, f.Targets = nil, nil
	return f
}

// explained is the finding with all that people read, and a digest of it apart from what ranks it: what comes late may change the
// explanation alone.
func (p *proposal) explained() (f schema.Finding, digest uint64) {
	f = p.finding
	f.Evidence = map[string]any{}
	p.verdict.Explain(&f)
	f.Summary = clean(f.Summary)
	f.Evidence["about"] = clean(p.verdict.About)
	x := f
	x.Informed = 0
	text, err := json.Marshal(&x)
	if err != nil { // a value that JSON can't hold: whoever publishes it says so
		return f, 0
	}
	return f, xxhash.Sum64(text)
}

// forgetSaid forgets versions that nobody downstream has any more.
func (s *subject) forgetSaid() {
	kept := s.said[:0]
	for i := range s.said {
		if p := &s.said[i]; p.version.Time.UnixNano() >= ago(s.newest, saidFor) {
			kept = append(kept, *p)
		} else {
			s.bytes -= p.bytes()
		}
	}
	clear(s.said[len(kept):])
	s.said = kept
}

func (p *saying) bytes() int {
	n := sayingBytes + len(p.version.ID) + len(p.version.Subject) + len(p.version.Tenant) + len(p.version.Session)
	for _, e := range p.version.Events {
		n += 16 + len(e)
	}
	return n
}
