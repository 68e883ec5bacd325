package main

import (
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/fingerprint"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
)

// routingLanes makes the lanes that write the events of an event topic which is not keyed by token to one that is.
type routingLanes struct {
	key       *fingerprint.Key
	publisher *publisher
	lanes     *lane.Metrics
	metrics   *eventMetrics
}

func (r *routingLanes) lane() lane.Lane {
	in := &intake{key: r.key, topic: r.publisher.topics.source, metrics: r.metrics}
	return &lane.Routing{
		Assigned: in.assign,
		Route: func(rec *schema.Record) (lane.Outgoing, string, []byte) {
			var e schema.Event
			if reject := in.decoder.Decode(rec, &e); reject != nil {
				return lane.Outgoing{}, reject.Reason.String(), decode.DeadLetter(nil, in.topic, in.part, rec, reject)
			}
			in.metrics.add(&in.counted, in.decoder.Counts())
			// Written anew, not copied: the record may hold a raw token.
			o := r.publisher.note(&e)
			o.Time = rec.Time
			return o, "", nil
		},
		Publish:     r.publisher.publish,
		DeadLetters: r.publisher.topics.dead,
		Metrics:     r.lanes,
	}
}
