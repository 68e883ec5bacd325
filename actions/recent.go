package actions

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	recentFor  = horizon + 2*time.Hour // record time: the horizon, the lateness of events, and room for lanes that lag
	recentMost = 40_000                // about 50 MB
	wholeFor   = ahead + 2*time.Hour   // record time in which a finding may be decided again
	wholeMost  = 10_000                // about 30 MB
	// perSubject bounds the findings that are kept of one life of a token, and of one user. What counts least, and will for ever,
	// goes first.
	perSubject = 64
	// targetsMost bounds the tokens that one finding revokes.
	targetsMost = 256
)

// recent holds the strongest version of each recent finding, by what it is about. A finding that it forgets adds to no risk any more;
// when it comes again it is published and stored once more, which every reader merges.
type recent struct {
	most     int // recentMost, but without bound where a whole set is decided on
	findings map[string]*held
	about    map[subject][]*held // by (time, id)
	arrived  []arrival           // by first arrival
	whole    []arrival           // those whose findings are whole
}

// held is a finding with what was decided on it.
type held struct {
	finding    *schema.Finding
	id         string
	at         time.Time // record time of the version
	whole      bool
	egress     []netip.Addr    // see egress
	suppressed string          // what explains it: a pool or an allow entry
	told       *verdict        // nil: not decided under the policy in force
	stormed    schema.Decision // decided when a storm swallowed it, or empty
	// now is the last decision on any version of it, and was the one before.
	was, now schema.Decision
	before   string // what was last told to suppress it
}

type arrival struct {
	at time.Time
	h  *held
}

// subject is one life of a token, or a user.
type subject struct {
	tenant, token, user string
	epoch               int
}

func newRecent() recent {
	return recent{most: recentMost, findings: map[string]*held{}, about: map[subject][]*held{}}
}

// targets lists the tokens that a finding asks to respond to. One about no token at all has a target without one.
func targets(f *schema.Finding) []schema.Target {
	if len(f.Targets) > 0 {
		return f.Targets[:min(len(f.Targets), targetsMost)]
	}
	return []schema.Target{{Token: f.Token, User: f.User, Session: f.Session, Epoch: f.Epoch, Partition: f.Partition}}
}

// subjects lists what a finding is about: lives of tokens, and users.
func subjects(f *schema.Finding) (ss []subject) {
	add := func(s subject) {
		if !slices.Contains(ss, s) {
			ss = append(ss, s)
		}
	}
	if f.User != "" {
		add(subject{tenant: f.Tenant, user: f.User})
	}
	for _, t := range targets(f) {
		if t.Token != "" {
			add(subject{tenant: f.Tenant, token: t.Token, epoch: t.Epoch})
		}
		if t.User != "" {
			add(subject{tenant: f.Tenant, user: t.User})
		}
	}
	return ss
}

// take enters a version of a finding. It returns those whose decisions it may change, by (time, id): the finding itself, and what it
// adds to; none where a version at least as strong is known and decided on.
func (m *recent) take(at time.Time, x *schema.Finding) []*held {
	m.forget(at)
	h := m.findings[x.ID]
	if h != nil {
		switch c := x.Compare(h.finding); {
		case c < 0, c == 0 && h.told != nil:
			return nil
		case c == 0:
			h.finding = x
			m.keepWhole(h, at)
			return []*held{h}
		}
	}
	var changed []*held
	if h == nil {
		h = &held{id: x.ID}
		m.findings[x.ID] = h
		m.arrived = append(m.arrived, arrival{at, h})
	} else {
		changed = m.near(h, changed)
		m.remove(h)
	}
	h.finding, h.told, h.egress = x, nil, egress(x)
	m.keepWhole(h, at)
	for _, s := range subjects(x) {
		m.enter(s, h)
	}
	changed = append(m.near(h, changed), h)
	slices.SortFunc(changed, compareHeld)
	return slices.CompactFunc(changed, func(a, b *held) bool { return a == b })
}

// near appends h and the findings that it adds to.
func (m *recent) near(h *held, to []*held) []*held {
	for _, s := range subjects(h.finding) {
		for _, o := range m.about[s] {
			if o.whole && counts(o.finding.Time.Sub(h.finding.Time)) {
				to = append(to, o)
			}
		}
	}
	return to
}

