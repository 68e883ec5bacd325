package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
)

// topics are the names and sizes of the topics that a process works with.
type topics struct {
	// source is the user's own topic; events is where a token's events share a partition: the same one, or the keyed copy of it.
	source, events, signals, response, dead, findings, revocations string
	eventPartitions, findingPartitions, revokedPartitions          int
	signalPartitions                                               int
	// placed says which partition of the event topic a token's events are in.
	placed broker.Placement
}

// publisher sends what lanes and responses have to say to the topics where others read it.
type publisher struct {
	client *broker.Client
	topics *topics
}

// publish appends a lane's outputs, those of one partition in order.
func (p *publisher) publish(ctx context.Context, out []lane.Outgoing) error {
	type where struct {
		topic     string
		partition int32
	}
	var order []where
	batches := map[where][]broker.Message{}
	for _, o := range out {
		w := where{o.Topic, o.Partition}
		if batches[w] == nil {
			order = append(order, w)
		}
		m := broker.Message{Key: o.Key, Value: o.Value}
		if o.Time != 0 {
			m.Time = time.Unix(0, o.Time)
		}
		batches[w] = append(batches[w], m)
	}
	for _, w := range order {
		if err := p.client.Produce(ctx, w.topic, w.partition, batches[w]); err != nil {
			return err
		}
	}
	return nil
}

// signal is a finding on its way to the response lane of its tenant.
func (p *publisher) signal(f *schema.Finding) (lane.Outgoing, error) {
	v, err := json.Marshal(schema.Signal{Finding: f})
	if err != nil {
		return lane.Outgoing{}, fmt.Errorf("encode finding: %w", err)
	}
	n := p.topics.signalPartitions
	return lane.Outgoing{Topic: p.topics.signals, Partition: broker.Placements[0].Of([]byte(f.Tenant), n), Key: []byte(f.Tenant), Value: v}, nil
}

// note is an event put where the events of its token are: one of hijackd's notes to itself, or one on its way there.
func (p *publisher) note(e *schema.Event) lane.Outgoing {
	key := []byte(e.Token)
	return lane.Outgoing{Topic: p.topics.events, Partition: p.topics.placed.Of(key, p.topics.eventPartitions), Key: key, Value: decode.AppendEvent(nil, e)}
}

// Revoked tells the token's own lane that it was revoked, from which on every use is a replay, and the apps' deny-lists.
func (p *publisher) Revoked(ctx context.Context, a *schema.Action) error {
	at := a.FinishedAt
	if at.IsZero() {
		at = time.Now().UTC()
	}
	e := schema.Event{ID: a.ID, Time: at.UnixNano(), Type: schema.SessionRevoked, Tenant: a.Tenant, Token: a.Token, User: a.User,
		Session: a.Session, Outcome: schema.OutcomeAccepted, Repeat: 1}
	key := []byte(a.Token)
	err := p.client.Produce(ctx, p.topics.source, a.Partition, []broker.Message{{Key: key, Value: decode.AppendEvent(nil, &e)}})
	if err != nil {
		return err
	}
	v, err := json.Marshal(revocation{Token: a.Token, Tenant: a.Tenant, Session: a.Session, Reason: a.Reason, ActionID: a.ID, RevokedAt: at})
	if err != nil {
		return fmt.Errorf("encode revocation: %w", err)
	}
	return p.client.Produce(ctx, p.topics.revocations, broker.Placements[0].Of(key, p.topics.revokedPartitions), []broker.Message{{Key: key, Value: v}})
}

// revocation is a record of the compacted revocations topic, which apps may cache as a deny-list.
type revocation struct {
	Token     string    `json:"token"`
	Tenant    string    `json:"tenant"`
	Session   string    `json:"session,omitempty"`
	Reason    string    `json:"reason"`
	ActionID  string    `json:"action_id"`
	RevokedAt time.Time `json:"revoked_at"`
}

// cloudEvent wraps a decided finding for other systems: CloudEvents 1.0, structured mode.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Data            *schema.Finding `json:"data"`
}

// Announce publishes decided findings for whoever wants them.
func (p *publisher) Announce(ctx context.Context, fs []schema.Finding) error {
	batches := map[int32][]broker.Message{}
	for i := range fs {
		f := &fs[i]
		v, err := json.Marshal(cloudEvent{SpecVersion: "1.0", ID: f.ID, Source: "hijackd", Type: "dev.hijackd.finding.v1", Subject: f.Token,
			Time: f.Time, DataContentType: "application/json", Data: f})
		if err != nil {
			return fmt.Errorf("encode finding: %w", err)
		}
		key := []byte(f.Token)
		part := broker.Placements[0].Of(key, p.topics.findingPartitions)
		batches[part] = append(batches[part], broker.Message{Key: key, Value: v,
			Headers: []kafka.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}}})
	}
	for part, ms := range batches {
		if err := p.client.Produce(ctx, p.topics.findings, part, ms); err != nil {
			return err
		}
	}
	return nil
}
