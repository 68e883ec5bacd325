package detect

import (
	"cmp"
	"encoding/base64"
	"math"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

const (
	// MaxFindings is the most findings per rule, token and epoch (contract section 3): the first ones in order of arrival. The last
	// one stands for all that is beyond and counts it.
	MaxFindings = 32
	aboutBeyond = "beyond"

	findingDigest = 15  // bytes of a finding's id
	maxRevisions  = 100 // of a finding; after that its versions only grow stronger
)

// candidate is a verdict as a finding, not yet explained.
type candidate struct {
	rule    uint8
	verdict Verdict
	finding schema.Finding
	version found
}

// judge asks the rules that some facts may be news to, and lets out what is news.
func (t *Tokens) judge(s *session, view *Session, e *schema.Event, on Trigger, out *Output) {
	t.ask(s, view, e, on, func(c *candidate) {
		p := t.out(s, c)
		if p == nil {
			t.first(s, view, e, c, out)
			return
		}
		c.raise(p.revision)
		switch order := c.version.compare(p); {
		case order > 0 || order == 0 && !c.version.equal(p):
			t.again(view, e, c, p, out)
		case order == 0 && c.version.names != p.names && p.revision < maxRevisions:
			c.raise(1)
			t.again(view, e, c, p, out)
		case e.Type == schema.Superseded:
			t.sentence(view, c, e, out)
		}
	})
}

func (t *Tokens) ask(s *session, view *Session, e *schema.Event, on Trigger, hear func(*candidate)) {
	for i := range t.rules {
		if t.asked[i]&on != 0 {
			t.rules[i].Judge.Judge(view, func(v Verdict) {
				c := t.candidate(s, view, e, uint8(i), v) // #nosec G115 -- a few rules
				hear(&c)
			})
		}
	}
}

// revise judges everything afresh after a fact came late, for some facts weaken what was found: a start that makes a replay a new life,
// a later expiry, an earlier end. What is found no more is withdrawn, what is weaker now replaces what was said: such versions
// are better informed, and the merged findings are those that would have been found in order.
func (t *Tokens) revise(s *session, view *Session, e *schema.Event, out *Output) {
	view.From, view.To = 0, len(view.Uses)
	since := e.Time // what was complete before is what it was
	if e.Type.IsNote() {
		since = math.MinInt64 // a sentence is older than the news that the token was replaced
	}
	best := map[[findingDigest]byte]*candidate{}
	var order []*candidate
	t.ask(s, view, e, s.possible(), func(c *candidate) {
		switch old := best[c.version.id]; {
		case old == nil:
			best[c.version.id] = c
			order = append(order, c)
		case c.finding.Compare(&old.finding) > 0:
			*old = *c
		}
	})
	for r := s.found; r != 0; r = t.found.at(r).next {
		p := t.found.at(r)
		// What is further back was judged from uses that are not kept any more.
		if best[p.id] == nil && p.flags&(foundWithdrawn|foundBeyond) == 0 && t.revisable(s, p, since) {
			t.withdraw(view, e, p, out)
		}
	}
	for _, c := range order {
		p := t.out(s, c)
		if p == nil {
			t.first(s, view, e, c, out)
			continue
		}
		c.raise(p.revision)
		order := c.version.compare(p)
		switch {
		case order == 0 && c.version.equal(p) && c.version.names == p.names:
			if e.Type == schema.Superseded {
				t.sentence(view, c, e, out)
			}
			continue
		case (order <= 0 || c.version.outranks(p) == 0 && c.version.event != p.event) && !t.revisable(s, p, since):
			continue
		case order <= 0, c.version.time == p.time && c.version.event != p.event: // of one instant ids decide, which are not kept
			c.raise(1)
		}
		t.again(view, e, c, p, out)
	}
}

// revisable reports whether a fact from the time on may weaken a version that went out, and all that it rests on is still kept.
func (t *Tokens) revisable(s *session, p *found, since int64) bool {
	kept := p.flags&foundByMark != 0 || s.flags&sessionThinned == 0 && p.time >= s.newest-t.lateness
	return kept && p.time >= since && p.revision < maxRevisions
}

func (t *Tokens) candidate(s *session, view *Session, e *schema.Event, rule uint8, v Verdict) candidate {
	r := t.rules[rule].Rule
	done := v.Pattern[len(v.Pattern)-1]
	f := schema.Finding{
		Rule: r.Name, RuleVersion: r.Version, Severity: v.Severity, Confidence: v.Confidence, Conclusive: v.Conclusive, Informed: v.Informed, Signals: v.Signals,
		Scope: schema.ScopeToken, Subject: view.Token, Token: view.Token, Tenant: view.Tenant,
		EventID: done.ID(), Time: instant(done.Time), FirstSeen: instant(v.Pattern[0].Time), Attack: r.Attack, Partition: e.Partition,
	}
	f.Epoch = view.Epoch(done.Time, f.EventID)
	if s.flags&sessionPartial != 0 {
		f.WithoutHistory, f.Conclusive = true, false
	}
	for _, u := range v.Pattern {
		f.Events = append(f.Events, u.ID())
	}
	t.who(&f, v.Pattern)
	f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, f.Epoch, v.About)
	now := found{
		id: digest(f.ID), time: f.Time.UnixNano(), first: f.FirstSeen.UnixNano(), event: xxhash.Sum64String(f.EventID),
		confidence: float32(f.Confidence), epoch: uint16(min(f.Epoch, math.MaxUint16)), rule: rule, informed: uint8(f.Informed), // #nosec G115 -- clamped or small
	}
	now.events = uint64(v.Basis) // #nosec G115 -- bits
	for _, e := range f.Events {
		now.events = now.events*31 + xxhash.Sum64String(e)
	}
	now.names = uint16(xxhash.Sum64String(f.User + "\x00" + f.Session)) // #nosec G115 -- a digest
	if f.Conclusive {
		now.flags |= foundConclusive
	}
	if f.WithoutHistory {
		now.flags |= foundPartial
	}
	if v.Sentence != "" {
		now.flags |= foundSentence
	}
	if done.mark != nil {
		now.flags |= foundByMark
	}
	return candidate{rule, v, f, now}
}

