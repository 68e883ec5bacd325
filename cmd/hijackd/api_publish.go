package main

import (
	"context"

	"github.com/hijackd/hijackd/ingest/broker"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/schema"
)

// Received puts a session.revoked that names a session or a user, and no token, onto the user's topic. Any token lane may read it: it hands
// it on to the lane of the session or user, which hands it to each of their tokens. It lies where its session or user would as a key, so
// that a second delivery comes to the same lane, which knows its id; and the placement is the topic's, so that the topic stays well keyed.
func (p *publisher) Received(ctx context.Context, e *schema.Event) error {
	key := []byte(e.Session)
	if len(key) == 0 {
		key = []byte(e.User)
	}
	return p.client.Produce(ctx, p.topics.source, p.topics.placed.Of(key, p.topics.eventPartitions),
		[]broker.Message{{Key: key, Value: decode.AppendEvent(nil, e)}})
}
