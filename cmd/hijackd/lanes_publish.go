package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
)

// topics are the names and sizes of the topics that a process works with.
type topics struct {
	// source is the user's own topic; events is where a token's events share a partition: the same one, or the keyed copy of it.
	source, events, sightings, signals, response, dead, findings, revocations                   string
	eventPartitions, sightingPartitions, signalPartitions, findingPartitions, revokedPartitions int
	// placed says which partition of the event topic a token's events are in.
	placed broker.Placement
}

// publisher sends what lanes and responses have to say to the topics where others read it.
type publisher struct {
	client *broker.Client
	topics *topics
}

// outgoing empties a fold's output into records: findings and commands for the response lanes, notes for the token lanes and, if told to,
// sightings for the subject lanes.
func (p *publisher) outgoing(o *detect.Output, sightings bool, log *slog.Logger) []lane.Outgoing {
	out := make([]lane.Outgoing, 0, len(o.Findings)+len(o.Commands)+len(o.Notes)+len(o.Sightings))
	for i := range o.Findings {
		f := &o.Findings[i]
		r, err := p.signal(f.Tenant, schema.Signal{Finding: f})
		if err != nil { // a value that JSON can't hold, such as NaN: a defect of the rule, which must not stop the lane
			log.Error("finding left out", slog.String("rule", f.Rule), slog.Any("error", err))
			continue
		}
		out = append(out, r)
	}
	for i := range o.Commands {
		c := &o.Commands[i]
		r, err := p.signal(c.Tenant, schema.Signal{Command: c})
		if err != nil {
			log.Error("command left out", slog.String("verb", string(c.Verb)), slog.Any("error", err))
			continue
		}
		out = append(out, r)
	}
	for i := range o.Notes {
		out = append(out, p.note(&o.Notes[i]))
	}
	if !sightings && len(o.Sightings) > 0 {
		kept := o.Sightings
		o.Sightings = nil
		o.Reset()
		o.Sightings = kept
		return out
	}
	buf := make([]byte, 0, usualSighting*len(o.Sightings))
	for i := range o.Sightings {
		var r lane.Outgoing
		r, buf = p.sighting(buf, &o.Sightings[i])
		out = append(out, r)
	}
	o.Reset()
	return out
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
	if len(order) == 1 {
		return p.client.Produce(ctx, order[0].topic, order[0].partition, batches[order[0]])
	}
	errs := make([]error, len(order))
	var wg sync.WaitGroup
	for i, w := range order {
		wg.Go(func() { errs[i] = p.client.Produce(ctx, w.topic, w.partition, batches[w]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// signal is a finding or a command on its way to the response lane of its tenant.
func (p *publisher) signal(tenant string, s schema.Signal) (lane.Outgoing, error) {
	v, err := json.Marshal(s)
	if err != nil {
		return lane.Outgoing{}, fmt.Errorf("encode signal: %w", err)
	}
	key := []byte(tenant)
	return lane.Outgoing{Topic: p.topics.signals, Partition: broker.Placements[0].Of(key, p.topics.signalPartitions), Key: key, Value: v}, nil
}

// usualSighting is what key and value of a usual sighting need, in bytes.
const usualSighting = 640

// sighting is a sighting on its way to the lane of its subject, appended to buf, which is returned.
func (p *publisher) sighting(buf []byte, g *schema.Sighting) (lane.Outgoing, []byte) {
	start := len(buf)
	buf = append(append(append(append(append(buf, g.Tenant...), 0), g.Scope...), ':'), g.Subject...)
	key := buf[start:len(buf):len(buf)]
	start = len(buf)
	buf = decode.AppendSighting(buf, g)
	return lane.Outgoing{Topic: p.topics.sightings, Partition: broker.Placements[0].Of(key, p.topics.sightingPartitions), Key: key,
		Value: buf[start:len(buf):len(buf)]}, buf
}

// note is an event put where the events of its token are: one of hijackd's notes to itself, or one on its way there.
func (p *publisher) note(e *schema.Event) lane.Outgoing {
	key := []byte(e.Token)
	return lane.Outgoing{Topic: p.topics.events, Partition: p.topics.placed.Of(key, p.topics.eventPartitions), Key: key, Value: decode.AppendEvent(nil, e)}
}

// Revoked tells the token's own lane that it was revoked, from which on every use is a replay, and the apps' deny-lists; of a user whose
// sessions all were, the user's.
func (p *publisher) Revoked(ctx context.Context, a *schema.Action) error {
	at := a.FinishedAt
	if at.IsZero() {
		at = time.Now().UTC()
	}
	e := schema.Event{ID: a.ID, Time: at.UnixNano(), Type: schema.SessionRevoked, Tenant: a.Tenant, Token: a.Token, User: a.User,
		Session: a.Session, Outcome: schema.OutcomeAccepted, Repeat: 1}
	if a.Action == schema.RevokeUser { // every session of the user, which the user's own lane knows
		e.Token, e.Session, e.User = "", "", a.Subject
		return p.Received(ctx, &e)
	}
	key := []byte(a.Token)
	part := a.Partition
	if part < 0 { // a person's order doesn't know it
		part = p.topics.placed.Of(key, p.topics.eventPartitions)
	}
	err := p.client.Produce(ctx, p.topics.source, part, []broker.Message{{Key: key, Value: decode.AppendEvent(nil, &e)}})
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
