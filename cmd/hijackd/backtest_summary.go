package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/schema"
)

// revokedSession is a session that would be revoked: one action, however many findings ask for it.
type revokedSession struct {
	Tenant string    `json:"tenant"`
	Token  string    `json:"token"`
	Epoch  int       `json:"epoch"`
	User   string    `json:"user,omitempty"`
	Time   time.Time `json:"time"` // of the first finding that asks for it
	Rule   string    `json:"rule"` // of that finding
}

// life is what makes two of them the same.
func (r revokedSession) life() revokedSession {
	return revokedSession{Tenant: r.Tenant, Token: r.Token, Epoch: r.Epoch}
}

// revocations lists the sessions that decided findings revoke, by (time, token).
func revocations(findings []schema.Finding) []revokedSession {
	first := map[revokedSession]revokedSession{}
	add := func(f *schema.Finding, token string, epoch int, user string) {
		r := revokedSession{Tenant: f.Tenant, Token: token, Epoch: epoch, User: user, Time: f.Time, Rule: f.Rule}
		if old, known := first[r.life()]; known {
			old.User = cmp.Or(old.User, user)
			r = old
		}
		first[r.life()] = r
	}
	for i := range findings {
		f := &findings[i]
		if f.Decision != schema.RevokeSession && f.Decision != schema.RevokeUser {
			continue
		}
		if f.Token != "" {
			add(f, f.Token, f.Epoch, f.User)
		}
		for _, t := range f.Targets {
			add(f, t.Token, t.Epoch, t.User)
		}
	}
	return slices.SortedFunc(maps.Values(first), func(a, b revokedSession) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Token, b.Token), cmp.Compare(a.Epoch, b.Epoch))
	})
}

// affected lists the users whose sessions are revoked, by tenant and name.
func affected(rs []revokedSession) [][2]string {
	users := map[[2]string]bool{}
	for _, r := range rs {
		if r.User != "" {
			users[[2]string{r.Tenant, r.User}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(users), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
}

// alerts counts the findings that somebody is told of.
func alerts(findings []schema.Finding) (n int) {
	for i := range findings {
		if findings[i].Decision != schema.Observe {
			n++
		}
	}
	return n
}

// tally is what one rule found with one severity.
type tally struct {
	rule      string
	severity  schema.Severity
	mode      actions.Mode
	found     int
	decisions map[schema.Decision]int // as configured
	would     map[schema.Decision]int // with every mode at enforce
}

// tallies counts findings by rule and severity, the gravest first.
func (v *verdict) tallies() []*tally {
	type key struct {
		rule     string
		severity schema.Severity
	}
	counts := map[key]*tally{}
	for i := range v.findings {
		f := &v.findings[i]
		k := key{f.Rule, f.Severity}
		t := counts[k]
		if t == nil {
			t = &tally{rule: f.Rule, severity: f.Severity, mode: v.modes[f.Rule], decisions: map[schema.Decision]int{}, would: map[schema.Decision]int{}}
			counts[k] = t
		}
		t.found++
		t.decisions[f.Decision]++
		t.would[f.Would]++
	}
	return slices.SortedFunc(maps.Values(counts), func(a, b *tally) int {
		return cmp.Or(cmp.Compare(rank(b.severity), rank(a.severity)), cmp.Compare(a.rule, b.rule))
	})
}

var severities = []schema.Severity{schema.Low, schema.Medium, schema.High, schema.Critical}

func rank(s schema.Severity) int { return slices.Index(severities, s) }

// ranking is a name and in how many findings it stands.
type ranking struct {
	name  string
	found int
}

// topMost is how many users and networks the report names.
const topMost = 5

// top counts names, most often first.
func top(findings []schema.Finding, name func(*schema.Finding) string) []ranking {
	counts := map[string]int{}
	for i := range findings {
		if n := name(&findings[i]); n != "" {
			counts[n]++
		}
	}
	all := make([]ranking, 0, len(counts))
	for n, c := range counts {
		all = append(all, ranking{n, c})
	}
	slices.SortFunc(all, func(a, b ranking) int { return cmp.Or(cmp.Compare(b.found, a.found), cmp.Compare(a.name, b.name)) })
	return all[:min(len(all), topMost)]
}

// userOf is the user that a finding is about.
func userOf(f *schema.Finding) string { return f.User }

// networkOf is the network that a finding is about, or else the one that it leads to.
func networkOf(f *schema.Finding) string {
	switch {
	case f.Scope == schema.ScopeNetwork:
		return f.Subject
	case f.To != nil && f.To.IP.IsValid():
		return schema.Network(f.To.IP).String()
	}
	return ""
}
