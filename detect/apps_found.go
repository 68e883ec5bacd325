package detect

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/hijackd/hijackd/schema"
)

// appFound remembers the version of a finding that went out.
type appFound struct {
	digest uint64 // of all that it says
	rule   *Rule
	judge  int // of the app's rules
	until  int64
	time   int64
	seen   bool // during one judgement
}

// judge asks the rules that look at what changed and lets out what is news: the last word on a finding is what is said of all counts. With a nil out it only learns
// what was said.
//
// A version is informed by the app's turn: it grows from version to version, and as it never is ahead of the sighting's offset, a lane that
// starts again gives the same.
func (t *apps) judge(a *App, changed factSet, out *Output) {
	a.days = nil
	for i := range t.rules {
		r := &t.rules[i]
		if t.judged[i] = t.facts[i]&changed != 0; !t.judged[i] {
			continue
		}
		r.App.Judge(a, func(v AppVerdict) {
			f := a.finding(r.Rule, &v)
			text, err := json.Marshal(f)
			if err != nil {
				return // a number that is none: a defect of the rule
			}
			digest := xxhash.Sum64(text)
			p := a.found[f.ID]
			if p == nil {
				p = &appFound{}
				a.found[f.ID] = p
			}
			news := p.digest != digest
			*p = appFound{digest, r.Rule, i, v.Until, v.Time, true}
			if news && out != nil {
				f.Informed = int(a.turn)
				out.Findings = append(out.Findings, f)
			}
		})
	}
	var gone []string
	for id, p := range a.found {
		if !p.seen && p.until >= a.From && t.judged[p.judge] {
			gone = append(gone, id)
		}
		p.seen = false
	}
	slices.Sort(gone)
	for _, id := range gone {
		p := a.found[id]
		delete(a.found, id)
		if out != nil {
			out.Findings = append(out.Findings, a.withdrawn(id, p))
		}
	}
	a.days = nil
}

func (a *App) finding(r *Rule, v *AppVerdict) schema.Finding {
	f := schema.Finding{
		Rule: r.Name, RuleVersion: r.Version, Severity: v.Severity, Confidence: v.Confidence, Signals: v.Signals, Scope: schema.ScopeApp,
		Subject: a.Name, Tenant: a.Tenant, App: a.Name, Time: instant(v.Time), FirstSeen: instant(v.Time), Summary: v.Summary, Attack: r.Attack,
		Evidence: v.Evidence, Events: v.Events, WithoutHistory: a.partial,
	}
	if a.Name == NoApp || a.Name == OtherApps {
		f.App = ""
	}
	if f.Events == nil {
		f.Events = []string{}
	}
	if len(f.Events) > 0 {
		f.EventID = f.Events[0]
	}
	f.Evidence["about"] = clean(v.About)
	f.ID = schema.FindingID(f.Tenant, f.Rule, f.Scope, f.Subject, 0, v.About)
	return f
}

// withdrawn says that a finding turned out to be none.
func (a *App) withdrawn(id string, p *appFound) schema.Finding {
	f := a.finding(p.rule, &AppVerdict{Severity: schema.Low, Time: p.time, Summary: "Withdrawn: what was counted since explains it", Evidence: map[string]any{"withdrawn": true}})
	f.ID, f.Informed = id, int(a.turn)
	delete(f.Evidence, "about")
	return f
}

// census is the greatest number of tokens active in one of the two latest hours; changed says that it differs by more than a tenth from
// what was told last.
func (a *App) census() (count, h int64, changed bool) {
	count = max(a.N(a.Newest, Active), a.N(a.Newest-1, Active))
	if off := count - a.sent; a.Newest == a.sentHour && off*10 <= a.sent && -off*10 <= a.sent {
		return count, a.Newest, false
	}
	a.sent, a.sentHour = count, a.Newest
	return count, a.Newest, true
}

func census(a *App, count, h int64) schema.Command {
	at := time.Unix(h*int64(time.Hour/time.Second), 0).UTC()
	return schema.Command{
		ID: schema.CensusID(a.Tenant, a.Name, h, count), Verb: schema.Census, Tenant: a.Tenant, App: a.Name, Count: count,
		By: "hijackd", Why: "tokens active in an hour", At: at,
	}
}
