package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/hijackd/hijackd/detect/simulate"
	"github.com/hijackd/hijackd/schema"
)

// demoBroker is a Kafka broker inside this process, on a loopback port.
type demoBroker struct{ cluster *kfake.Cluster }

func newDemoBroker() (*demoBroker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.SeedTopics(demoPartitions, demoTopic),
		kfake.SeedTopics(1, "session-findings"))
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	return &demoBroker{cluster}, nil
}

func (b *demoBroker) address() string { return b.cluster.ListenAddrs()[0] }
func (b *demoBroker) close()          { b.cluster.Close() }

// demoBatch is how often the simulated apps send what has happened.
const demoBatch = 20 * time.Millisecond

// produce sends the generator's events when their time comes, until ctx ends, and lets the simulated app obey revocations.
func (w *demoWorld) produce(ctx context.Context, g *simulate.Generator, forever bool) error {
	out := &kafka.Writer{Addr: kafka.TCP(w.broker.address()), Topic: demoTopic, Balancer: kafka.Murmur2Balancer{},
		RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond}
	defer func() { _ = out.Close() }()
	tick := time.NewTicker(demoBatch)
	defer tick.Stop()
	var next simulate.Event
	g.Next(&next)
	kinds, nextAttack := simulate.Attacks(), time.Now().Add(70*time.Second)
	begun := map[string]bool{}
	for round := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case token := <-w.receiver.revoked:
			g.Revoke(token)
			continue
		case <-tick.C:
		}
		now := time.Now()
		if forever && now.After(nextAttack) {
			g.Attack(kinds[round%len(kinds)], 0)
			round++
			nextAttack = now.Add(30 * time.Second)
		}
		var batch []kafka.Message
		for ; next.Time <= now.UnixNano(); g.Next(&next) {
			if next.Role == simulate.Attacker && !begun[next.Token] {
				begun[next.Token] = true
				w.tell(attackBegan{kind: next.Attack, token: next.Token, user: next.User, city: next.Geo.City, at: now})
			}
			batch = append(batch, kafka.Message{Key: []byte(next.Token), Value: next.AppendJSON(nil, false)})
		}
		if len(batch) == 0 {
			continue
		}
		// A batch is finished also when the demo ends: what was sent is counted.
		if err := out.WriteMessages(context.WithoutCancel(ctx), batch...); err != nil {
			return fmt.Errorf("produce events: %w", err)
		}
		w.tell(arrived(len(batch)))
	}
}

// readFindings reads decided findings, as any consumer of the topic would.
func (w *demoWorld) readFindings(ctx context.Context, topic string) {
	in := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{w.broker.address()}, Topic: topic, MaxWait: 50 * time.Millisecond})
	defer func() { _ = in.Close() }()
	for {
		m, err := in.ReadMessage(ctx)
		if err != nil {
			return // ctx has ended, or the broker has
		}
		var event struct {
			Data schema.Finding `json:"data"`
		}
		if json.Unmarshal(m.Value, &event) == nil && event.Data.ID != "" {
			w.tell(found{event.Data})
		}
	}
}

// rows counts the apps' events that are stored, once they are as many as were sent; hijackd's own notes are not counted.
func (w *demoWorld) rows(ctx context.Context, want int) (n int, err error) {
	// Also after Ctrl-C: a demo --forever is counted too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	options, err := clickhouse.ParseDSN(w.engine.DSN())
	if err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	db, err := clickhouse.Open(options)
	if err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	defer func() { _ = db.Close() }()
	for {
		var count uint64
		if err := db.QueryRow(ctx, "SELECT count() FROM events WHERE startsWith(id, ?)", simulate.IDPrefix).Scan(&count); err != nil {
			return n, fmt.Errorf("count rows: %w", err)
		}
		if n = int(count); n == want { // #nosec G115 -- small
			return n, nil
		}
		select {
		case <-ctx.Done():
			return n, fmt.Errorf("%s of %s events are stored", grouped(n), grouped(want))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
