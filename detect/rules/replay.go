package rules

import (
	"fmt"
	"time"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/schema"
)

// RevokedReplay finds a token used after it was revoked, ended, expired or rotated out.
var RevokedReplay = detect.Rule{
	Name: "revoked-replay", Version: 1,
	Title: "A token used after it was revoked, ended, expired or rotated out",
	Why:   "A dead token in use is a copy that somebody kept, or an app that failed to invalidate it. Nothing else shows either so early.",
	Method: "A life of a token ends with the first session.ended or session.revoked after its last session.started, with a rotation that replaced it, or with the greatest " +
		"expires_at that its events named up to and including the use. Δt = time of the use − time of the end. Up to grace (rotation_grace for a token that was just replaced) it is a " +
		"request in flight and nothing is said. After that:\n\n" +
		"still accepted: the app let it through, from any vantage: critical, conclusive; the finding names the app. " +
		"attacker: rejected, from a vantage that the session never had before the end: high, conclusive. " +
		"stale client: rejected, from a vantage that is equivalent to one it had: low.\n\n" +
		"Reuse after a rotation is a finding apart from use after an end. Where it is accepted or an attacker's it sentences the family: the token that is alive now gets a finding of its own, conclusive, with the replayed " +
		"token in its evidence.\n\n" +
		"Confidence: still accepted 0.95, attacker 0.9, stale client 0.2, sentenced 0.95.",
	Keys: []detect.Key{
		{Name: "grace", Doc: "how long after the end requests may still be in flight", Default: 10 * time.Second, Min: 0, Max: 3600},
		{Name: "rotation_grace", Doc: "the same for a token that was rotated out: clients with several tabs or connections go on with it for a moment", Default: 30 * time.Second, Min: 0, Max: 3600},
		{Name: "per_app", Doc: "other graces for single apps: {shop: {grace: 30s}}", PerApp: []string{"grace", "rotation_grace"}},
	},
	Severity: schema.Critical, DefaultMode: "enforce",
	KnownFalsePositives: []string{
		"A client that moved to another network while it was offline and comes back with a token that was rotated or expired meanwhile: rejected, from a vantage it never had.",
		"An app whose clock is ahead of the one that reported the end.",
	},
	Response: "Revoke the session; after a rotation, the token that replaced it.",
	Attack:   []string{"T1539", "T1550.004"},
	Example:  "Revoked token still accepted by shop 3 min later, from Tokyo",
	New:      func(s detect.Settings) detect.Judge { return replay{s} },
}

type replay struct{ detect.Settings }

func (replay) Needs() detect.Needs { return detect.Needs{On: detect.OnEnd} }

func (j replay) Judge(s *detect.Session, say func(detect.Verdict)) {
	expires := s.Expired
	for i := range s.Uses[:s.To] {
		u := &s.Uses[i]
		if u.Inherited {
			continue // judged where it was used
		}
		expires = max(expires, u.Expires)
		if i >= s.From && !u.Start {
			j.use(s, u, expires, say)
		}
	}
	for _, m := range s.Sentences() {
		j.sentenced(s, m, say)
	}
}

// use judges one use, of a token that is dead and of one that was replaced apart from each other: only the latter sentences a family.
func (j replay) use(s *detect.Session, u *detect.Use, expires uint32, say func(detect.Verdict)) {
	app := u.App()
	ends := s.Ends(u)
	ended := func(m *detect.Mark) bool { return m.Kind != detect.RotatedOut }
	replaced := func(m *detect.Mark) bool { return m.Kind == detect.RotatedOut }
	if r, first := latest(u, ends, ended, j.Duration("grace", app)); r.end != nil {
		r.app = app
		say(r.verdict(s, first))
	} else if end, grace := int64(expires)*int64(time.Second), j.Duration("grace", app); expires > 0 && u.Time-end > int64(grace) {
		say(dead{use: u, app: app, how: "expired", ended: end, grace: grace}.verdict(s, end))
	}
	if r, first := latest(u, ends, replaced, j.Duration("rotation_grace", app)); r.end != nil {
		r.app = app
		say(r.verdict(s, first))
	}
}

