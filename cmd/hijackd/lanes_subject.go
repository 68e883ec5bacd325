package main

import (
	"log/slog"
	"strings"

	"github.com/hijackd/hijackd/detect"
	"github.com/hijackd/hijackd/ingest/decode"
	"github.com/hijackd/hijackd/ingest/lane"
	"github.com/hijackd/hijackd/schema"
	"github.com/hijackd/hijackd/store"
)

// subjectLanes makes the lanes of the sightings topic.
type subjectLanes struct {
	options   func() detect.Options
	sightings *store.Sightings
	publisher *publisher
	log       *slog.Logger
	lanes     *lane.Metrics
}

// lane makes the lane of one start: everything it holds is its own.
func (s *subjectLanes) lane() lane.Lane {
	var decoder *decode.Sightings
	var part int32
	return &lane.Detecting[schema.Sighting]{
		Fold: &subjectFold{subjects: detect.NewSubjects(s.options()), publisher: s.publisher, log: s.log},
		Decode: func(r *schema.Record, g *schema.Sighting) (string, []byte) {
			if reject := decoder.Decode(r, g); reject != nil {
				return reject.Reason.String(), decode.DeadLetter(nil, s.publisher.topics.sightings, part, r, reject)
			}
			return "", nil
		},
		Clone: cloneSighting,
		Changelog: func(partition int32, from int64) lane.Changelog[schema.Sighting] {
			decoder, part = decode.NewSightings(partition), partition
			return &changelog[schema.Sighting]{s.sightings.Cursor(partition, from)}
		},
		Position: func(partition int32, g *schema.Sighting) int64 {
			if g.Partition != partition {
				return -1
			}
			return g.Offset
		},
		Publish:     s.publisher.publish,
		DeadLetters: s.publisher.topics.dead,
		Log:         s.log,
		Metrics:     s.lanes,
		Records:     s.lanes.Sightings,
	}
}

// cloneSighting copies a sighting that waits for its subject's history out of the fetch buffer.
func cloneSighting(g *schema.Sighting) *schema.Sighting {
	c := *g
	for _, s := range []*string{&c.ID, (*string)(&c.Kind), &c.Tenant, (*string)(&c.Scope), &c.Subject, &c.EventID, &c.Token, &c.User, &c.Session, &c.App,
		&c.Geo.Country, &c.Geo.City, &c.Geo.ASOrg, &c.Agent.Family, &c.Agent.OS, &c.Device, &c.JA4, &c.Counts} {
		*s = strings.Clone(*s)
	}
	return &c
}

// subjectFold is the subject fold as a lane sees it: what it finds and orders goes to the signals topic, its notes onto the event topic.
type subjectFold struct {
	subjects  *detect.Subjects
	publisher *publisher
	log       *slog.Logger
	out       detect.Output
}

func (f *subjectFold) Subject(g *schema.Sighting) schema.Subject { return f.subjects.Subject(g) }
func (f *subjectFold) Key(g *schema.Sighting) schema.Key         { return f.subjects.Key(g) }
func (f *subjectFold) Has(k schema.Key) bool                     { return f.subjects.Has(k) }
func (f *subjectFold) Fold(g *schema.Sighting)                   { f.subjects.Fold(g, &f.out) }
func (f *subjectFold) Stored(before int64)                       { f.subjects.Stored(before) }
func (f *subjectFold) Pressed() bool                             { return f.subjects.Pressed() }
func (f *subjectFold) Close()                                    { f.subjects.Close() }
func (f *subjectFold) Outbox(bool) []lane.Outgoing               { return f.publisher.outgoing(&f.out, true, f.log) }
func (f *subjectFold) Load(k schema.Key, history []*schema.Sighting, complete bool) {
	f.subjects.Load(k, history, complete)
}
