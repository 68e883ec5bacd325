package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/schema"
)

// order is the flags of the commands that change something. What they order is a record of the signals topic, so whoever may write that topic
// may order it: the name is for the audit trail and proves nothing.
type order struct {
	configured
	Why  string        `required:"" placeholder:"REASON" help:"Why; it is recorded and shown to others."`
	By   string        `placeholder:"NAME" help:"Who orders it; else the user at this host. It is recorded."`
	Wait time.Duration `default:"10s" placeholder:"TIME" help:"How long to wait for what becomes of the order; 0s: not at all."`
}

// Longest author and reason, in bytes.
const (
	maxBy  = 256
	maxWhy = 1000
)

// errNoReason is for a reason of blanks.
var errNoReason = usageError{errors.New("--why says nothing")}

// command begins an order.
func (o order) command(p *process, verb schema.Verb, tenant string) (schema.Command, error) {
	by, why := string(schema.CleanText(strings.TrimSpace(o.By), maxBy)), string(schema.CleanText(strings.TrimSpace(o.Why), maxWhy))
	if why == "" {
		return schema.Command{}, errNoReason
	}
	if by == "" {
		by = p.operator()
	}
	at := time.Now().UTC()
	// Random: the same person may order the same twice, and means it.
	id := schema.CommandID(verb, tenant, by+"\x00"+strconv.FormatInt(at.UnixNano(), 10)+"\x00"+rand.Text())
	return schema.Command{ID: id, Verb: verb, Tenant: tenant, By: by, Via: "cli", Why: why, At: at}, nil
}

// operator is the user at this host; of a sudo the one who called it.
func (p *process) operator() string {
	name := "uid-" + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	for _, e := range p.environ {
		if v, ok := strings.CutPrefix(e, "SUDO_USER="); ok && v != "" {
			name = v + " as " + name
		}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return string(schema.CleanText(name+"@"+host, maxBy))
}

// orders is where commands go, and the log of what became of them.
type orders struct {
	client            *broker.Client
	signals, response string
	partitions        int
}

// ordersWait bounds how long the brokers are waited for.
const ordersWait = 30 * time.Second

// openOrders connects to the brokers. The topics are the daemon's to make.
func openOrders(ctx context.Context, cfg *Config) (*orders, error) {
	client, err := broker.New(cfg.broker())
	if err != nil {
		return nil, usageError{err}
	}
	o := &orders{client: client, signals: cfg.Kafka.Topic + ".signals", response: cfg.Kafka.Topic + ".response"}
	ctx, cancel := context.WithTimeout(ctx, ordersWait)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, err
	}
	if o.partitions, err = client.Partitions(ctx, o.signals); err == nil && o.partitions == 0 {
		err = fmt.Errorf("kafka: topic %s does not exist: hijackd run makes it", o.signals)
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return o, nil
}

func (o *orders) close() { o.client.Close() }

// Commands are cut so that each is a small record.
const (
	actionsPerCommand = 500
	targetsPerCommand = 100
)

// split makes commands of a size out of one; the first keeps its id.
func split(c schema.Command) []schema.Command {
	var cs []schema.Command
	next := func() *schema.Command {
		part := c
		part.Actions, part.Targets = nil, nil
		if n := len(cs); n > 0 {
			part.ID = schema.CommandID(c.Verb, c.Tenant, c.ID+"\x00"+strconv.Itoa(n))
		}
		cs = append(cs, part)
		return &cs[len(cs)-1]
	}
	for some := range slices.Chunk(c.Actions, actionsPerCommand) {
		next().Actions = some
	}
	for some := range slices.Chunk(c.Targets, targetsPerCommand) {
		next().Targets = some
	}
	if len(cs) == 0 {
		next()
	}
	return cs
}

// send publishes commands in order, acknowledged by all replicas. After an error some of them may be there: to order them again does no harm.
func (o *orders) send(ctx context.Context, cs ...schema.Command) error {
	ctx, cancel := context.WithTimeout(ctx, ordersWait)
	defer cancel()
	for _, whole := range cs {
		for _, c := range split(whole) {
			v, err := json.Marshal(schema.Signal{Command: &c})
			if err != nil {
				return fmt.Errorf("encode the order: %w", err)
			}
			key := []byte(c.Tenant)
			for _, part := range o.lanes(&c) {
				if err := o.client.Produce(ctx, o.signals, part, []broker.Message{{Key: key, Value: v, Time: c.At}}); err != nil {
					return fmt.Errorf("the order may not have been given: %w", err)
				}
			}
		}
	}
	return nil
}

// lanes are the partitions that a command is for: that of its tenant, and of the switch all.
func (o *orders) lanes(c *schema.Command) []int32 {
	if c.Verb != schema.Kill && c.Verb != schema.Unkill {
		return []int32{broker.Placements[0].Of([]byte(c.Tenant), o.partitions)}
	}
	all := make([]int32, o.partitions)
	for i := range all {
		all[i] = int32(i) // #nosec G115 -- a count of partitions
	}
	return all
}

// ordered says what was sent.
func (p *process) ordered(c *schema.Command, what string) error {
	_, err := fmt.Fprintf(p.stdout, "ordered: %s (%s, by %s)\n", what, c.ID, c.By)
	return err
}
