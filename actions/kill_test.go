package actions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hijackd/hijackd/schema"
)

func command(t *testing.T, r *Response, c *schema.Command) {
	t.Helper()
	c.By, c.Why, c.Via = "ana", "a drill", "cli"
	if err := r.Process(t.Context(), []schema.Record{signal(t, r.pos, schema.Signal{Command: c})}); err != nil {
		t.Fatal(err)
	}
}

// While the switch is on nothing is tried, across a takeover too; people are told of findings, and once of the switch. Then what waited goes
// out in order and no faster than the limit, as if its time had begun with that.
func TestKillSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		var calls []time.Time
		d.Revoker = revoking(func(_ context.Context, a *schema.Action) Result {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.calls, calls = append(m.calls, a.Token), append(calls, time.Now())
			return Result{Class: Done}
		})
		r := open(t, d, LaneDefaults())
		command(t, r, &schema.Command{ID: "cmd_on", Verb: schema.Kill})
		var want []string
		for i := range 10 {
			token := fmt.Sprint("h1:k1:", i)
			want = append(want, token)
			process(t, r, conclusive(token))
		}
		run(t, r, time.Hour)
		abandon(r)
		next := NewResponse(enforcing(t), LaneDefaults(), d)
		if _, err := next.Open(t.Context(), schema.Assignment{Term: schema.Term{Generation: 2, Start: 1}, Committed: r.pos}); err != nil {
			t.Fatal(err)
		}
		run(t, next, 30*time.Hour) // more than after which an action is given up
		if len(m.calls) > 0 {
			t.Fatalf("%d calls", len(m.calls))
		}
		held := schema.ActionID("", "h1:k1:9", string(schema.RevokeSession), "0")
		command(t, next, &schema.Command{ID: "cmd_hold", Verb: schema.Hold, Actions: []string{held}})
		if e := next.fold.entries[held]; e.state != schema.ActionHeld {
			t.Errorf("what nobody can have tried is not held: %d", e.state)
		}
		command(t, next, &schema.Command{ID: "cmd_off", Verb: schema.Unkill})
		run(t, next, time.Minute)
		if !slices.Equal(m.calls, want[:9]) {
			t.Errorf("calls %v", m.calls)
		}
		for i := 1; i < len(calls); i++ {
			if gap := calls[i].Sub(calls[i-1]); gap < time.Second {
				t.Errorf("call %d follows after %s", i, gap)
			}
		}
		pages := map[string]int{}
		for _, a := range m.alerts {
			if a.Page != "" {
				pages[a.ID]++
			}
		}
		if len(m.alerts) != 11 || pages["page_killed_cmd_on"] != 1 || len(pages) != 1 {
			t.Errorf("%d messages, pages %v", len(m.alerts), pages)
		}
		abandon(next)
	})
}

// The kill file counts at once, and its end once the log says so.
func TestKillFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		d := m.deps()
		var there atomic.Bool
		d.Killed = there.Load
		r := open(t, d, LaneDefaults())
		there.Store(true)
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, 10*time.Minute)
		if m.called() > 0 {
			t.Fatal("called while the kill file is there")
		}
		there.Store(false)
		run(t, r, 3*time.Second)
		if m.called() != 1 {
			t.Errorf("%d calls after the file is gone", m.called())
		}
		run(t, r, time.Second)
		var whats []string
		for _, a := range m.audits {
			if a.Kind == auditSwitch {
				whats = append(whats, a.What)
			}
		}
		if !slices.Equal(whats, []string{"kill", "unkill"}) {
			t.Errorf("audited %v", whats)
		}
		abandon(r)
	})
}

// Each order is answered once, with a reason where it is refused, and audited.
func TestOrdersAreAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := open(t, m.deps(), LaneDefaults())
		process(t, r, conclusive("h1:k1:a"))
		run(t, r, time.Minute)
		id := schema.ActionID("", "h1:k1:a", string(schema.RevokeSession), "0")
		target := []schema.Target{{Token: "h1:k1:a"}}
		command(t, r, &schema.Command{ID: "cmd_1", Verb: schema.Revoke, Targets: target})
		for range 3 {
			command(t, r, &schema.Command{ID: "cmd_2", Verb: schema.Again, Targets: target})
			run(t, r, time.Minute)
		}
		command(t, r, &schema.Command{ID: "cmd_3", Verb: schema.Hold, Actions: []string{id, id, "act_none"}})
		command(t, r, &schema.Command{ID: "cmd_4", Verb: schema.Revoke, Targets: []schema.Target{{Token: "raw-canary"}}})
		run(t, r, time.Minute)
		again := schema.ActionID("", "h1:k1:a", string(schema.RevokeSession), "0.cmd_2")
		if !slices.Equal(m.calls, []string{id, again}) || !slices.Equal(m.revoked, m.calls) {
			t.Errorf("calls %v, published %v", m.calls, m.revoked)
		}
		var got []string
		for _, a := range m.audits {
			if a.Kind == auditCommand {
				got = append(got, a.What+" "+a.About+" "+a.Detail)
			}
		}
		want := []string{
			"revoke " + id + " refused: already revoked: order again", "again " + again + " ", "hold " + id + " refused: it is delivered",
			"hold act_none refused: there is no such action", "revoke cmd_4 refused: it names no fingerprint",
		}
		if !slices.Equal(got, want) {
			t.Errorf("audited %q", got)
		}
		if slices.ContainsFunc(m.log, func(e Entry) bool { return strings.Contains(string(e.Value), "canary") }) {
			t.Error("a raw token is in the log")
		}
		abandon(r)
	})
}