func compareHeld(a, b *held) int {
	return cmp.Or(a.finding.Time.Compare(b.finding.Time), cmp.Compare(a.id, b.id))
}

func (m *recent) enter(s subject, h *held) {
	hs := m.about[s]
	i, _ := slices.BinarySearchFunc(hs, h, compareHeld)
	hs = slices.Insert(hs, i, h)
	if len(hs) > perSubject {
		least := slices.MinFunc(hs, func(a, b *held) int { return cmp.Compare(lasting(a.finding), lasting(b.finding)) })
		hs = slices.DeleteFunc(hs, func(o *held) bool { return o == least })
	}
	m.about[s] = hs
}

// lasting orders findings by how much they count at any time after both: log₂ of the strongest signal, plus the time in half-lives.
func lasting(f *schema.Finding) float64 {
	p := f.Confidence
	for _, w := range f.Signals {
		p = max(p, w.P)
	}
	return math.Log2(p) + float64(f.Time.UnixNano())/float64(halfLife)
}

func (m *recent) remove(h *held) {
	for _, s := range subjects(h.finding) {
		hs := slices.DeleteFunc(m.about[s], func(o *held) bool { return o == h })
		if m.about[s] = hs; len(hs) == 0 {
			delete(m.about, s)
		}
	}
}

func (m *recent) keepWhole(h *held, at time.Time) {
	h.at, h.whole = at, true
	m.whole = append(m.whole, arrival{at, h})
}

// forget drops what is too old or too much.
func (m *recent) forget(at time.Time) {
	for len(m.whole) > 0 && (len(m.whole) > min(wholeMost, m.most) || at.Sub(m.whole[0].at) > wholeFor) {
		if a := m.whole[0]; a.h.whole && a.at.Equal(a.h.at) {
			a.h.whole, a.h.finding = false, slim(a.h.finding)
		}
		m.whole = m.whole[1:]
	}
	for len(m.arrived) > 0 && (len(m.arrived) > m.most || at.Sub(m.arrived[0].at) > recentFor) {
		h := m.arrived[0].h
		m.remove(h)
		delete(m.findings, h.id)
		m.arrived = m.arrived[1:]
	}
}

// slim is what a finding's versions are compared by and what it adds to a risk.
func slim(f *schema.Finding) *schema.Finding {
	c := brief(f)
	c.Tenant, c.Token, c.User, c.Session, c.Partition = f.Tenant, f.Token, f.User, f.Session, f.Partition
	c.Events, c.Signals, c.Targets, c.WithoutHistory, c.Informed = f.Events, f.Signals, f.Targets, f.WithoutHistory, f.Informed
	return &c
}

// around lists what counts for a target around the time of a finding beside the finding itself, in an order that depends on the findings
// alone.
func (f *Fold) around(x *held, t *schema.Target) (es []evidence) {
	life := subject{tenant: x.finding.Tenant, token: t.Token, epoch: t.Epoch}
	user := subject{tenant: x.finding.Tenant, user: cmp.Or(t.User, x.finding.User)}
	if t.Token != "" {
		for _, h := range f.recent.about[life] {
			if f.adds(h, x) {
				es = append(es, evidence{h.finding, false})
			}
		}
	}
	if user.user == "" {
		return es
	}
	for _, h := range f.recent.about[user] {
		if f.adds(h, x) && (t.Token == "" || !aboutLife(h.finding, t)) {
			es = append(es, evidence{h.finding, t.Token != ""})
		}
	}
	return es
}

func aboutLife(f *schema.Finding, t *schema.Target) bool {
	for _, o := range targets(f) {
		if o.Token == t.Token && o.Epoch == t.Epoch {
			return true
		}
	}
	return false
}

// counts reports whether a finding of that age, negative for one to come, adds to a risk.
func counts(age time.Duration) bool { return age < horizon && age > -ahead }

// adds reports whether h counts for x.
func (f *Fold) adds(h, x *held) bool {
	return h != x && counts(x.finding.Time.Sub(h.finding.Time)) && h.finding.Confidence > 0 && !h.finding.WithoutHistory && h.suppressed == ""
}
