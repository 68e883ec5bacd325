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
