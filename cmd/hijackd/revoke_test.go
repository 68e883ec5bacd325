package main

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/schema"
)

var discardLog = slog.New(slog.DiscardHandler)

const (
	tokenA = "h1:k1:AAAAAAAAAAAAAAAAAAAAAA"
	tokenB = "h1:k1:BBBBBBBBBBBBBBBBBBBBBB"
	tokenC = "h1:k1:CCCCCCCCCCCCCCCCCCCCCC"
)

func usage(token, tenant, user, session string, kind schema.EventType, ago time.Duration) schema.Event {
	return schema.Event{Time: time.Now().Add(-ago).UnixNano(), Token: token, Tenant: tenant, User: user, Session: session, Type: kind, App: "shop", IP: netip.MustParseAddr("192.0.2.7"),
		Outcome: schema.OutcomeAccepted, Repeat: 1}
}

// revokeDesk knows token A of u-1, live in its second life; B of u-1, revoked; C of two tenants.
func revokeDesk(t *testing.T) *desk {
	d := newDesk(t, true)
	d.stores(
		usage(tokenA, "", "u-1", "sid-1", schema.SessionRevoked, time.Hour), usage(tokenA, "", "u-1", "sid-2", schema.SessionStarted, 50*time.Minute),
		usage(tokenA, "", "u-1", "sid-2", schema.SessionUsed, time.Minute),
		usage(tokenB, "", "u-1", "sid-3", schema.SessionUsed, time.Hour), usage(tokenB, "", "u-1", "sid-3", schema.SessionRevoked, time.Minute),
		usage(tokenC, "acme", "u-2", "sid-4", schema.SessionUsed, time.Hour), usage(tokenC, "other", "u-3", "sid-5", schema.SessionUsed, time.Hour),
	)
	return d
}

func TestRevokeNamesWhatIsKnown(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		verb   schema.Verb
		tenant string
		want   schema.Target
		warns  string
	}{
		"live":     {[]string{"revoke", tokenA}, schema.Revoke, "", schema.Target{Token: tokenA, User: "u-1", Session: "sid-2", Epoch: 1, Partition: -1}, ""},
		"revoked":  {[]string{"revoke", tokenB}, schema.Revoke, "", schema.Target{Token: tokenB, User: "u-1", Session: "sid-3", Partition: -1}, "is revoked already"},
		"again":    {[]string{"revoke", "again", tokenB}, schema.Again, "", schema.Target{Token: tokenB, User: "u-1", Session: "sid-3", Partition: -1}, ""},
		"tenant":   {[]string{"revoke", tokenC, "--tenant=acme"}, schema.Revoke, "acme", schema.Target{Token: tokenC, User: "u-2", Session: "sid-4", Partition: -1}, ""},
		"unknown":  {[]string{"revoke", "id:handle-7", "--tenant=acme"}, schema.Revoke, "acme", schema.Target{Token: "id:handle-7", Partition: -1}, "was never seen"},
		"one each": {[]string{"revoke", tokenA, tokenA}, schema.Revoke, "", schema.Target{Token: tokenA, User: "u-1", Session: "sid-2", Epoch: 1, Partition: -1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := revokeDesk(t)
			got := d.run(append(tc.args, "--why=stolen")...)
			c := d.only()
			got.ordered(t, c)
			if c.Verb != tc.verb || c.Tenant != tc.tenant || len(c.Targets) != 1 || c.Targets[0] != tc.want {
				t.Errorf("%+v", c)
			}
			if !matches(got.stderr, tc.warns) {
				t.Errorf("%q, want %q", got.stderr, tc.warns)
			}
		})
	}
	d := revokeDesk(t)
	if got := d.run("revoke", tokenC, "--why=x"); got.code != 2 || !strings.Contains(got.stderr, "is a token of 2 tenants: --tenant is needed") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// ClickHouse away, a person's order is given all the same.
func TestRevokeWithoutClickHouse(t *testing.T) {
	d := newDesk(t, false)
	got := d.run("revoke", tokenA, "--why=stolen")
	c := d.only()
	got.ordered(t, c)
	if len(c.Targets) != 1 || c.Targets[0] != (schema.Target{Token: tokenA, Partition: -1}) || !strings.Contains(got.stderr, "are not known") {
		t.Errorf("%+v, %s", c, got.stderr)
	}
}

func TestRevokeUser(t *testing.T) {
	d := revokeDesk(t)
	asked := d.run("revoke", "--user=u-1", "--why=left the company")
	if asked.code != 2 || !strings.Contains(asked.stderr, "--yes is needed") || len(d.orders()) != 0 {
		t.Errorf("exit %d, %s: ordered without anybody's yes", asked.code, asked.stderr)
	}
	got := d.run("revoke", "--user=u-1", "--why=left the company", "--yes")
	c := d.only()
	got.ordered(t, c)
	if len(c.Targets) != 1 || c.Targets[0].Token != tokenA || c.Targets[0].Epoch != 1 {
		t.Errorf("%+v", c)
	}
	if none := d.run("revoke", "--user=u-2", "--why=x", "--yes"); none.code != 1 || !strings.Contains(none.stderr, "no live token") { // of tenant acme
		t.Errorf("exit %d: %s", none.code, none.stderr)
	}
	if late := d.run("revoke", "--user=u-1", "--since=10s", "--why=x", "--yes"); late.code != 1 {
		t.Errorf("exit %d: %s", late.code, late.stdout)
	}
}

func TestRetryReopensWhatFailed(t *testing.T) {
	d := newDesk(t, false)
	a := held("act_1", "acme", "u-1", "replay", time.Hour)
	d.logs(0, 1, in(a, schema.ActionFailed, 0), in(a, schema.ActionPending, 1), in(a, schema.ActionFailed, 1))
	b := held("act_2", "acme", "u-1", "replay", time.Hour)
	b.To = "caep"
	d.logs(0, 1, in(b, schema.ActionFailed, 0))
	elsewhere := *b
	elsewhere.ID = "act_3"
	d.logs(0, 1, in(&elsewhere, schema.ActionFailed, 0))
	got := d.run("revoke", "retry", "act_1", "act_2@caep", "act_3", "--why=the receiver is back")
	c := d.only()
	got.ordered(t, c)
	if c.Verb != schema.Retry || c.Tenant != "acme" || strings.Join(c.Actions, " ") != "act_1 act_2@caep act_3@caep" {
		t.Errorf("%+v", c)
	}
	d.logs(0, 1, in(a, schema.ActionPending, 2))
	if again := d.run("revoke", "retry", "act_1", "--why=x"); again.code != 1 {
		t.Errorf("reopened what is open: %s", again.stdout)
	}
}
