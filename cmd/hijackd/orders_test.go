package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/enrich"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// desk is an operator's: a broker with hijackd's topics, perhaps a ClickHouse, and a configuration that names both.
type desk struct {
	t      *testing.T
	client *broker.Client
	config string
	db     *store.DB
	offset int64
}

const deskLanes = 3

// newDesk makes one; without a server the configuration stands for an embedded engine.
func newDesk(t *testing.T, server bool) *desk {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(deskLanes, "session-events", "session-events.signals", "session-events.response"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	d := &desk{t: t}
	if d.client, err = broker.New(broker.Config{Brokers: cluster.ListenAddrs()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	dsn := ""
	if server {
		dsn = d.server()
	}
	d.config = write(t, "hijackd.yaml", fmt.Sprintf("kafka: {brokers: ['%s']}\nclickhouse: {dsn: %q}\nfingerprint: {pepper_file: %q}\n",
		cluster.ListenAddrs()[0], dsn, write(t, "pepper", pepper)))
	return d
}

// server makes a database of the desk's own on the engine that the tests run against.
func (d *desk) server() string {
	d.t.Helper()
	base := os.Getenv("HIJACKD_TEST_CLICKHOUSE")
	if base == "" {
		d.t.Fatal("HIJACKD_TEST_CLICKHOUSE is not set: run make test")
	}
	u, err := url.Parse(base)
	if err != nil {
		d.t.Fatal("HIJACKD_TEST_CLICKHOUSE is not a URL")
	}
	o, err := clickhouse.ParseDSN(base)
	if err != nil {
		d.t.Fatal(err)
	}
	admin, err := clickhouse.Open(o)
	if err != nil {
		d.t.Fatal(err)
	}
	name := "desk_" + strings.ToLower(rand.Text()[:10])
	u.Path = "/" + name
	c := store.Defaults()
	c.DSN = u.String()
	if d.db, err = store.Open(c, enrich.ParseAgent); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = d.db.Close()
		_ = admin.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" SYNC")
		_ = admin.Close()
	})
	if err := d.db.Migrate(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return c.DSN
}

// logs appends records to the response log of a lane, written by an owner of a generation.
func (d *desk) logs(lane int32, generation int64, records ...map[string]any) {
	d.t.Helper()
	for _, r := range records {
		r["office"] = map[string]int64{"generation": generation, "start": 0, "by": 100 + generation}
		v, err := json.Marshal(r)
		if err != nil {
			d.t.Fatal(err)
		}
		if err := d.client.Produce(d.t.Context(), "session-events.response", lane, []broker.Message{{Key: []byte("k"), Value: v}}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// stores writes events to ClickHouse.
func (d *desk) stores(es ...schema.Event) {
	d.t.Helper()
	events, err := store.NewEvents(d.db, store.EventsDefaults(), discardLog)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(d.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); events.Run(ctx) }()
	defer func() { stop(); <-done }()
	for i := range es {
		d.offset++
		es[i].Offset, es[i].ID = d.offset, fmt.Sprint("e-", d.offset)
		es[i].RecordTime = es[i].Time
	}
	c := events.Cursor(0, 0)
	if err := c.Append(d.t.Context(), es, d.offset+1); err != nil {
		d.t.Fatal(err)
	}
	if err := c.Drain(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) run(args ...string) outcome {
	d.t.Helper()
	return d.type_("", args...)
}

func (d *desk) type_(stdin string, args ...string) outcome {
	d.t.Helper()
	changes := func(arg string) bool { return strings.HasPrefix(arg, "--why") || arg == "--revoke" }
	if slices.ContainsFunc(args, changes) && !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--wait") }) {
		args = append(args, "--wait=0s") // nobody answers
	}
	return invoke(d.t, stdin, nil, append(args, "-c", d.config)...)
}

// orders returns the commands of each lane's signals.
func (d *desk) orders() map[int32][]schema.Command {
	d.t.Helper()
	all := map[int32][]schema.Command{}
	for lane := range int32(deskLanes) {
		_, err := broker.Log{Client: d.client, Topic: "session-events.signals", Partition: lane}.Read(d.t.Context(), 0, func(r *schema.Record) error {
			var s schema.Signal
			if err := json.Unmarshal(r.Value, &s); err != nil || s.Command == nil || string(r.Key) != s.Command.Tenant {
				d.t.Errorf("%s: no command, or a wrong key: %v", r.Value, err)
				return nil
			}
			all[lane] = append(all[lane], *s.Command)
			return nil
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return all
}

// only returns the one command that was given, in the lane of its tenant.
func (d *desk) only() schema.Command {
	d.t.Helper()
	var got []schema.Command
	for lane, cs := range d.orders() {
		for _, c := range cs {
			if want := broker.Placements[0].Of([]byte(c.Tenant), deskLanes); lane != want {
				d.t.Errorf("a command of tenant %q is in lane %d, not %d", c.Tenant, lane, want)
			}
			got = append(got, c)
		}
	}
	if len(got) != 1 {
		d.t.Fatalf("%d commands, want 1: %+v", len(got), got)
	}
	return got[0]
}

// ordered is the command line's answer to an order that was given.
func (o outcome) ordered(t *testing.T, c schema.Command) {
	t.Helper()
	if o.code != exitDone || !strings.Contains(o.stdout, "ordered: ") || !strings.Contains(o.stdout, c.ID) {
		t.Errorf("exit %d, %q, %q; want the order %s", o.code, o.stdout, o.stderr, c.ID)
	}
}

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
	} {
		t.Run(name, func(t *testing.T) {
			d := heldDesk(t, false)
			got := d.run(append([]string{"held", "--why=it was us", "--by=ann"}[:1], append(tc.args, "--why=it was us", "--by=ann")...)...)
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

func TestOrdersThatAreRefused(t *testing.T) {
	d := heldDesk(t, false)
	const raw = "eyJhbGciOi.CANARY.raw"
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no reason":           {[]string{"held", "release", "act_1"}, 2, "missing flags: --why=REASON"},
		"blank reason":        {[]string{"held", "release", "act_1", "--why= "}, 2, "--why says nothing"},
		"nothing named":       {[]string{"held", "release", "--why=x"}, 2, "Name ids"},
		"tenant alone":        {[]string{"held", "discard", "--tenant=a", "--why=x"}, 2, "Name ids"},
		"ids and filters":     {[]string{"held", "release", "act_1", "--all", "--why=x"}, 2, "either ids or filters"},
		"not held":            {[]string{"held", "release", "act_1", "act_4", "--why=x"}, 1, "in another state or unknown: act_4"},
		"nothing fits":        {[]string{"held", "release", "--user=nobody", "--why=x"}, 1, "nothing that fits is held"},
		"raw token":           {[]string{"revoke", raw, "--why=x"}, 2, "hijackd fingerprint"},
		"raw token again":     {[]string{"revoke", "again", "h1:k1:0123456789012345678901", raw, "--why=x"}, 2, "token 2 is not a fingerprint"},
		"nothing to revoke":   {[]string{"revoke", "--why=x"}, 2, "either fingerprints or --user"},
		"retry of unknown":    {[]string{"revoke", "retry", "act_1", "--why=x"}, 1, "unknown: act_1"},
		"user, no server":     {[]string{"revoke", "--user=u-1", "--yes", "--why=x"}, 1, "looked up in ClickHouse"},
		"allow without end":   {[]string{"allow", "add", "--user=u-1", "--why=x"}, 2, "missing flags: --for=TIME"},
		"allow everything":    {[]string{"allow", "add", "--for=1d", "--why=x"}, 2, "Name at least one"},
		"allow for long":      {[]string{"allow", "add", "--user=u", "--for=400d", "--why=x"}, 2, "more than a year"},
		"allow a bad rule":    {[]string{"allow", "add", "--rule=impossible-travle", "--for=1d", "--why=x"}, 2, "there is no rule"},
		"allow a bad net":     {[]string{"allow", "add", "--network=10.0.0/8", "--for=1d", "--why=x"}, 2, "--network: neither"},
		"allow the world":     {[]string{"allow", "add", "--network=0.0.0.0/0", "--for=1d", "--why=x"}, 2, "larger than"},
		"allow raw token":     {[]string{"allow", "add", "--token=" + raw, "--for=1d", "--why=x"}, 2, "is not a fingerprint"},
		"allow a bad time":    {[]string{"allow", "add", "--user=u", "--for=soon", "--why=x"}, 2, "not a length of time"},
		"allow a country":     {[]string{"allow", "add", "--country=France", "--for=1d", "--why=x"}, 2, "not two letters"},
		"allow a browser":     {[]string{"allow", "add", "--ua=Firefox", "--for=1d", "--why=x"}, 2, "not of the form"},
		"remove of unknown":   {[]string{"allow", "remove", "alw_1", "--why=x"}, 1, "no entry alw_1 in force"},
		"kill without reason": {[]string{"kill", "on"}, 2, "missing flags: --why=REASON"},
	} {
		t.Run(name, func(t *testing.T) {
			got := d.run(tc.args...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.want) || got.stdout != "" {
				t.Errorf("exit %d, %q, %q; want %d, %q", got.code, got.stdout, got.stderr, tc.code, tc.want)
			}
			if strings.Contains(got.stdout+got.stderr, "CANARY") {
				t.Error("a raw token is shown")
			}
		})
	}
	if given := d.orders(); len(given) != 0 {
		t.Errorf("%v was ordered", given)
	}
}

func TestNoBroker(t *testing.T) {
	config := write(t, "hijackd.yaml", "kafka: {brokers: ['127.0.0.1:1']}\n")
	if got := invoke(t, "", nil, "kill", "on", "--why=x", "-c", config); got.code != 1 || !strings.Contains(got.stderr, "no broker answers") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	config = write(t, "hijackd.yaml", "kafka: {brokers: ['"+cluster.ListenAddrs()[0]+"'], topic: none}\n")
	if got := invoke(t, "", nil, "kill", "on", "--why=x", "-c", config); got.code != 1 || !strings.Contains(got.stderr, "topic none.signals does not exist") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

func TestKill(t *testing.T) {
	d := newDesk(t, false)
	if got := d.run("kill", "status"); got.stdout != "ordered: off\nkill file: off\n" {
		t.Errorf("%q %q", got.stdout, got.stderr)
	}
	if got := d.run("kill", "on", "--why=a bad database", "--by=ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	given := d.orders()
	for lane := range int32(deskLanes) {
		if cs := given[lane]; len(cs) != 1 || cs[0].Verb != schema.Kill || cs[0].ID != given[0][0].ID {
			t.Errorf("lane %d: %+v", lane, cs)
		}
	}
	if got := d.run("kill", "off", "--why=mended", "--by=bob"); got.code != 0 || d.orders()[2][1].Verb != schema.Unkill {
		t.Errorf("%+v, %s", d.orders(), got.stderr)
	}
	turned := func(file, on bool, n int, by string) map[string]any {
		return map[string]any{"switch": map[string]any{"file": file, "on": on, "n": n, "by": by, "why": "a bad\x1b database", "at": time.Date(2026, 11, 21, 10, 0, n, 0, time.UTC)}}
	}
	for lane := range int32(deskLanes) {
		d.logs(lane, 1, turned(false, true, 1, "ann"))
	}
	d.logs(1, 1, turned(false, false, 2, "bob"), turned(false, true, 1, "ann"), turned(true, true, 1, "policy.kill_file"))
	want := "ordered: on in 2 of 3 lanes since 2026-11-21 10:00:01, by ann: a bad� database\nkill file: on in 1 of 3 lanes since 2026-11-21 10:00:01, by policy.kill_file: a bad� database\n"
	if got := d.run("kill"); got.stdout != want {
		t.Errorf("%q, want %q", got.stdout, want)
	}
	d.logs(0, 1, turned(false, false, 2, "bob"))
	d.logs(2, 1, turned(false, false, 4, "bob"))
	if got := d.run("kill", "status"); !strings.HasPrefix(got.stdout, "ordered: off since 2026-11-21 10:00:04, by bob: ") {
		t.Errorf("%q", got.stdout)
	}
}

// An order waits for its answer in the response log, in every lane that it was for.
func TestOrdersSayWhatBecameOfThem(t *testing.T) {
	for name, tc := range map[string]struct {
		args    []string
		refused []string // an answer each; empty: obeyed
		code    int
		stdout  string
		stderr  string
	}{
		"obeyed":        {[]string{"held", "release", "--all", "--tenant=", "--why=x"}, []string{"", ""}, 0, "obeyed\n", ""},
		"in part":       {[]string{"held", "release", "--all", "--tenant=", "--why=x"}, []string{"", "it is delivered"}, 0, "refused: act_0: it is delivered\nobeyed\n", ""},
		"refused":       {[]string{"revoke", tokenA, "--why=x"}, []string{"already revoked: order again"}, 1, "refused: act_0: already revoked: order again\n", "hijackd: the order was refused\n"},
		"off already":   {[]string{"kill", "off", "--why=x"}, []string{"it is off already"}, 0, "it is off already\n", ""},
		"in every lane": {[]string{"kill", "on", "--why=x"}, []string{""}, 0, "obeyed\n", ""},
		"no answer":     {[]string{"allow", "add", "--user=u", "--for=1h", "--why=x", "--wait=300ms"}, nil, 0, "", "no answer within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			d := heldDesk(t, false)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); d.answer(ctx, tc.refused) }()
			if !slices.Contains(tc.args, "--wait=300ms") {
				tc.args = append(tc.args, "--wait=30s")
			}
			got := d.run(tc.args...)
			stop()
			<-done
			if got.code != tc.code || !strings.HasSuffix(got.stdout, tc.stdout) || !strings.Contains(got.stderr, tc.stderr) {
				t.Errorf("exit %d, %q, %q; want %d, %q, %q", got.code, got.stdout, got.stderr, tc.code, tc.stdout, tc.stderr)
			}
		})
	}
}

// answer is the lanes: it answers every command that comes.
func (d *desk) answer(ctx context.Context, refused []string) {
	next := map[int32]int64{}
	for ctx.Err() == nil && len(refused) > 0 {
		for lane := range int32(deskLanes) {
			next[lane], _ = broker.Log{Client: d.client, Topic: "session-events.signals", Partition: lane}.Read(ctx, next[lane], func(r *schema.Record) error {
				var s schema.Signal
				if err := json.Unmarshal(r.Value, &s); err != nil {
					return err
				}
				var answers []map[string]any
				for _, why := range refused {
					answers = append(answers, map[string]any{"about": "act_0", "refused": why})
				}
				d.logs(lane, 9, map[string]any{"command": map[string]any{"command": s.Command, "answers": answers}})
				return nil
			})
		}
		time.Sleep(10 * time.Millisecond)
	}
}

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

func TestLargeOrdersAreSplit(t *testing.T) {
	whole := schema.Command{ID: "cmd_1", Verb: schema.Release, Actions: make([]string, 2*actionsPerCommand+1)}
	for i := range whole.Actions {
		whole.Actions[i] = fmt.Sprint("act_", i)
	}
	parts := split(whole)
	var back []string
	ids := map[string]bool{}
	for _, c := range parts {
		back = append(back, c.Actions...)
		ids[c.ID] = true
		if len(c.Actions) > actionsPerCommand {
			t.Errorf("%d actions", len(c.Actions))
		}
	}
	if !slices.Equal(back, whole.Actions) || len(ids) != 3 || !ids["cmd_1"] {
		t.Errorf("%d parts, %d ids, %d actions", len(parts), len(ids), len(back))
	}
}

func TestOperator(t *testing.T) {
	p := &process{environ: []string{"SUDO_USER=ann"}}
	if by := p.operator(); !strings.HasPrefix(by, "ann as ") || !strings.Contains(by, "@") {
		t.Error(by)
	}
	if by := (&process{}).operator(); by == "" || strings.HasPrefix(by, "@") {
		t.Error(by)
	}
}