// latest finds, of ends of a kind, the latest that the grace is over for, and the time of the first: what was known before that one was known.
func latest(u *detect.Use, ends []*detect.Mark, kind func(*detect.Mark) bool, grace time.Duration) (r dead, first int64) {
	r = dead{use: u, grace: grace}
	found := false
	for _, m := range ends {
		if !kind(m) {
			continue
		}
		if !found {
			first, found = m.Time, true
		}
		if time.Duration(u.Time-m.Time) > grace {
			r.end, r.ended, r.how = m, m.Time, endings[m.Kind]
		}
	}
	return r, first
}

var endings = map[detect.MarkKind]string{detect.Ended: "ended", detect.Revoked: "revoked", detect.RotatedOut: "rotated out"}

// dead is the use of a dead token.
type dead struct {
	use   *detect.Use
	app   string
	end   *detect.Mark // nil for an expiry
	how   string
	ended int64
	grace time.Duration
}

func (r dead) verdict(s *detect.Session, first int64) detect.Verdict {
	label := "no address"
	known := true
	if r.use.Vantage != nil {
		label, known = r.use.Vantage.Label(), false
		for _, v := range s.Vantages {
			known = known || v.First <= first && s.Equivalent(v, r.use.Vantage, r.use.Time)
		}
	}
	replaced := r.end != nil && r.end.Kind == detect.RotatedOut
	if replaced {
		label = "after rotation " + label
	}
	v := detect.Verdict{About: "rejected " + label, Pattern: []*detect.Use{r.use}, Basis: r.ended}
	if r.end != nil {
		v.Pattern = []*detect.Use{r.end.At(), r.use}
	}
	class := "attacker"
	switch {
	case r.use.Accepted:
		class = "still accepted"
		v.About = "accepted " + label
		v.Severity, v.Confidence, v.Conclusive = schema.Critical, 0.95, true
	case known:
		class = "stale client"
		v.Severity, v.Confidence, v.Informed = schema.Low, 0.2, 1
	default:
		v.Severity, v.Confidence, v.Conclusive = schema.High, 0.9, true
	}
	if replaced && class != "stale client" {
		v.Sentence = class
	}
	v.Signals = []schema.Weight{{Signal: schema.SignalOutcome, P: v.Confidence}}
	v.Explain = func(f *schema.Finding) { r.explain(f, class) }
	return v
}

func (r dead) explain(f *schema.Finding, class string) {
	late := time.Duration(r.use.Time - r.ended)
	f.Evidence = map[string]any{
		"class": class, "ended": r.how, "ended_at": stamp(r.ended), "used_at": stamp(r.use.Time), "seconds": late.Seconds(),
		"grace_seconds": r.grace.Seconds(), "accepted": r.use.Accepted,
	}
	if r.app != "" {
		f.Evidence["app"] = r.app
	}
	from := ""
	if v := r.use.Vantage; v != nil {
		f.To = v.End()
		from = ", from " + place(v)
	}
	what := map[string]string{
		"still accepted": "still accepted by " + or(r.app, "the app"), "stale client": "tried again by its own client", "attacker": "tried by somebody else",
	}[class]
	f.Summary = fmt.Sprintf("%s token %s %s later%s", map[string]string{
		"ended": "Ended", "revoked": "Revoked", "rotated out": "Rotated-out", "expired": "Expired",
	}[r.how], what, lasting(late), from)
}

// sentenced makes a sentence on a rotated-out relative a finding of the live token.
func (j replay) sentenced(s *detect.Session, m *detect.Mark, say func(detect.Verdict)) {
	p, ok := m.Sentencing()
	if !ok || p.Token == s.Token {
		return
	}
	for i := range s.Marks {
		if o := &s.Marks[i]; o.Kind == detect.RotatedOut && o.Time <= m.Time {
			return // its successor answers for it
		}
	}
	say(detect.Verdict{
		About: "sentenced " + p.Finding, Severity: p.Severity, Confidence: 0.95, Conclusive: true,
		Signals: []schema.Weight{{Signal: schema.SignalOutcome, P: 0.95}}, Pattern: []*detect.Use{m.At()},
		Explain: func(f *schema.Finding) {
			f.Evidence = map[string]any{
				"class": "sentenced", "ancestor": p.Token, "ancestor_class": p.Class, "ancestor_finding": p.Finding, "rotations": p.Hops,
				"replayed_at": stamp(m.Time),
			}
			f.Summary = fmt.Sprintf("A token that this one replaced, %s back, was replayed (%s)", plural(p.Hops, "rotation"), p.Class)
		},
	})
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
