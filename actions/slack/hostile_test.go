package slack

import (
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

// fragments are what a hostile text is made of.
var fragments = []string{
	"<!channel>", "<!here|x>", "<@U1>", "<https://evil.example|click>", "https://evil.example/login", "*bold*", "_it_", "`code`", "```", "~x~", ":siren:", ":+1:",
	"&amp;lt;", "&", "<", ">", "\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x1b[31m", "\n", "\r\n", "\t", " ", "\u2028", "\ue000", "\U0001F600", "é", "\u0301", "日本",
	"\xff\xfe", "{\"a\":1}", "%s%n", "\"", "'", "@channel", "#soc", "mailto:a@b", "</script>",
}

// hostileText is a text of a few fragments, now and then thousands of times.
func hostileText(t *rapid.T, label string) string {
	s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 6).Draw(t, label), "")
	switch rapid.IntRange(0, 30).Draw(t, label+" length") {
	case 0:
		return strings.Repeat(s, 300)
	case 1:
		return strings.Repeat("<", 3000)[:rapid.IntRange(0, 3000).Draw(t, label+" cut")] + s
	case 2:
		return s + strings.Repeat("\U0001F600", 700)
	}
	return s
}

func hostileEnd(t *rapid.T) *schema.End {
	if rapid.IntRange(0, 4).Draw(t, "no end") == 0 {
		return nil
	}
	return &schema.End{IP: netip.MustParseAddr("2001:db8::1"), Network: hostileText(t, "network"), ASN: math.MaxUint32, ASOrg: hostileText(t, "org"),
		Country: hostileText(t, "country"), City: hostileText(t, "city"), UA: hostileText(t, "ua"), Device: hostileText(t, "device")}
}

func hostileFinding(t *rapid.T) schema.Finding {
	numbers := rapid.SampledFrom([]any{0.0, 1e300, -5.0, math.NaN(), math.Inf(1), "<!channel>", json.Number("12.5"), json.Number("x"), int64(7), nil})
	f := schema.Finding{
		ID: hostileText(t, "id"), Rule: hostileText(t, "rule"), Severity: schema.Severity(hostileText(t, "severity")), Confidence: rapid.Float64().Draw(t, "confidence"),
		Scope: rapid.SampledFrom([]schema.Scope{schema.ScopeToken, schema.ScopeUser, schema.ScopeNetwork, ""}).Draw(t, "scope"), Subject: hostileText(t, "subject"),
		Token: hostileText(t, "token"), User: hostileText(t, "user"), Session: hostileText(t, "session"), App: hostileText(t, "app"), Tenant: hostileText(t, "tenant"),
		EventID: hostileText(t, "event"), Summary: hostileText(t, "summary"), Suppressed: hostileText(t, "suppressed"), From: hostileEnd(t), To: hostileEnd(t),
		Time: time.Unix(rapid.Int64Range(-1e11, 1e12).Draw(t, "time"), 0), Decision: schema.Decision(hostileText(t, "decision")),
		Evidence: map[string]any{"great_circle_km": numbers.Draw(t, "gc"), "distance_km": numbers.Draw(t, "km"), "seconds": numbers.Draw(t, "s"), "kmh": numbers.Draw(t, "kmh"),
			"because": []any{hostileText(t, "because"), numbers.Draw(t, "because")}},
	}
	for range rapid.IntRange(0, 40).Draw(t, "targets") {
		f.Targets = append(f.Targets, schema.Target{Token: hostileText(t, "target"), User: f.User, Session: f.Session, Epoch: rapid.Int().Draw(t, "epoch")})
	}
	return f
}

func hostileAction(t *rapid.T) schema.Action {
	return schema.Action{
		ID: hostileText(t, "action"), Action: rapid.SampledFrom([]schema.Decision{schema.RevokeSession, schema.RevokeUser, schema.StepUp, schema.Restrict, schema.BlockIP, schema.NotifyUser, "<!x>"}).Draw(t, "what"),
		State: schema.ActionState(rapid.IntRange(1, 6).Draw(t, "state")), Reason: hostileText(t, "reason"), Mode: "enforce", Attempts: rapid.Int().Draw(t, "attempts"),
		Outcome: hostileText(t, "outcome"), To: hostileText(t, "to"), By: hostileText(t, "by"), DecidedAt: opened, FinishedAt: opened,
	}
}

