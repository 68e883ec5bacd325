package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

func TestAllow(t *testing.T) {
	d := newDesk(t, false)
	got := d.run("allow", "add", "--tenant=acme", "--user=u-1", "--rule=impossible-travel", "--network=::ffff:192.0.2.7", "--asn=64496", "--country=fr", "--ua=Firefox on Windows",
		"--token=sha256:"+strings.Repeat("AB", 32), "--app=shop", "--for=30d", "--why=a trip", "--by=ann")
	c := d.only()
	got.ordered(t, c)
	a := c.Allow
	if c.Verb != schema.Allowed || c.Tenant != "acme" || a == nil {
		t.Fatalf("%+v", c)
	}
	want := schema.Allow{ID: a.ID, User: "u-1", Rule: "impossible-travel", Network: "192.0.2.7/32", ASN: 64496, Country: "FR", UA: "Firefox on Windows",
		Token: "sha256:" + strings.Repeat("ab", 32), App: "shop", Expires: a.Expires, By: "ann", Why: "a trip"}
	if *a != want || !strings.HasPrefix(a.ID, "alw_") || !strings.Contains(got.stdout, a.ID) {
		t.Errorf("%+v\nwant %+v", *a, want)
	}
	if d := time.Until(a.Expires) - 30*24*time.Hour; d > 0 || d < -time.Minute {
		t.Errorf("expires %s", a.Expires)
	}

	entry := func(id string, expires time.Duration, ended bool) map[string]any {
		return map[string]any{"allow": map[string]any{"id": id, "tenant": "acme", "user": "u-" + id, "expires": time.Now().Add(expires).UTC(), "by": "ann", "why": "a\ntrip", "ended": ended}}
	}
	d.logs(1, 1, entry("alw_2", time.Hour, false), entry("alw_1", time.Minute, false), entry("alw_3", -time.Hour, false), entry("alw_4", time.Hour, false), entry("alw_4", time.Hour, true))
	list := func(args ...string) string {
		t.Helper()
		var ids []string
		for line := range strings.Lines(d.run(append([]string{"allow", "list", "--format=jsonl"}, args...)...).stdout) {
			var e allowEntry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Error(err)
			}
			ids = append(ids, e.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := list(); got != "alw_1 alw_2" {
		t.Error(got)
	}
	if got := list("--all"); got != "alw_3 alw_1 alw_2 alw_4" {
		t.Error(got)
	}
	if text := d.run("allow"); !strings.Contains(text.stdout, "user u-alw_1") || strings.Count(text.stdout, "\n") != 3 {
		t.Errorf("%q", text.stdout)
	}
	if got := d.run("allow", "remove", "alw_4", "--why=x"); got.code != 1 {
		t.Errorf("removed what was removed: %q", got.stdout)
	}
	if got := d.run("allow", "remove", "alw_2", "--why=back home"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	cs := d.orders()[broker.Placements[0].Of([]byte("acme"), deskLanes)]
	if last := cs[len(cs)-1]; last.Verb != schema.Disallow || last.Tenant != "acme" || last.Allow == nil || last.Allow.ID != "alw_2" {
		t.Errorf("%+v", last)
	}
}
