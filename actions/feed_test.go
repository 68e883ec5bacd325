package actions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hijackd/hijackd/schema"
)

// fill makes the signals that are to arrive.
func (w *world) fill() {
	for tok := range 9 {
		for epoch := range 1 + w.r.IntN(2) {
			w.feed = append(w.feed, w.versions(tok, epoch)...)
		}
	}
	w.feed = append(w.feed, w.harvest()...)
	for n := range 3 { // egresses that no finding here is about
		c := schema.Command{Verb: schema.Pool, Tenant: []string{"", "t2"}[n%2], Network: fmt.Sprintf("203.0.113.%d/32", w.r.IntN(4)), At: w.now.Add(time.Duration(w.r.IntN(9)) * time.Hour)}
		w.feed = append(w.feed, schema.Signal{Command: &c})
	}
	for i := range w.feed { // a little shuffled
		j := min(len(w.feed)-1, i+w.r.IntN(5))
		w.feed[i], w.feed[j] = w.feed[j], w.feed[i]
	}
}

// versions are the findings about one life of a token: versions of one finding, repeated ones, weak ones, or several of several rules
// that may add up.
func (w *world) versions(tok, epoch int) (ss []schema.Signal) {
	if tok >= several {
		return w.several(tok, epoch)
	}
	token, tenant := fmt.Sprint("h1:k1:", tok), []string{"", "t2"}[tok%2]
	f := schema.Finding{Rule: "parallel-use", Severity: schema.High, Scope: schema.ScopeToken, Subject: token, Token: token, Tenant: tenant, Epoch: epoch, User: "v-" + tenant}
	f.ID = schema.FindingID(tenant, f.Rule, f.Scope, token, epoch, "a|b")
	for range 1 + w.r.IntN(3) {
		v := f
		v.Confidence = float64(1+w.r.IntN(9)) / 10
		v.Conclusive = w.r.IntN(3) > 0
		v.WithoutHistory = w.r.IntN(6) == 0
		v.Time = w.now.Add(time.Duration(w.r.IntN(100)) * time.Second)
		ss = append(ss, schema.Signal{Finding: &v})
		if w.r.IntN(4) == 0 {
			ss = append(ss, schema.Signal{Finding: &v})
		}
	}
	if w.r.IntN(3) == 0 {
		v := f
		v.Rule, v.Confidence, v.Time = []string{"device-change", "not-rotated"}[w.r.IntN(2)], 0.3, w.now
		v.ID = schema.FindingID(tenant, v.Rule, v.Scope, token, epoch, "c")
		ss = append(ss, schema.Signal{Finding: &v})
	}
	return ss
}

// Tokens from this number on have no conclusive findings but several of several rules.
const several = 6

func adding(token string) bool { return token >= fmt.Sprint("h1:k1:", several) }

// several are weak findings about one life of a token in the course of two hours. Each has one version, so that nothing revoked is
// regretted.
func (w *world) several(tok, epoch int) (ss []schema.Signal) {
	token, tenant := fmt.Sprint("h1:k1:", tok), []string{"", "t2"}[tok%2]
	for _, by := range []struct {
		rule string
		kind schema.SignalKind
	}{{"parallel-use", schema.SignalBehaviour}, {"beacon", schema.SignalBehaviour}, {"device-change", schema.SignalDevice}} {
		p := float64(5+w.r.IntN(5)) / 10
		f := schema.Finding{
			Rule: by.rule, Severity: schema.Medium, Scope: schema.ScopeToken, Subject: token, Token: token, Tenant: tenant, Epoch: epoch, User: "u-" + token,
			Confidence: p, Signals: []schema.Weight{{Signal: by.kind, P: p}}, Time: w.now.Add(time.Duration(w.r.IntN(120)) * time.Minute),
		}
		f.ID = schema.FindingID(tenant, by.rule, f.Scope, token, epoch, "a")
		ss = append(ss, schema.Signal{Finding: &f})
	}
	slices.SortFunc(ss, func(a, b schema.Signal) int { return strings.Compare(a.Finding.ID, b.Finding.ID) })
	return ss
}

// harvest is a conclusive finding about a network that presents several tokens, in two versions.
func (w *world) harvest() []schema.Signal {
	f := schema.Finding{
		Rule: "token-harvest", Severity: schema.High, Scope: schema.ScopeNetwork, Subject: "198.51.100.7/32", Conclusive: true, Confidence: 0.9, Time: w.now,
	}
	f.ID = schema.FindingID("", f.Rule, f.Scope, f.Subject, 0, "a")
	g := f
	for _, tok := range []int{0, 2, 4} { // of the finding's tenant
		g.Targets = append(g.Targets, schema.Target{Token: fmt.Sprint("h1:k1:", tok)})
	}
	f.Targets, g.Informed = g.Targets[:2], 1
	return []schema.Signal{{Finding: &f}, {Finding: &g}}
}