func hostileCard(t *rapid.T) *actions.Card {
	c := &actions.Card{
		ID: hostileText(t, "incident"), Tenant: hostileText(t, "tenant"), Scope: rapid.SampledFrom([]schema.Scope{schema.ScopeToken, schema.ScopeUser, schema.ScopeApp, ""}).Draw(t, "scope"),
		Subject: hostileText(t, "subject"), User: hostileText(t, "user"), Session: hostileText(t, "session"), App: hostileText(t, "app"),
		Opened: opened, Last: opened, More: rapid.IntRange(0, math.MaxInt32).Draw(t, "more"), Uses: rapid.IntRange(0, math.MaxInt32).Draw(t, "uses"),
	}
	for range rapid.IntRange(0, 8).Draw(t, "findings") {
		c.Findings = append(c.Findings, hostileFinding(t))
	}
	for range rapid.IntRange(0, 40).Draw(t, "actions") {
		c.Actions = append(c.Actions, hostileAction(t))
	}
	for range rapid.IntRange(0, 20).Draw(t, "notes") {
		c.Notes = append(c.Notes, actions.CardNote{At: opened, By: hostileText(t, "by"), Verb: schema.Verb(hostileText(t, "verb")), Why: hostileText(t, "why")})
	}
	for range rapid.IntRange(0, 6).Draw(t, "apps") {
		c.StillAccepted = append(c.StillAccepted, hostileText(t, "still"))
	}
	return c
}

// keeps holds a message to what is promised of every one: Slack's limits, plain text alone, nothing unescaped, nothing invisible.
func keeps(t *rapid.T, m *message) {
	raw, err := json.Marshal(m.blocks)
	if err != nil {
		t.Fatal(err)
	}
	if err := slacktest.Check(raw); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	if n := len(m.fallback); n == 0 || n > slacktest.MaxFallback*4 || len([]rune(m.fallback)) > slacktest.MaxFallback {
		t.Fatalf("a fallback of %d bytes", n)
	}
	var blocks []any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatal(err)
	}
	each(append(blocks, m.fallback), func(s string) {
		for _, r := range s {
			if r == '<' || r == '>' || r != '\n' && schema.CleanText(string(r), 8) != schema.Text(string(r)) {
				t.Fatalf("%q in %q", r, s)
			}
		}
		for i := strings.IndexByte(s, '&'); i >= 0 && i < len(s); {
			if rest := s[i:]; !strings.HasPrefix(rest, "&amp;") && !strings.HasPrefix(rest, "&lt;") && !strings.HasPrefix(rest, "&gt;") {
				t.Fatalf("%q is not escaped", rest)
			}
			next := strings.IndexByte(s[i+1:], '&')
			if next < 0 {
				break
			}
			i += 1 + next
		}
	})
}

// each calls f with every text in decoded JSON.
func each(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, x := range v {
			each(x, f)
		}
	case map[string]any:
		for _, x := range v {
			each(x, f)
		}
	}
}

func TestAnyCardKeepsSlacksLimits(t *testing.T) {
	seal := newSealer("token")
	rapid.Check(t, func(t *rapid.T) { keeps(t, card(hostileCard(t), seal)) })
}

func TestAnyMessageKeepsSlacksLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, x := hostileFinding(t), hostileAction(t)
		a := &actions.Alert{ID: "a", Finding: &f, Action: &x}
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			a.Action = nil
		case 1:
			a = &actions.Alert{ID: "a", Page: hostileText(t, "page")}
		case 2:
			a = &actions.Alert{ID: "a", Storm: &actions.Storm{From: opened, Until: opened, Count: rapid.Int().Draw(t, "count"), Worst: []schema.Finding{f, f, f, f, f, f, f}}}
		case 3:
			d := &actions.Digest{From: opened, Until: opened, Findings: rapid.Int().Draw(t, "findings"), Would: rapid.IntRange(0, 1e9).Draw(t, "would"),
				Examples: []schema.Finding{f, f, f, f, f, f, f, f, f, f, f, f}, Rules: map[string]int{}}
			for range rapid.IntRange(0, 60).Draw(t, "rules") {
				d.Rules[hostileText(t, "rule")] = rapid.Int().Draw(t, "n")
			}
			a = &actions.Alert{ID: "a", Digest: d}
		}
		keeps(t, render(a))
	})
}

// What is offered to people fits what its button holds: every action and target of a card's buttons is one of the card's own.
func TestButtonsHoldWhatTheCardIsAbout(t *testing.T) {
	seal := newSealer("token")
	rapid.Check(t, func(rt *rapid.T) {
		c := hostileCard(rt)
		ids, tokens := map[string]bool{}, map[string]bool{}
		for i := range c.Actions {
			ids[c.Actions[i].EntryID()] = true
		}
		for i := range c.Findings {
			tokens[c.Findings[i].Token] = true
			for _, x := range c.Findings[i].Targets {
				tokens[x.Token] = true
			}
		}
		for press, o := range orders(t, card(c, seal), seal) {
			if o.Incident != c.ID || o.Tenant != c.Tenant {
				rt.Fatalf("%s is about %q of %q", press, o.Incident, o.Tenant)
			}
			for _, id := range o.Actions {
				if !ids[id] {
					rt.Fatalf("%s names the action %q", press, id)
				}
			}
			for _, x := range o.Targets {
				if !tokens[x.Token] {
					rt.Fatalf("%s names the token %q", press, x.Token)
				}
			}
		}
	})
}
