package slack

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/actions"
	"github.com/hijackd/hijackd/actions/slack/slacktest"
	"github.com/hijackd/hijackd/schema"
)

var update = flag.Bool("update", false, "write the golden files")

func finding() *schema.Finding {
	return &schema.Finding{
		ID: "fnd_1", Rule: "impossible-travel", RuleVersion: 1, Severity: schema.High, Confidence: 0.95, Conclusive: true,
		Decision: schema.RevokeSession, Would: schema.RevokeSession, Scope: schema.ScopeToken,
		Subject: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA", Token: "h1:k1:AAAAAAAAAAAAAAAAAAAAAA", User: "u-7", Session: "sid-1", App: "shop",
		EventID: "e-42", Time: time.Date(2026, 11, 21, 10, 0, 2, 0, time.UTC), Summary: "Paris → Tokyo, 9 672 km in 4 min (145 080 km/h)",
		From: &schema.End{IP: netip.MustParseAddr("192.0.2.1"), ASN: 3215, ASOrg: "Orange", Country: "FR", City: "Paris", UA: "Firefox on Windows", Network: "residential"},
		To:   &schema.End{IP: netip.MustParseAddr("198.51.100.9"), ASN: 2516, ASOrg: "KDDI", Country: "JP", City: "Tokyo", UA: "Chrome on Linux", Network: "hosting"},
	}
}

func action(s schema.ActionState) *schema.Action {
	at := time.Date(2026, 11, 21, 10, 0, 3, 0, time.UTC)
	return &schema.Action{
		ID: "act_1", Action: schema.RevokeSession, State: s, Reason: "impossible-travel", Mode: "enforce", DecidedAt: at,
		FinishedAt: at.Add(840 * time.Millisecond), Outcome: "204", Attempts: 2,
	}
}

func hostile() *schema.Finding {
	f := finding()
	evil := "<!channel> *bold* `code` <https://evil.example|click> & \u202eesrever\u0000 :siren:"
	f.User, f.Session, f.App, f.Tenant, f.Summary, f.EventID = evil, evil, evil, evil, evil+strings.Repeat("&", 5000), evil
	f.To.City, f.To.UA, f.To.ASOrg = evil, strings.Repeat("<", 900), evil
	return f
}

// together is a finding that is not conclusive by itself, as a record of the log brings it.
func together() *schema.Finding {
	f := finding()
	f.Rule, f.Conclusive, f.Confidence, f.Risk = "device-change", false, 0.7, 0.94
	f.Evidence = map[string]any{"because": []any{
		"device 0.70, this finding", "behaviour 0.80 = 0.8 × 2^(−0 s / 3600 s), parallel-use fnd_2",
		"risk 0.94 = 1 − (1 − 0.70) × (1 − 0.80), at most 0.99",
		"device (device-change) and behaviour (parallel-use) are independent, and the risk is at least 0.90",
	}}
	return f
}

func combined() *schema.Action {
	a := action(schema.ActionDelivered)
	a.Reason, a.Risk, a.Findings = "device-change", 0.94, []schema.Finding{{Rule: "device-change"}, {Rule: "parallel-use"}}
	return a
}

func alerting(f *schema.Finding, change func(*schema.Finding)) *schema.Finding {
	f.Decision = schema.Alert
	change(f)
	return f
}

// TestMessages compares what people read with golden files; go test -run TestMessages -update writes them.
func TestMessages(t *testing.T) {
	for name, a := range map[string]*actions.Alert{
		"delivered": {ID: "fnd_1", Finding: finding(), Action: action(schema.ActionDelivered)},
		"pending":   {ID: "fnd_1", Finding: finding(), Action: action(schema.ActionPending)},
		"held":      {ID: "fnd_1", Finding: finding(), Action: action(schema.ActionHeld)},
		"failed":    {ID: "fnd_1", Finding: finding(), Action: action(schema.ActionFailed)},
		"discarded": {ID: "fnd_1", Finding: finding(), Action: action(schema.ActionDiscarded)},
		"alert":     {ID: "fnd_1", Finding: alerting(finding(), func(*schema.Finding) {})},
		"exempt":    {ID: "fnd_1", Finding: alerting(finding(), func(f *schema.Finding) { f.Would, f.Suppressed = schema.Alert, "never_revoke.users" })},
		"weak": {ID: "fnd_1", Finding: alerting(finding(), func(f *schema.Finding) {
			f.Would, f.Conclusive, f.From, f.Session = schema.Alert, false, nil, ""
		})},
		"together": {ID: "fnd_1", Finding: together(), Action: combined()},
		"hostile":  {ID: "fnd_1", Finding: hostile(), Action: action(schema.ActionDelivered)},
		"page":     {ID: "page_1", Page: "A revocation has been pending for more than 2 minutes. (act_1)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := slacktest.New()
			defer s.Close()
			if res := to(t, s).Alert(t.Context(), a); res.Class != actions.Done {
				t.Fatalf("%+v", res)
			}
			m := s.Messages()[0]
			if m.Metadata.EventType != "hijackd_finding" || m.ID() != a.ID {
				t.Errorf("metadata %+v", m.Metadata)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, m.Raw, "", " "); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "\n%s\n", m.Fallback)
			golden(t, name+".json", got.Bytes())
			for _, bad := range []string{"<", ">", "\u202e", "\x00", "mrkdwn"} {
				if all := strings.ReplaceAll(string(m.Raw), `\u003c`, "<") + m.Fallback; strings.Contains(all, bad) {
					t.Errorf("%q in %s", bad, all)
				}
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) // #nosec G304 -- a test's own file
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n%s\nwant\n%s", name, got, want)
	}
}

