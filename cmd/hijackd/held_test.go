package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func held(id, tenant, user, rule string, age time.Duration) *schema.Action {
	return &schema.Action{ID: id, Action: schema.RevokeSession, State: schema.ActionHeld, Tenant: tenant, Subject: "h1:k:" + id, Token: "h1:k:" + id, User: user,
		Reason: rule, Risk: 0.9, DecidedAt: time.Now().Add(-age).UTC(), Findings: []schema.Finding{{ID: "fnd_" + id, Rule: rule, Summary: "what happened\x1b[31m"}}}
}

func action(a *schema.Action) map[string]any { return map[string]any{"action": a} }

func in(a *schema.Action, s schema.ActionState, round int) map[string]any {
	c := *a
	c.State, c.Round = s, round
	return action(&c)
}

// heldDesk holds act_1 to act_3; the log also has what is void, decided or reopened.
func heldDesk(t *testing.T, server bool) *desk {
	d := newDesk(t, server)
	one, two, three, four := held("act_1", "", "u-1", "replay", time.Hour), held("act_2", "acme", "u-2", "replay", time.Minute), held("act_3", "", "u-3", "parallel-use", 48*time.Hour),
		held("act_4", "", "u-1", "replay", time.Hour)
	if server {
		released := *four
		released.State, released.Released = schema.ActionReleased, true
		if err := d.db.InsertActions(t.Context(), []schema.Action{*one, *two, *three, *four, released}); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d.logs(0, 1, in(one, schema.ActionPending, 0), action(one), in(one, schema.ActionPending, 0), action(four), in(four, schema.ActionReleased, 0), action(four))
	d.logs(0, 2, map[string]any{"opening": 2}, action(three))
	d.logs(0, 1, in(three, schema.ActionDiscarded, 0)) // of an owner that another one has replaced
	d.logs(1, 1, in(held("act_6", "", "u-6", "replay", 0), schema.ActionPending, 0))
	d.logs(2, 1, map[string]any{"alert": map[string]any{"id": "act_9"}, "state": 2}, action(two))
	return d
}

func TestHeldList(t *testing.T) {
	for name, server := range map[string]bool{"response log": false, "clickhouse": true} {
		t.Run(name, func(t *testing.T) {
			d := heldDesk(t, server)
			for args, want := range map[string]string{
				"": "act_3 act_1 act_2", "--tenant=acme": "act_2", "--tenant=": "act_3 act_1", "--user=u-1": "act_1", "--rule=replay": "act_1 act_2",
				"--since=2h": "act_1 act_2", "--since=3d": "act_3 act_1 act_2", "--user=nobody": "",
			} {
				line := []string{"held", "list", "--format=jsonl"}
				if args != "" {
					line = append(line, args)
				}
				got := d.run(line...)
				var ids []string
				for line := range strings.Lines(got.stdout) {
					var a struct {
						ID    string `json:"action_id"`
						State string
					}
					if err := json.Unmarshal([]byte(line), &a); err != nil || a.State != "held" {
						t.Errorf("%s: %v", line, err)
					}
					ids = append(ids, a.ID)
				}
				if got.code != 0 || got.stderr != "" || strings.Join(ids, " ") != want {
					t.Errorf("%s: exit %d, %v, %q; want %s", args, got.code, ids, got.stderr, want)
				}
			}
			text := d.run("held")
			if !strings.Contains(text.stdout, "act_2") || !strings.Contains(text.stdout, "what happened") || strings.Contains(text.stdout, "\x1b") {
				t.Errorf("%q", text.stdout)
			}
			if none := d.run("held", "list", "--user=nobody"); none.stdout != "nothing is held\n" {
				t.Errorf("%q", none.stdout)
			}
		})
	}
}

func TestHeldOrders(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		verb   schema.Verb
		tenant string
		ids    string
	}{
		"by id":     {[]string{"release", "act_1"}, schema.Release, "", "act_1"},
		"of tenant": {[]string{"discard", "act_2"}, schema.Discard, "acme", "act_2"},
		"by rule":   {[]string{"release", "--rule=parallel-use"}, schema.Release, "", "act_3"},
		"by user":   {[]string{"release", "--user=u-2"}, schema.Release, "acme", "act_2"},
		"all":       {[]string{"discard", "--all", "--tenant="}, schema.Discard, "", "act_3 act_1"},
		"pending":   {[]string{"add", "act_6"}, schema.Hold, "", "act_6"},
	} {
		t.Run(name, func(t *testing.T) {
			d := heldDesk(t, false)
			got := d.run(slices.Concat([]string{"held"}, tc.args, []string{"--why=it was us", "--by=ann"})...)
			if got.code != 0 {
				t.Fatal(got.stderr)
			}
			c := d.only()
			got.ordered(t, c)
			if c.Verb != tc.verb || c.Tenant != tc.tenant || strings.Join(c.Actions, " ") != tc.ids || c.By != "ann" || c.Why != "it was us" || c.Via != "cli" ||
				time.Since(c.At) > time.Minute || !strings.HasPrefix(c.ID, "cmd_") {
				t.Errorf("%+v", c)
			}
		})
	}
}

// What is held later is nobody's decision yet: an order names ids, never what matches at the time that it is read.
func TestReleaseNamesWhatIsHeldNow(t *testing.T) {
	d := heldDesk(t, false)
	if got := d.run("held", "release", "--all", "--why=x"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	d.logs(0, 3, map[string]any{"opening": 3}, action(held("act_5", "", "u-5", "replay", 0)))
	ids := map[string]string{}
	for _, cs := range d.orders() {
		for _, c := range cs {
			ids[c.Tenant] += strings.Join(c.Actions, " ")
		}
	}
	if ids[""] != "act_3 act_1" || ids["acme"] != "act_2" || len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}
