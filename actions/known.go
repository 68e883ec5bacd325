package actions

import (
	"time"

	"github.com/hijackd/hijackd/schema"
)

const (
	knownFor  = 2 * time.Hour // the look-back at takeover and the lateness of events, with room
	knownMost = 100_000       // about 30 MB
)

// known holds the strongest version seen of each recent finding. What it forgets is published and stored once more when it comes
// again, which every reader merges; actions and alerts are not decided by it.
type known struct {
	versions map[string]*schema.Finding
	queue    []seen // in order of first arrival
}

type seen struct {
	id string
	at time.Time
}

func newKnown() known { return known{versions: map[string]*schema.Finding{}} }

// stronger takes x over if it is the first or the strongest version of its finding, and reports whether it was.
func (k *known) stronger(at time.Time, x *schema.Finding) bool {
	for len(k.queue) > 0 && (len(k.queue) > knownMost || at.Sub(k.queue[0].at) > knownFor) {
		delete(k.versions, k.queue[0].id)
		k.queue = k.queue[1:]
	}
	old := k.versions[x.ID]
	if old != nil && x.Compare(old) <= 0 {
		return false
	}
	if old == nil {
		k.queue = append(k.queue, seen{x.ID, at})
	}
	k.versions[x.ID] = &schema.Finding{
		WithoutHistory: x.WithoutHistory, Informed: x.Informed, Conclusive: x.Conclusive, Confidence: x.Confidence,
		Time: x.Time, EventID: x.EventID, FirstSeen: x.FirstSeen,
	}
	return true
}