func to(t testing.TB, s *slacktest.Server, change ...func(*Config)) *Slack {
	t.Helper()
	cfg := Config{Token: slacktest.Token, Channel: slacktest.Channel, APIURL: s.URL()}
	for _, c := range change {
		c(&cfg)
	}
	token, err := LoadToken(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sl, err := New(cfg, token, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	sl.pace.interval = 0
	return sl
}

// clickable lets cards have buttons.
func clickable(c *Config) {
	c.UserGroup, c.AppToken, c.SigningSecret = slacktest.UserGroup, slacktest.AppToken, slacktest.SigningSecret
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		fault slacktest.Fault
		want  actions.Result
	}{
		{slacktest.Fault{Status: 429, RetryAfter: 30}, actions.Result{Class: actions.Again, Detail: "429", RetryAfter: 30 * time.Second}},
		{slacktest.Fault{Status: 503}, actions.Result{Class: actions.Again, Detail: "HTTP error"}},
		{slacktest.Fault{Status: 302}, actions.Result{Class: actions.Again, Detail: "HTTP error"}},
		{slacktest.Fault{Error: "internal_error"}, actions.Result{Class: actions.Again, Detail: "internal_error"}},
		{slacktest.Fault{Error: "token_revoked"}, actions.Result{Class: actions.Again, Detail: "token_revoked"}},
		{slacktest.Fault{Error: "invalid_blocks"}, actions.Result{Class: actions.Refused, Detail: "invalid_blocks"}},
		{slacktest.Fault{Error: "xoxb-CANARY <b>"}, actions.Result{Class: actions.Again, Detail: "error"}},
		{slacktest.Fault{Cut: true}, actions.Result{Class: actions.Again, Detail: "network error"}},
		{slacktest.Fault{Empty: true}, actions.Result{Class: actions.Again, Detail: "an answer without a timestamp"}},
	} {
		s := slacktest.New()
		s.Fail(c.fault)
		if res := to(t, s).Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding()}); res != c.want {
			t.Errorf("%+v: %+v, want %+v", c.fault, res, c.want)
		}
		s.Close()
	}
}

func TestOneMessageAfterAnAmbiguousSend(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s)
	for i := range 250 { // the message is not on the first page of the history
		if i == 3 {
			s.Fail(slacktest.Fault{Cut: true})
		}
		sl.Alert(t.Context(), &actions.Alert{ID: fmt.Sprint("fnd_", i), Finding: finding()})
	}
	for _, id := range []string{"fnd_3", "fnd_lost"} {
		if res := sl.Alert(t.Context(), &actions.Alert{ID: id, Finding: finding(), Uncertain: true}); res.Class != actions.Done {
			t.Fatalf("%s: %+v", id, res)
		}
	}
	n := map[string]int{}
	for _, m := range s.Messages() {
		n[m.ID()]++
	}
	if n["fnd_3"] != 1 || n["fnd_lost"] != 1 {
		t.Errorf("%d messages of the ambiguous send, %d of the lost one; want one of each", n["fnd_3"], n["fnd_lost"])
	}
}

// A channel given by name can't be searched until Slack has told its id: rather a message twice than none.
func TestUncertainInANamedChannelIsSent(t *testing.T) {
	s := slacktest.New()
	defer s.Close()
	sl := to(t, s, func(c *Config) { c.Channel = "#soc" })
	for range 2 {
		if res := sl.Alert(t.Context(), &actions.Alert{ID: "fnd_1", Finding: finding(), Uncertain: true}); res.Class != actions.Done {
			t.Fatalf("%+v", res)
		}
	}
	if n := len(s.Messages()); n != 1 {
		t.Errorf("%d messages; the second look had the id", n)
	}
}
