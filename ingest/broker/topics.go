package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// Topic is a topic that must be there before anything starts.
type Topic struct {
	Name string
	// Partitions is how many it must have; 0 leaves it open (and creates it with one).
	Partitions int
	// Config are the settings it is created with, such as cleanup.policy.
	Config map[string]string
	// Own marks hijackd's own topics, which it creates where it may.
	Own bool
}

// Ping fails at once when no broker answers, where the transport would wait in silence.
func (c *Client) Ping(ctx context.Context) error {
	var errs []error
	for _, b := range c.cfg.Brokers {
		conn, err := c.dialer.DialContext(ctx, "tcp", b)
		if err == nil {
			_, err = conn.Brokers() // which nobody is told before logging in
			_ = conn.Close()
		}
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", b, c.cfg.advise(err)))
	}
	return fmt.Errorf("kafka: no broker answers: %w", errors.Join(errs...))
}

// Partitions returns how many partitions a topic has, 0 if it isn't there.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	resp, err := c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, fmt.Errorf("read metadata of topic %s: %w", topic, err)
	}
	for _, t := range resp.Topics {
		if t.Name == topic && t.Error == nil {
			return len(t.Partitions), nil
		}
	}
	return 0, nil
}

// Ensure checks that every topic is there as it must be, and creates those of hijackd's own that are missing if create is set. Otherwise
// the error says which command does.
func (c *Client) Ensure(ctx context.Context, create bool, topics []Topic) error {
	for _, t := range topics {
		n, err := c.Partitions(ctx, t.Name)
		if err != nil {
			return err
		}
		if n == 0 && t.Own && create {
			if err := c.create(ctx, t); err != nil {
				return fmt.Errorf("%w; create it with: %s", err, c.command(t))
			}
			if n, err = c.awaitTopic(ctx, t.Name); err != nil {
				return err
			}
		}
		if n == 0 {
			return fmt.Errorf("kafka: topic %s does not exist, or may not be described; create it with: %s", t.Name, c.command(t))
		}
		if t.Partitions > 0 && n != t.Partitions {
			return fmt.Errorf("kafka: topic %s has %d partitions and needs %d", t.Name, n, t.Partitions)
		}
	}
	return nil
}

func (c *Client) create(ctx context.Context, t Topic) error {
	conf := kafka.TopicConfig{Topic: t.Name, NumPartitions: max(1, t.Partitions), ReplicationFactor: -1}
	for k, v := range t.Config {
		conf.ConfigEntries = append(conf.ConfigEntries, kafka.ConfigEntry{ConfigName: k, ConfigValue: v})
	}
	resp, err := c.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{conf}})
	if err == nil {
		err = resp.Errors[t.Name]
	}
	if errors.Is(err, kafka.TopicAlreadyExists) || errors.Is(err, kafka.RequestTimedOut) { // it may be there all the same
		return nil
	}
	if err != nil {
		return fmt.Errorf("kafka: create topic %s: %w", t.Name, err)
	}
	return nil
}

// awaitTopic waits until every partition of a new topic is led by somebody who answers.
func (c *Client) awaitTopic(ctx context.Context, topic string) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if n, err = c.Partitions(ctx, topic); err == nil && n > 0 {
			for p := range int32(n) {
				if _, _, err = c.Bounds(ctx, topic, p); err != nil {
					break
				}
			}
			if err == nil {
				return n, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("kafka: topic %s was created and has not come up: %w", topic, errors.Join(err, ctx.Err()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *Client) command(t Topic) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %d", c.cfg.Brokers[0], t.Name, max(1, t.Partitions))
	for _, k := range []string{"cleanup.policy", "retention.ms"} {
		if v := t.Config[k]; v != "" {
			fmt.Fprintf(&b, " --config %s=%s", k, v)
		}
	}
	return b.String()
}
