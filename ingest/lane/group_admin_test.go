package lane

import (
	"context"
	"net"

	"github.com/segmentio/kafka-go"
)

// admin is a client of the test's own, for what hijackd never does.
func (w *world) admin(do func(c *kafka.Client, ctx context.Context) error) {
	w.t.Helper()
	d := w.client.Dialer()
	tr := &kafka.Transport{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		return d.DialFunc(ctx, network, address)
	}}
	defer tr.CloseIdleConnections()
	must(w.t, do(&kafka.Client{Addr: kafka.TCP(w.client.Brokers()...), Transport: tr}, w.t.Context()))
}

func (w *world) addPartitions(count int32) {
	w.admin(func(c *kafka.Client, ctx context.Context) error {
		r, err := c.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: w.topic, Count: count}}})
		if err != nil {
			return err
		}
		return r.Errors[w.topic]
	})
}

func (w *world) recreate(partitions int) {
	w.admin(func(c *kafka.Client, ctx context.Context) error {
		d, err := c.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{w.topic}})
		if err != nil || d.Errors[w.topic] != nil {
			return err
		}
		r, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: w.topic, NumPartitions: partitions, ReplicationFactor: 1}}})
		if err != nil {
			return err
		}
		return r.Errors[w.topic]
	})
}
