package actions

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	knownFor  = 2 * time.Hour // the look-back at takeover and the lateness of events, with room
	knownMost = 100_000       // about 25 MB
)

// known holds the strongest version seen of each recent finding. What it forgets is published and stored once more when it comes
// again, which every reader merges; actions and alerts are not decided by it.
type known struct {
	versions map[string]version
	queue    []seen // in order of first arrival
}

// version is what Finding.Compare looks at.
type version struct {
	withoutHistory, conclusive bool
	informed                   int
	confidence                 float64
	eventID                    string
	time, firstSeen            time.Time
}

func (v *version) finding() *schema.Finding {
	return &schema.Finding{
		WithoutHistory: v.withoutHistory, Informed: v.informed, Conclusive: v.conclusive, Confidence: v.confidence,
		Time: v.time, EventID: v.eventID, FirstSeen: v.firstSeen,
	}
}

type seen struct {
	id string
	at time.Time
}

func newKnown() known { return known{versions: map[string]version{}} }

// stronger takes x over if it is the first or the strongest version of its finding, and reports whether it was.
func (k *known) stronger(at time.Time, x *schema.Finding) bool {
	for len(k.queue) > 0 && (len(k.queue) > knownMost || at.Sub(k.queue[0].at) > knownFor) {
		delete(k.versions, k.queue[0].id)
		k.queue = k.queue[1:]
	}
	old, ok := k.versions[x.ID]
	if ok && x.Compare(old.finding()) <= 0 {
		return false
	}
	if !ok {
		k.queue = append(k.queue, seen{x.ID, at})
	}
	k.versions[x.ID] = version{x.WithoutHistory, x.Conclusive, x.Informed, x.Confidence, x.EventID, x.Time, x.FirstSeen}
	return true
}