// raise lifts a candidate over what was said before that many revisions.
func (c *candidate) raise(revisions uint8) {
	c.version.revision += revisions
	c.version.informed += 2 * revisions
	c.finding.Informed += 2 * int(revisions)
}

// out finds the version of the candidate's finding that went out, or nil.
func (t *Tokens) out(s *session, c *candidate) *found {
	for r := s.found; r != 0; r = t.found.at(r).next {
		if p := t.found.at(r); p.id == c.version.id {
			return p
		}
	}
	return nil
}

// first lets out a finding that is new.
func (t *Tokens) first(s *session, view *Session, e *schema.Event, c *candidate, out *Output) {
	same, past, all := 0, 0, 0
	for r := s.found; r != 0; r = t.found.at(r).next {
		p := t.found.at(r)
		all++
		if p.rule == c.rule && p.epoch == c.version.epoch {
			same++
			past += int(p.flags & foundBeyond)
		}
	}
	if all >= maxFound {
		return
	}
	beyond := 0
	if same >= MaxFindings-1 {
		c.version.flags |= foundBeyond
		beyond = past/foundBeyond + 1
	}
	r := t.found.get()
	c.version.next = s.found
	*t.found.at(r) = c.version
	s.found = r
	t.let(view, e, c, beyond, out)
}

// again lets out a version that replaces p.
func (t *Tokens) again(view *Session, e *schema.Event, c *candidate, p *found, out *Output) {
	if p.flags&foundBeyond != 0 {
		return // counted already
	}
	c.version.next = p.next
	c.version.flags |= p.flags & foundSentence
	*p = c.version
	t.let(view, e, c, 0, out)
}

func (t *Tokens) let(view *Session, e *schema.Event, c *candidate, beyond int, out *Output) {
	v, f := &c.verdict, c.finding
	f.Subject, f.Token, f.Tenant = strings.Clone(f.Subject), strings.Clone(f.Token), strings.Clone(f.Tenant)
	f.Evidence = map[string]any{}
	v.Explain(&f)
	f.Summary = clean(f.Summary)
	f.Evidence["about"] = clean(v.About)
	t.geoip.stamp(&f)
	if beyond > 0 {
		f.Informed += beyond
		f.Evidence["about"], f.Evidence["beyond"] = aboutBeyond, beyond
		f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, f.Epoch, aboutBeyond)
	}
	out.Findings = append(out.Findings, f)
	t.sentence(view, c, e, out)
}

// withdraw says that a finding turned out to be none: confidence 0, better informed than what was said.
func (t *Tokens) withdraw(view *Session, e *schema.Event, p *found, out *Output) {
	p.revision++
	p.informed = 2 * p.revision
	p.confidence = 0
	p.flags = p.flags&^foundConclusive | foundWithdrawn
	r := t.rules[p.rule].Rule
	token := strings.Clone(view.Token)
	id := "fnd_" + base64.RawURLEncoding.EncodeToString(p.id[:])
	if p.flags&foundSentence != 0 {
		t.pronounce(view, Sentencing{Finding: id, Token: token, Informed: int(p.informed)}, author{partition: e.Partition}, p.time, out)
	}
	out.Findings = append(out.Findings, schema.Finding{
		ID: id, Rule: r.Name, RuleVersion: r.Version, Severity: schema.Low,
		Informed: int(p.informed), Scope: schema.ScopeToken, Subject: token, Token: token, Tenant: strings.Clone(view.Tenant), Epoch: int(p.epoch),
		Time: instant(p.time), FirstSeen: instant(p.first), Attack: r.Attack, Evidence: map[string]any{"withdrawn": true},
		Summary: "Withdrawn: an event that came late explains it", Events: []string{}, Partition: e.Partition,
		WithoutHistory: p.flags&foundPartial != 0,
	})
}

// compare orders versions as schema.Finding.Compare does, ids apart.
func (f *found) compare(o *found) int {
	return cmp.Or(f.outranks(o), cmp.Compare(f.first, o.first))
}

// outranks compares what counts before ids do: versions of which it is 0 may be either way round if other events complete them.
func (f *found) outranks(o *found) int {
	flag := func(x *found, bit uint8) uint8 { return x.flags & bit }
	return cmp.Or(
		cmp.Compare(flag(o, foundPartial), flag(f, foundPartial)),
		cmp.Compare(f.informed, o.informed),
		cmp.Compare(flag(f, foundConclusive), flag(o, foundConclusive)),
		cmp.Compare(f.confidence, o.confidence),
		cmp.Compare(o.time, f.time),
	)
}

func (f *found) equal(o *found) bool { return f.event == o.event && f.events == o.events }

func digest(id string) (d [findingDigest]byte) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id, "fnd_"))
	if err == nil {
		copy(d[:], b)
	}
	return d
}

func instant(ns int64) time.Time { return time.Unix(0, ns).UTC() }
